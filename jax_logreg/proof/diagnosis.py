"""Findings in the data where features are unpenalised: separation and collinearity."""

from collections.abc import Sequence
from functools import partial

import jax
import numpy as np

from jax_logreg._jax.compiling import compiled
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors.wording import name_features, sentence
from jax_logreg.hosts import spans
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import examples, squares
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import by_feature, gather
from jax_logreg.proof.collinear import collinear_features
from jax_logreg.proof.separation import find_separation
from jax_logreg.shapes import X_nm
from jax_logreg.status import Status

# Beyond these, (n + 1)·k unknowns and n features, the search takes longer than most fits.
_LARGEST_PROGRAM = 2000
_LARGEST_RANK = 1000
# The most entries of an X in parts, over hosts or by features, that are gathered.
_LARGEST_GATHERED = 2**24
_NOT_LOOKED_FOR = "X is in parts and large: separation and collinearity were not looked for."
# Statuses of a run that claims, or nearly reached, an optimum.
JUDGED = (Status.CONVERGED, Status.STEPS_EXHAUSTED, Status.PRECISION_FLOOR)


def diagnose(
    objective: Objective,
    params: Params,
    status: Status,
    names: Sequence[str] | None = None,
) -> tuple[Status, tuple[str, ...]]:
    """The status, SEPARABLE where there is no finite optimum, and a sentence on each finding.

    Only unpenalised features are examined: a penalty makes the optimum finite and unique.
    """
    n, _ = params.w.shape
    free = unpenalised(objective, n)
    if status not in JUDGED or not free.any():
        return status, ()
    if spans(objective.batch.s) or by_feature(objective.batch.s):
        if n * objective.batch.s.size > _LARGEST_GATHERED:
            return status, (_NOT_LOOKED_FOR,)
        objective = objective.on(_whole(objective.batch, n))
    if names is not None:
        names = [" ".join(str(name).split()) for name in names]
    status, notes = _separable(objective, params, status, free, names)
    columns = np.flatnonzero(free)
    if len(columns) <= _LARGEST_RANK:
        notes.extend(_collinear(objective, columns, names, status))
    else:
        notes.append(f"With {len(columns)} unpenalised features, collinearity was not looked for.")
    return status, tuple(notes)


def is_standardised(batch: Batch) -> bool:
    """Return whether every feature has mean 0 and deviation 1, or is 0, up to a hundredth."""
    mean, square = (np.asarray(one, np.float64) for one in _moments(batch))
    near = np.isclose(square, 1, atol=0.02) | (square == 0)
    return bool(np.all((np.abs(mean) < 0.01) & near))


@compiled
def _moments(batch: Batch) -> tuple[jax.Array, jax.Array]:
    total = jnp.sum(batch.s)
    return batch.X @ batch.s.T / total, squares(batch.X, batch.s) / total


def _separable(
    objective: Objective,
    params: Params,
    status: Status,
    free: np.ndarray,
    names: Sequence[str] | None,
) -> tuple[Status, list[str]]:
    """SEPARABLE and the features that separate, if any do; else the status."""
    unknowns = (int(free.sum()) + 1) * params.w.shape[1]
    if unknowns > _LARGEST_PROGRAM:
        return status, [f"With {unknowns} unknowns, separation was not looked for."]
    X, Y, s = objective.batch
    found = find_separation(
        X,
        np.asarray(Y),
        np.asarray(s),
        multinomial=not objective.family.independent,
        free=free,
        intercept=objective.intercept,
        params=params,
    )
    if found is None:
        return status, []
    return Status.SEPARABLE, [sentence(found.describe(names))]


def _whole(batch: Batch, n: int) -> Batch:
    """A batch in parts, dense and of n features, on each host."""
    index = np.arange(batch.s.size, dtype=np.int32)
    return gather(batch._replace(X=_columns(batch.X, index, n)))


@partial(jax.jit, static_argnames="n")
def _columns(X: X_nm, index: jax.Array, n: int) -> jax.Array:
    return examples(X, index)[:n]


def is_penalised(objective: Objective) -> bool:
    """Return whether any feature has a penalty."""
    return not unpenalised(objective, objective.batch.X.shape[0]).all()


def unpenalised(objective: Objective, n: int) -> np.ndarray:
    """Return which of n features have no penalty, (n,)."""
    if objective.penalty is None:
        return np.ones(n, bool)
    both = np.asarray(objective.penalty.l1) + np.asarray(objective.penalty.l2)
    return np.broadcast_to(np.ravel(both)[:n], n) == 0


def _collinear(
    objective: Objective, columns: np.ndarray, names: Sequence[str] | None, status: Status
) -> list[str]:
    """A sentence on features that are constant, and one on linear combinations of others."""
    X, _, s = objective.batch
    found = collinear_features(X, np.asarray(s), intercept=objective.intercept, columns=columns)
    constant = [one.feature for one in found if not one.others]
    combined = [one.feature for one in found if one.others]
    notes = []
    if constant:
        several = len(constant) > 1
        verb, own = ("are", "their own coefficients") if several else ("is", "its own coefficient")
        kind = "0 for every example"
        if objective.intercept:
            they = "belong to the intercept, with which they are"
            it = "belongs to the intercept, with which it is"
            kind = f"constant and {they if several else it} collinear"
        notes.append(
            f"{name_features(constant, names)} {verb} {kind}: the data do not determine {own}"
        )
    if combined:
        others = name_features(sorted({j for one in found for j in one.others}), names)
        if any(one.others and one.intercept for one in found):
            others += " and the intercept"
        kind = "are linear combinations" if len(combined) > 1 else "is a linear combination"
        # Of separable classes, predictions are not unique either.
        unique = "" if status is Status.SEPARABLE else ", predictions are"
        notes.append(
            f"{name_features(combined, names)} {kind} of {others}: single coefficients are not "
            f"unique{unique}"
        )
    return [sentence(note) for note in notes]
