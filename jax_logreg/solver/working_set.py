"""The features that a proximal step may move, and the Hessian of the quadratic model on them."""

from typing import NamedTuple

import numpy as np

from jax_logreg import matrix
from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import as_array, is_numpy, scalar, set_at, top_k
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params, hessian_diagonal, over_examples
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.hessian import class_hessian

# The Gram matrix is made again once its weights have moved by this share, or after so many steps:
# a few examples may have all the curvature of a feature, and hardly change the sum.
_STALE, _PATIENCE = 0.25, 8
# The same share for the whole Hessian of a softmax, and for a Gram matrix of so few products that
# the rest of a step costs more: the last steps need an exact one.
_STALE_EXACT, _QUICK = 0.01, 2**24
# Parameters of a softmax up to which the model has the Hessian's blocks between classes.
_LARGEST_COUPLED = 768
# In NumPy a working set has the features whose urgency is at least this, and no fewer than so many.
_NEAR, _FEWEST = 0.9, 32
# Columns join a Gram matrix of side u where this times n·p, for p of them, is at most u².
_COLUMN = 2


class ProximalState(NamedTuple):
    """Z (k, m), the working set (q,) and its Hessian, made with weights (1, m) `age` steps ago.

    `cost`, `dw` and `db` are the cross-entropy at Z and its gradient: they hold for any penalty. Z
    is `fresh` where it was computed from the parameters, and not moved along with them.

    The Hessian is a Gram matrix (q+1, q+1) that outputs share. For a softmax with few parameters it
    is the whole Hessian, (k·(q+1), k·(q+1)), with weights (k, m). In NumPy a Gram matrix may be of
    the first features alone: the number -1 follows them, and zeros their part of the matrix.
    """

    Z: Float[Array, "k m"]
    features: Array
    hessian: Float[Array, "p p"]
    weights: Float[Array, "j m"]
    age: Array
    cost: Array
    dw: Float[Array, "n k"]
    db: Float[Array, "k 1"]
    fresh: Array


def coupled(objective: Objective, q: int) -> bool:
    """Return whether the quadratic model of q features has blocks between outputs."""
    k = objective.batch.Y.shape[0]
    return not objective.family.independent and k * (q + 1) <= _LARGEST_COUPLED


def in_use(state: ProximalState) -> tuple[Array, Array]:
    """Return the features of the working set, and their Hessian."""
    features, hessian = state.features, state.hessian
    if not is_numpy(features) or features[-1] >= 0:
        return features, hessian
    used = int(np.count_nonzero(features >= 0))
    return features[:used], hessian[: used + 1, : used + 1]


def refresh(
    objective: Objective,
    params: Params,
    at: Evaluation,
    state: ProximalState,
    A: Float[Array, "k m"],
) -> ProximalState:
    """The state with a working set that has all urgent features, and weights that are not stale."""
    n, q = params.w.shape[0], state.features.shape[0]
    whole = coupled(objective, q)
    weights = hessian_diagonal(A, objective.batch.s)
    if not whole:
        weights = jnp.mean(weights, axis=0, keepdims=True)
    change = jnp.sum(over_examples(jnp.abs(weights - state.weights)))
    total, eps = jnp.sum(state.weights), float(jnp.finfo(weights.dtype).eps)
    quick = in_use(state)[1].shape[0] ** 2 * weights.size <= _QUICK
    stale = change > (_STALE_EXACT if whole or quick else _STALE) * total
    stale = stale | ((state.age >= _PATIENCE) & (change > 100 * eps * total))
    if is_numpy(weights) and not whole and n > _FEWEST:
        return _refresh_in_numpy(objective, params, at, state, weights, bool(stale))
    features = state.features
    if q < n:
        urgency = _urgency(objective, params, at)
        inside = set_at(jnp.zeros_like(features, bool, shape=n), features, True)
        missing = jnp.any((urgency > 1) & ~inside)
        best = jnp.sort(_best(objective, params, at, urgency, q)).astype(np.int32)
        features = jnp.where(missing, best, features)
        stale = stale | missing

    def renew(_: object) -> tuple[Array, Array]:
        X = objective.batch.X if q == n else matrix.features(objective.batch.X, features)
        if whole:
            return class_hessian(objective, X, A), weights
        return objective.gram(X, weights / objective.total), weights

    hessian, weights = where_wanted(stale, renew, (state.hessian, state.weights))
    age = jnp.where(stale, 1, state.age + 1)
    return state._replace(features=features, hessian=hessian, weights=weights, age=age)


def _urgency(objective: Objective, params: Params, at: Evaluation) -> Array:
    """|gradient| / l1 of each feature (n,): above 1 it must enter, in the model it is infinite."""
    l1 = objective.l1(params.w)
    ratio = jnp.max(jnp.abs(at.gradient.w), axis=1) / jnp.where(l1 > 0, l1, 1)[:, 0]
    free = (l1[:, 0] == 0) | jnp.any(params.w != 0, axis=1)
    return jnp.where(free, jnp.inf, ratio)


def _best(objective: Objective, params: Params, at: Evaluation, urgency: Array, q: int) -> Array:
    """The q most urgent features; where more are urgent than fit in, the steepest come first."""
    steepest = jnp.max(jnp.abs(objective.stationarity(params, at.gradient).w), axis=1)
    crowded = jnp.sum(urgency > 1) > q
    return top_k(jnp.where(crowded, steepest, urgency), q)[1]


def _refresh_in_numpy(
    objective: Objective,
    params: Params,
    at: Evaluation,
    state: ProximalState,
    weights: Array,
    stale: bool,
) -> ProximalState:
    """The same with as few features as may move: they join the Gram matrix column by column."""
    q = state.features.shape[0]
    urgency = _urgency(objective, params, at)
    features, gram = in_use(state)
    outside = np.ones(urgency.size, bool)
    outside[features] = False
    more = np.flatnonzero(outside & (urgency > _NEAR)).astype(np.int32)
    if not stale and not np.any(urgency[more] > 1):
        return state._replace(age=state.age + 1)
    # A product with all of X gives the columns: many take longer than a new matrix.
    grown = len(features) + len(more)
    if stale or grown > q or _COLUMN * urgency.size * len(more) > grown**2:
        near = min(max(int(np.count_nonzero(urgency > _NEAR)), _FEWEST), q)
        features = jnp.sort(_best(objective, params, at, urgency, near)).astype(np.int32)
        X = matrix.features(objective.batch.X, features)
        gram, age = objective.gram(X, weights / objective.total), scalar(1, np.int32)
    else:
        weights, age = state.weights, state.age + 1
        gram = _widened(objective, gram, features, as_array(more), weights / objective.total)
        features = jnp.append(features, more)
    hessian = set_at(jnp.zeros_like(state.hessian), np.s_[: len(gram), : len(gram)], gram)
    padded = set_at(jnp.full_like(state.features, -1), np.s_[: len(features)], features)
    return state._replace(features=padded, hessian=hessian, weights=weights, age=age)


def _widened(
    objective: Objective, gram: Array, features: Array, more: Array, d: Float[Array, "1 m"]
) -> Array:
    """The Gram matrix of the features (u,) with those of more (p,), (u+p+1, u+p+1)."""
    X, u, p = objective.batch.X, len(features), len(more)
    weighted = np.asarray(matrix.features(X, more)) * np.asarray(d)
    corner = np.sum(weighted, axis=1) * objective.intercept
    columns = np.vstack([(X @ as_array(weighted.T))[jnp.append(features, more)], corner])
    kept = np.append(np.arange(u), u + p)
    wide = np.empty((u + p + 1, u + p + 1), gram.dtype)
    wide[kept[:, None], kept] = gram
    wide[:, u : u + p] = columns
    wide[u : u + p] = columns.T
    return as_array(wide)
