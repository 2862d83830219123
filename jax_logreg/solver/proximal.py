"""Proximal Newton steps on a working set, for penalties with a kink."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jax_logreg import matrix
from jax_logreg.batching import where_wanted
from jax_logreg.checks import check_integer
from jax_logreg.logistic import Params, hessian_diagonal, over_examples
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.solver.line_search import move, search
from jax_logreg.solver.quadratic import Model, minimise

# The Gram matrix is made anew once its weights have moved by this share.
_STALE = 0.25
# A working set of this share of the features, or more, is no small part of X.
_SMALL = 16


class ProximalState(NamedTuple):
    """Z (k, m), the working set (q,) and its Gram matrix (q+1, q+1), of weights (1, m)."""

    Z: Array
    features: Array
    gram: Array
    weights: Array


@pytree
@dataclass(frozen=True)
class Proximal:
    """Steps to the minimum of a quadratic model plus penalty (Lee, Sun and Saunders, 2014).

    The model's Hessian is the weighted Gram matrix of the `working_set` features that are in the
    model or nearest to entering it; it is kept while it serves, so a step makes one product with
    X, and coordinate descent on the model none. Coefficients that are out are exactly 0.
    """

    working_set: int = field(default=512, metadata={"static": True})
    takes_l1: ClassVar[bool] = True
    descends: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a working set that is not a positive integer (ValueError)."""
        check_integer("working_set", self.working_set, 1)

    def entries(self, objective: Objective) -> int:
        """How many numbers the Gram matrix of the working set has."""
        return (min(self.working_set, objective.batch.X.shape[0]) + 1) ** 2

    def init(self, objective: Objective, params: Params) -> ProximalState:
        """An empty Gram matrix, which the first step replaces."""
        n, m = objective.batch.X.shape
        q = min(self.working_set, n)
        dtype = params.w.dtype
        return ProximalState(
            objective.linear(params),
            jnp.arange(q, dtype=jnp.int32),
            jnp.zeros((q + 1, q + 1), dtype),
            jnp.zeros((1, m), dtype),
        )

    def evaluate(self, objective: Objective, params: Params, state: ProximalState) -> Evaluation:
        """J and the gradient of the smooth part, from the Z that the state keeps."""
        return objective.evaluate_from(params, state.Z)

    def step(
        self, objective: Objective, params: Params, state: ProximalState, at: Evaluation
    ) -> tuple[Params, ProximalState]:
        """One move to, or towards, the minimum of the model."""
        curvature = hessian_diagonal(state.Z, objective.batch.s, objective.family)
        state = _refresh(objective, params, at, state, curvature)
        model = _model(objective, params, at, state, curvature)
        target = minimise(model)
        chosen = state.features
        w = params.w.at[chosen].set(target[:-1])
        b = target[-1:].T
        direction = Params(w - params.w, b - params.b)
        U = _products(objective, direction, chosen)
        l1 = objective.l1(params.w)
        risen = jnp.sum(l1 * (jnp.abs(w) - jnp.abs(params.w)), axis=0)[:, None]
        kink = objective.family.models(risen)
        t = search(objective, params, at.gradient, direction, state.Z, U, kink)
        moved = move(params, direction, t)
        # A whole step lands on exact zeros, which w + (0 - w) does not promise.
        moved = Params(jnp.where(t.T == 1, w, moved.w), jnp.where(t == 1, b, moved.b))
        if not objective.family.independent:
            # Z needs no shift: the cost of a softmax does not see it.
            moved = moved._replace(w=moved.w.at[chosen].set(_shifted(objective, moved.w, chosen)))
        return moved, state._replace(Z=state.Z + t * U)


def _shifted(objective: Objective, w: Array, features: Array) -> Array:
    """The rows of these features, all outputs moved by what makes their penalty the smallest.

    A softmax stays the same, so only the penalty says where the outputs of a feature stand, and
    steps along that direction would be as short as the penalty is weak. argmin over t of
    Σ l1·|w_c + t| + l2/2·(w_c + t)² is a median of 2k + 1 points: the k where a term has its kink,
    and the k + 1 where a parabola between two of them has its minimum (Friedman, Hastie and
    Tibshirani, 2010, 4.1).
    """
    l1, l2 = objective.l1(w)[features], objective.l2(w)[features]
    w = w[features]
    k = w.shape[1]
    signs = jnp.arange(-k, k + 1, 2, dtype=w.dtype)[None]
    limits = jnp.finfo(w.dtype)
    pull = jnp.minimum(l1 / (k * jnp.maximum(l2, limits.tiny)), limits.max / (2 * k))
    minima = -jnp.mean(w, axis=1, keepdims=True) + pull * signs
    shift = jnp.median(jnp.concatenate([-w, minima], axis=1), axis=1, keepdims=True)
    return jnp.where(l1 + l2 > 0, w + shift, w)


def _refresh(
    objective: Objective,
    params: Params,
    at: Evaluation,
    state: ProximalState,
    curvature: Array,
) -> ProximalState:
    """The state with a working set that holds all that matters, and weights that are not stale."""
    n, q = params.w.shape[0], state.features.shape[0]
    weights = jnp.mean(curvature, axis=0, keepdims=True)
    change = over_examples(jnp.abs(weights - state.weights))[0, 0]
    stale = change > _STALE * jnp.sum(state.weights)
    features = state.features
    if q < n:
        urgency = _urgency(objective, params, at)
        inside = jnp.zeros(n, bool).at[features].set(True)
        missing = jnp.any((urgency > 1) & ~inside)
        # More than fit in take turns, the steepest first.
        steepest = jnp.max(jnp.abs(objective.stationarity(params, at.gradient).w), axis=1)
        crowded = jnp.sum(urgency > 1) > q
        best = lax.top_k(jnp.where(crowded, steepest, urgency), q)[1]
        best = jnp.sort(best).astype(jnp.int32)
        features = jnp.where(missing, best, features)
        stale = stale | missing

    def renew(_: Any) -> tuple[Array, Array]:
        X = objective.batch.X if q == n else matrix.features(objective.batch.X, features)
        return objective.gram(X, weights / objective.total), weights

    gram, weights = where_wanted(stale, renew, (state.gram, state.weights))
    return state._replace(features=features, gram=gram, weights=weights)


def _urgency(objective: Objective, params: Params, at: Evaluation) -> Array:
    """|gradient| / l1 of each feature (n,), which above 1 must enter; infinite for those in."""
    l1 = objective.l1(params.w)
    ratio = jnp.max(jnp.abs(at.gradient.w), axis=1) / jnp.where(l1 > 0, l1, 1)[:, 0]
    free = (l1[:, 0] == 0) | jnp.any(params.w != 0, axis=1)
    return jnp.where(free, jnp.inf, ratio)


def _model(
    objective: Objective,
    params: Params,
    at: Evaluation,
    state: ProximalState,
    curvature: Array,
) -> Model:
    chosen = state.features
    total = jnp.sum(state.weights)
    zero = jnp.zeros_like(params.w, shape=(1, 1))
    # Outputs share the Gram matrix; each scales it by its own mean curvature.
    scale = over_examples(curvature)[:, 0] / jnp.where(total > 0, total, 1)
    l1, l2 = (
        jnp.concatenate([a[chosen], zero]) for a in (objective.l1(params.w), objective.l2(params.w))
    )
    return Model(
        gradient=jnp.concatenate([at.gradient.w[chosen], at.gradient.b.T]),
        hessian=state.gram,
        scale=scale,
        start=jnp.concatenate([params.w[chosen], params.b.T]),
        l1=l1,
        l2=l2,
    )


def _products(objective: Objective, direction: Params, features: Array) -> Array:
    X = objective.batch.X
    # A part is gathered first, which only a small one is worth.
    if _SMALL * features.shape[0] >= X.shape[0]:
        return objective.linear(direction)
    with jax.default_matmul_precision("highest"):
        return direction.w[features].T @ matrix.features(X, features) + direction.b
