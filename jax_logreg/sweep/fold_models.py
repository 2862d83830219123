"""Models of all examples and without each fold, as one sweep, and their held-out scores."""

from collections.abc import Callable

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.compiling import compiled
from jax_logreg.arrays import of_kind, over_models
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.evaluation.scores import Score
from jax_logreg.logistic import Batch, Family, Params
from jax_logreg.loop.body import Loop
from jax_logreg.problem.prepare import Problem
from jax_logreg.sweep.chains import make_chains
from jax_logreg.sweep.driver import run_many
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.many import count_slots
from jax_logreg.sweep.scaling import unscaled
from jax_logreg.sweep.scores import score_held_out
from jax_logreg.sweep.stack import Scaling, Stack


def fit_folds(
    loop: Loop,
    problem: Problem,
    strengths: np.ndarray,
    of_folds: np.ndarray,
    rows: np.ndarray,
    memory: float,
    chosen: str,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Checkpointer | None = None,
    *,
    given: np.ndarray,
    scaling: Scaling | None = None,
) -> tuple[Fits, Fits]:
    """Return the models of all examples, and those of the folds, strength by strength.

    Args:
        loop: what all models share.
        problem: the data, and the weights of all examples.
        strengths: (p,) of all examples.
        of_folds: (p, f) of the folds.
        rows: (f, m) weights of the folds, 0 for what is held out.
        memory: bytes, as in `fit_many`.
        chosen: the solver in words.
        callback: as in `fit_many`.
        checkpoint: of the sweep, or None.
        given: (1, m) weights that depend on no label, for the shared preconditioner.
        scaling: the mean and the scale (1 + f, n, 1) of the features of all examples, of each fold.
    """
    objective = problem.objective
    s = objective.batch.s
    # Column and row 0 are of all examples: so all are models of one stack, and run by one program.
    columns = np.concatenate([strengths[:, None], of_folds], axis=1)
    which = np.tile(np.arange(columns.shape[1]), len(columns))
    stack = Stack(
        problem.place_rows(np.concatenate([np.asarray(s)[:, : problem.m], rows])),
        of_kind(which.astype(np.int32), s),
        {"strength": of_kind(columns.ravel().astype(s.dtype), s)},
        {},
        scaling,
    )
    shared = objective.on(objective.batch._replace(s=problem.place_rows(given)))
    loop = loop._replace(objective=shared)
    starts = jax.tree.map(lambda part: np.asarray(part)[None], problem.params)
    slots = count_slots(objective, loop.solver, which.size, memory)
    chains = make_chains(columns, slots)
    found = run_many(loop, problem, stack, starts, chains, chosen, callback, checkpoint)
    if scaling is not None:
        found = found._replace(params=unscaled(found.params, scaling, which))
    return found.part(np.flatnonzero(which == 0)), found.part(np.flatnonzero(which))


def score_models(
    score: Score, problem: Problem, params: Params, held: np.ndarray, strengths: int
) -> np.ndarray:
    """The score of each strength's model on each fold's held-out weights, (p, f)."""
    objective = problem.objective
    weights = problem.place_rows(held)
    parts = (part.reshape(strengths, len(held), *part.shape[1:]) for part in params)
    found = [
        _scored(score, objective.family, Params(*one), objective.batch, weights)
        for one in zip(*parts, strict=True)
    ]
    return np.stack(jax.device_get(found))


def _score_folds(
    score: Score, family: Family, params: Params, batch: Batch, weights: Array
) -> Array:
    """The score of model i on the weights (f, m) of fold i."""

    def of_fold(params: Params, s: Array) -> Array:
        return score_held_out(score, params, batch._replace(s=s[None]), family)

    return over_models(of_fold)(params, weights)


_scored = compiled(_score_folds, first_static=("score", "family"))
