"""C x folds of each l1_ratio as sweeps over one X, whatever classes a fold has."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from jax_logreg.problem.prepare import Problem, prepare
from jax_logreg.sklearn.absent import completed_fits, joined, one_hot, single
from jax_logreg.sklearn.border import Rows, options_of, penalty_of
from jax_logreg.solver import executor_for
from jax_logreg.sweep import fit_many
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.fold_models import fit_folds
from jax_logreg.sweep.many import loop_of

# Bytes that the models of a sweep take beside X, unless said otherwise.
_MEMORY = 1e9


class Grid(NamedTuple):
    """The models of one l1_ratio: of all examples (Cs,), and of the folds (Cs·folds,).

    `problem` is the data, None if only one class has weight.
    """

    problem: Problem | None
    models: Fits
    fold_models: Fits


def masks(indices: Sequence[np.ndarray], rows: Rows) -> np.ndarray:
    """Return a mask (f, m') of bool: the examples that each fold's indices name."""
    masks = np.zeros((len(indices), len(rows.weights)), bool)
    for mask, index in zip(masks, indices, strict=True):
        mask[: rows.m][index] = True
    return masks


def weigh_folds(estimator: BaseEstimator, rows: Rows, train: np.ndarray) -> np.ndarray:
    """Return the weights (f, m') of folds from their masks `train`, (f, m') of bool.

    Balanced weights count the classes that a fold trains on. Counted over all examples they would
    leak the labels of its held-out part.
    """
    if not isinstance(estimator.class_weight, str):
        return train * rows.weights
    weights = train * rows.given
    sums = weights @ (rows.number[:, None] == rows.every)
    here = sums > 0
    factors = weights.sum(axis=1, keepdims=True) / np.where(here, sums, 1)
    factors = factors / np.maximum(here.sum(axis=1, keepdims=True), 1)
    return weights * factors[:, rows.number]


def fit_grids(
    estimator: object,
    rows: Rows,
    weights: np.ndarray,
    Cs: np.ndarray,
    l1_ratios: np.ndarray,
) -> list[Grid]:
    """Return for each l1_ratio the models of all examples, and of each fold's weights (f, m').

    Folds with all classes are one sweep. Folds that lack classes are another sweep for each set of
    classes.

    Raises:
        ValueError: a fold without weight.
    """
    empty = np.flatnonzero(~weights.any(axis=1))
    if empty.size:
        raise ValueError(
            f"fold {empty[0]} trains on no example with a weight: expected some above 0: pass "
            "another cv, or other weights"
        )
    whole = rows.fitted(rows.weights)
    groups: dict[tuple[int, ...], list[int]] = {}
    for fold, own in enumerate(weights):
        groups.setdefault(tuple(rows.fitted(own)), []).append(fold)
    grids, X = [], rows.X
    for ratio in l1_ratios:
        part = _Part(estimator, rows._replace(X=X), float(ratio), Cs, len(weights))
        folds = groups.get(tuple(whole), [])
        problem, models, together = part.fit_all(whole, weights[folds])
        X = X if problem is None else problem.objective.batch.X
        part = part._replace(rows=rows._replace(X=X))
        found = [(part.places(folds), together)]
        for which, lacking in groups.items():
            if which != tuple(whole):
                own = part.fit_lacking(np.array(which), weights[lacking])
                found.append((part.places(lacking), own))
        grids.append(Grid(problem, models, joined(found)))
    return grids


class _Part(NamedTuple):
    """The data and settings that the fits of one l1_ratio share."""

    estimator: BaseEstimator
    rows: Rows
    ratio: float
    Cs: np.ndarray
    folds: int

    def places(self, folds: list[int]) -> np.ndarray:
        """Return the places of some folds' models among those of all, C by C."""
        return (np.arange(len(self.Cs))[:, None] * self.folds + np.array(folds, int)).ravel()

    def strengths(self, weights: np.ndarray) -> np.ndarray:
        """Return strengths (Cs, f): C weighs a sum of losses, a strength their mean."""
        return 1 / (self.Cs[:, None] * weights.sum(axis=1))

    def fit_all(self, which: np.ndarray, weights: np.ndarray) -> tuple[Problem | None, Fits, Fits]:
        """Return the problem, the models of all examples, and those of folds with all classes."""
        rows, estimator, count = self.rows, self.estimator, len(self.Cs)
        if len(which) == 1:
            models = single(count, rows.X.shape[0], rows.precision)
            folds = single(count * len(weights), rows.X.shape[0], rows.precision)
            return None, self._completed(models, which), self._completed(folds, which)
        penalty, labels = penalty_of(self.ratio, 1.0), rows.labels(which)
        options = options_of(estimator, rows, penalty is None or penalty.smooth)
        executor = executor_for(options["solver"], options["executor"])
        problem = prepare(
            rows.X,
            labels,
            options,
            penalty=penalty,
            executor=executor,
            models=count * (1 + len(weights)),
        )
        problem = problem._replace(names=rows.names(estimator))
        stop = options["steps"], options["tolerance"]
        loop, chosen = loop_of(options["solver"], problem, *stop)
        models, folds = fit_folds(
            loop,
            problem,
            self.strengths(rows.weights[None])[:, 0],
            self.strengths(weights),
            weights,
            _memory(estimator),
            chosen,
            given=rows.given[None],
        )
        return problem, self._completed(models, which), self._completed(folds, which)

    def fit_lacking(self, which: np.ndarray, weights: np.ndarray) -> Fits:
        """Return the models of folds that have these classes alone."""
        rows, estimator, count = self.rows, self.estimator, len(self.Cs)
        if len(which) == 1:
            fits = single(count * len(weights), rows.X.shape[0], rows.precision)
            return self._completed(fits, which)
        penalty = penalty_of(self.ratio, self.strengths(weights).ravel())
        options = options_of(estimator, rows, penalty is None or penalty.smooth)
        options["s"] = np.tile(weights, (count, 1))
        fits = fit_many(
            rows.X,
            one_hot(rows.number, which),
            penalty=penalty,
            memory=_memory(estimator),
            **options,
        )
        return self._completed(fits, which)

    def _completed(self, fits: Fits, which: np.ndarray) -> Fits:
        if len(which) == len(self.rows.classes):
            return fits
        return completed_fits(fits, which, len(self.rows.classes))


def _memory(estimator: BaseEstimator) -> float:
    return _MEMORY if estimator.memory is None else estimator.memory
