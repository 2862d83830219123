"""A saved run belongs to its problem: all that its answer depends on, line by line."""

import numpy as np

from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.errors.describing import describe
from jax_logreg.matrix import identify
from jax_logreg.problem.prepare import Problem


def bind(
    checkpoint: Checkpointer | None, problem: Problem, **settings: object
) -> Checkpointer | None:
    """Return the checkpoint of the states of this problem alone: X, Y, and what goes with them.

    The weights, penalty and start are those of the problem, unless `settings` name others. Solver,
    steps and tolerance have to be among the settings. X is digested once, on all cores; a stream is
    read once more. Of several hosts each has the digest of its own part.
    """
    if checkpoint is None:
        return None
    given, objective = problem.given, problem.objective
    dtype = str(objective.batch.s.dtype)
    X = identify(given.X, dtype)
    own = {"s": np.asarray(given.s, np.float64), "penalty": given.penalty, "start": given.start}
    lines = {
        "dtype": dtype,
        "X": X.line,
        "Y": describe(given.Y.astype(np.uint8)),
        "family": objective.family.name,
    }
    rest = {"intercept": objective.intercept, **own, **settings}
    return checkpoint.of(X.views, **lines, **{key: describe(value) for key, value in rest.items()})
