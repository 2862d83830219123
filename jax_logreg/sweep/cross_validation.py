"""Penalties x folds: which strength predicts what was held out best."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg.arguments import Task, place_arguments
from jax_logreg.keeper import Keeper
from jax_logreg.logistic import Batch, Family, Params
from jax_logreg.loop import Loop
from jax_logreg.matrix import plain_errors
from jax_logreg.penalty import L1, L2, Penalty
from jax_logreg.settings import check_dtype, check_seed, check_settings
from jax_logreg.sweep.driver import run_many
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.folds import held_out
from jax_logreg.sweep.many import choose_many, count_slots, known_by
from jax_logreg.sweep.path import grid, largest_strength, with_strength
from jax_logreg.sweep.scores import Score, check_scorable, find_score
from jax_logreg.sweep.stack import Stack, weigh_rows
from jax_logreg.weights import relative_weights


class CrossValidation(NamedTuple):
    """Scores (p, f) of p strengths on f folds, of which more is better; their mean and standard
    error (p,), NaN of a single fold; and which strength is `best`, and which the strongest within a
    standard error of it.

    `models` are those of all examples, one a strength; `fold_models` those without a fold, strength
    by strength, (p·f, ...).
    """

    strengths: np.ndarray
    scores: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    best: int
    one_standard_error: int
    models: Fits
    fold_models: Fits
    held_out: np.ndarray


@plain_errors()
def cross_validate(
    X: Any,
    Y: Any,
    *,
    strengths: Any = 10,
    smallest: float = 1e-4,
    penalty: Penalty | type[L1] | type[L2] = L2,
    folds: Any = 5,
    groups: Any = None,
    scoring: str = "log_loss",
    seed: int = 0,
    s: Any = None,
    family: str = "auto",
    class_weight: Any = None,
    fit_intercept: bool = True,
    solver: Any = "auto",
    steps: int = 1000,
    tolerance: float = 1e-4,
    dtype: str = "float32",
    device: Any = None,
    devices: int | str | None = None,
    memory: float = 1e9,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Keeper | None = None,
) -> CrossValidation:
    """Fit every strength on all examples and without each fold, and score what was held out.

    The models of all examples come first, and those without a fold start from them: a refit of the
    chosen strength is there already.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        strengths: as in `path`.
        smallest: as in `path`.
        penalty: as in `path`.
        folds: how many, stratified by class; or the share that one alone holds; or the fold of each
            example, (m,); or pairs (train, test) of indices, as scikit-learn's splitters yield.
        groups: (m,): examples of one group stay together.
        scoring: "log_loss", "accuracy", "balanced_accuracy", "brier", "roc_auc".
        seed: of the shuffle that deals the examples out.
        s: as in `fit`; held-out examples are weighted by it too.
        family: as in `fit`.
        class_weight: as in `fit`; of training alone.
        fit_intercept: as in `fit`.
        solver: as in `fit`.
        steps: the largest number of updates of each model.
        tolerance: of each model.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        memory: as in `fit_many`.
        callback: as in `fit_many`.
        checkpoint: as in `fit_many`.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or a checkpoint of other
            arguments.
    """
    dtype = check_dtype(dtype)
    check_settings(steps, tolerance, "off")
    check_seed(seed)
    score = find_score(scoring)
    one = with_strength(penalty)
    with jax.enable_x64(dtype == "float64"):
        task = place_arguments(
            X, Y, s, None, dtype, device, family, one, class_weight, fit_intercept, devices
        )
        out = held_out(folds, task.labels, groups, seed)
        given = relative_weights(s, task.m)
        check_scorable(score, given * out, task.labels)
        method, chosen = choose_many(solver, task)
        loop = Loop(task.objective, method, int(steps), float(tolerance))
        values = grid(strengths, smallest, partial(largest_strength, loop, task.params))
        rows = weigh_rows(given * ~out, class_weight, task)
        # A grid is known by what it was asked for: its largest strength is a sum's, which rounds.
        asked = {"strengths": strengths, "smallest": smallest, "penalty": penalty, "weights": rows}
        models, fold_models = fit_folds(
            loop,
            task,
            values,
            np.repeat(values[:, None], len(out), 1),
            rows,
            memory,
            chosen,
            callback,
            known_by(checkpoint, task, **asked),
        )
        found = score_models(score, task, fold_models.params, given * out, len(values))
    return _chosen(values, found, models, fold_models, out)


def fit_folds(
    loop: Loop,
    task: Task,
    strengths: np.ndarray,
    of_folds: np.ndarray,
    rows: np.ndarray,
    memory: float,
    chosen: str,
    callback: Callable[[int, int], None] | None = None,
    keeper: Keeper | None = None,
) -> tuple[Fits, Fits]:
    """The models of all examples at strengths (p,), and those of the rows (f, m) of weights, at
    of_folds (p, f), that start from them.
    """
    objective = task.objective
    place = partial(jnp.asarray, dtype=objective.batch.s.dtype)
    count, folds = of_folds.shape
    models = count * (1 + folds)
    # Row 0 is of all examples: so both are models of one stack, and run by one program.
    which = np.concatenate([np.zeros(count), np.tile(np.arange(1, 1 + folds), count)])
    parents = np.concatenate([np.full(count, -1), np.repeat(np.arange(count), folds)])
    stack = Stack(
        task.place_rows(np.concatenate([np.asarray(objective.batch.s)[:, : task.m], rows])),
        jnp.asarray(which, jnp.int32),
        {"strength": place(np.concatenate([strengths, of_folds.ravel()]))},
        {},
    )
    starts = jax.tree.map(lambda part: np.asarray(part)[None], task.params)
    slots = count_slots(objective, loop.solver, models, memory)
    found = run_many(loop, task, stack, starts, slots, chosen, parents, callback, keeper)
    return found.part(slice(0, count)), found.part(slice(count, models))


def score_models(
    score: Score, task: Task, params: Params, held: np.ndarray, strengths: int
) -> np.ndarray:
    """The score of each strength's model on each fold's held-out weights, (p, f)."""
    objective = task.objective
    weights = task.place_rows(held)
    parts = (part.reshape(strengths, len(held), *part.shape[1:]) for part in params)
    found = [
        _score_folds(score, objective.family, Params(*one), objective.batch, weights)
        for one in zip(*parts, strict=True)
    ]
    return np.stack(jax.device_get(found))


@partial(jax.jit, static_argnames=("score", "family"))
def _score_folds(
    score: Score, family: Family, params: Params, batch: Batch, weights: Array
) -> Array:
    """The score of model i on the weights (f, m) of fold i."""
    return jax.vmap(lambda params, s: score(params, batch._replace(s=s[None]), family))(
        params, weights
    )


def _chosen(
    strengths: np.ndarray, scores: np.ndarray, models: Fits, fold_models: Fits, out: np.ndarray
) -> CrossValidation:
    mean = scores.mean(axis=1)
    folds, error = scores.shape[1], np.full_like(mean, np.nan)
    if folds > 1:
        error = scores.std(axis=1, ddof=1) / np.sqrt(folds)
    best = int(np.argmax(mean))
    near = np.flatnonzero(mean >= mean[best] - np.nan_to_num(error[best]))
    strongest = int(near[np.argmax(strengths[near])])
    return CrossValidation(
        strengths, scores, mean, error, best, strongest, models, fold_models, out
    )
