"""What a fit says of its data where features are unpenalised: separation and collinearity."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jax_logreg.collinear import collinear_features
from jax_logreg.devices import by_feature, gather
from jax_logreg.hosts import spans
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import examples
from jax_logreg.objective import Objective
from jax_logreg.separation import find_separation
from jax_logreg.status import Status

# Beyond these, (n + 1)·k unknowns and n features, the answers take longer than most fits.
_LARGEST_PROGRAM = 2000
_LARGEST_RANK = 1000
# Entries of an X in parts, over hosts or by features, that are brought together.
_LARGEST_GATHERED = 2**24
_NOT_LOOKED_FOR = "X is in parts and large: separation and collinearity were not looked for."
# Ends of a run that claim, or would have claimed, an optimum.
_JUDGED = (Status.CONVERGED, Status.STEPS_EXHAUSTED, Status.PRECISION_FLOOR)


def diagnose(
    objective: Objective,
    params: Params,
    status: Status,
    names: Sequence[str] | None = None,
) -> tuple[Status, tuple[str, ...]]:
    """The status, SEPARABLE where there is no finite optimum, and a sentence on each finding.

    Only unpenalised features can separate or be collinear to any effect: others are not looked at.
    """
    n, k = params.w.shape
    free = _unpenalised(objective, n)
    if status not in _JUDGED or not free.any():
        return status, ()
    notes: list[str] = []
    if spans(objective.batch.s) or by_feature(objective.batch.s):
        if n * objective.batch.s.size > _LARGEST_GATHERED:
            return status, (_NOT_LOOKED_FOR,)
        objective = objective.on(_whole(objective.batch, n))
    if names is not None:
        names = [" ".join(str(name).split()) for name in names]
    if (free.sum() + 1) * k > _LARGEST_PROGRAM:
        notes.append(f"With {(free.sum() + 1) * k} unknowns, separation was not looked for.")
    else:
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
        if found is not None:
            return Status.SEPARABLE, (_sentence(found.describe(names)),)
    if free.all() and n <= _LARGEST_RANK:
        notes.extend(_collinear(objective, names))
    return status, tuple(notes)


def _whole(batch: Batch, n: int) -> Batch:
    """A batch in parts, dense and of n features, on each host."""
    index = np.arange(batch.s.size, dtype=np.int32)
    X = jax.jit(lambda X, index: examples(X, index)[:n])(batch.X, index)
    return gather(batch._replace(X=X))


def _unpenalised(objective: Objective, n: int) -> np.ndarray:
    if objective.penalty is None:
        return np.ones(n, bool)
    both: Any = np.asarray(objective.penalty.l1) + np.asarray(objective.penalty.l2)
    return np.broadcast_to(both.reshape(-1)[:n], n) == 0


def _collinear(objective: Objective, names: Sequence[str] | None) -> list[str]:
    X, _, s = objective.batch
    found = collinear_features(X, np.asarray(s), intercept=objective.intercept)
    if not found:
        return []
    shown = [str(j if names is None else names[j]) for j in found[:10]]
    shown += ["..."] * (len(found) > 10)
    return [
        f"Features {', '.join(shown)} are linear combinations of the others: predictions are "
        "unique, single coefficients are not."
    ]


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
