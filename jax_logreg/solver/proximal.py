"""Proximal Newton steps on a working set, for nonsmooth penalties."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import jax
import numpy as np

from jax_logreg import matrix
from jax_logreg.arrays import arange_like, as_array, is_numpy, scalar, set_at
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors.checks import check_integer
from jax_logreg.logistic import Params, damped, hessian_diagonal, over_examples
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.line_search import move, search
from jax_logreg.solver.quadratic import Model, minimise
from jax_logreg.solver.working_set import ProximalState, coupled, in_use, refresh

# A working set of at least one in so many features is no small part of X.
_SMALL = 16
# The same in NumPy, of an X in rows of features, and of any other.
_SMALL_ROWS, _SMALL_COLUMNS = 4, 64
# A path starts with a small working set, which doubles once it is filled to this share.
_FIRST_WORKING_SET, _FILLED = 128, 0.75


@pytree
@dataclass(frozen=True)
class Proximal:
    """Steps to the minimum of a quadratic model plus penalty (Lee, Sun and Saunders, 2014).

    The Hessian of the quadratic model is the weighted Gram matrix of the working set: the features
    in the model, and those nearest to entering it, `working_set` in all. It has blocks between
    classes where parameters are few. It is kept for several steps, so that a step makes one product
    with X, and coordinate descent none. Coefficients outside of the model are exactly 0.
    """

    working_set: int = field(default=512, metadata={"static": True})
    takes_l1: ClassVar[bool] = True
    descends: ClassVar[bool] = True
    at_any_strength: ClassVar[bool] = True
    in_numpy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a working set that is not a positive integer (InputError)."""
        check_integer("working_set", self.working_set, 1)

    def narrowed(self) -> "Proximal":
        """A solver with a small working set, as a path starts with few features."""
        return Proximal(_FIRST_WORKING_SET)

    def widened(self, active: int, n: int) -> "Proximal | None":
        """A solver with twice the working set where the active features of n fill it, else None."""
        size = self.working_set
        return None if size >= n or active <= _FILLED * size else Proximal(2 * size)

    def entries(self, objective: Objective) -> int:
        """Return how many numbers the Hessian of the working set has."""
        q = min(self.working_set, objective.batch.X.shape[0])
        k = objective.batch.Y.shape[0] if coupled(objective, q) else 1
        return (k * (q + 1)) ** 2

    def init(self, objective: Objective, params: Params) -> ProximalState:
        """An empty Hessian, which the first step replaces."""
        n, m = objective.batch.X.shape
        q = min(self.working_set, n)
        rows = params.w.shape[1] if coupled(objective, q) else 1
        side = rows * (q + 1)
        Z = objective.linear(params)
        return ProximalState(
            Z,
            arange_like(params.w, q),
            jnp.zeros_like(params.w, shape=(side, side)),
            jnp.zeros_like(params.w, shape=(rows, m)),
            scalar(0, np.int32),
            *_cross_entropy(objective, params, Z),
            fresh=scalar(True, np.bool_),
        )

    def evaluate(self, objective: Objective, params: Params, state: ProximalState) -> Evaluation:
        """J and the gradient of the smooth part, from what the state keeps."""
        dw = state.dw + objective.l2(params.w) * params.w
        cost = state.cost + objective.penalised(params)
        return Evaluation(cost, Params(dw, state.db), state.Z)

    def evaluated(
        self, objective: Objective, params: Params, state: ProximalState
    ) -> Evaluation | None:
        """The evaluation where the Z of the state is that of these parameters alone, else None."""
        return self.evaluate(objective, params, state) if state.fresh else None

    def step(
        self, objective: Objective, params: Params, state: ProximalState, at: Evaluation
    ) -> tuple[Params, ProximalState]:
        """One move to, or towards, the minimum of the model."""
        A = damped(state.Z, objective.batch.Y, objective.family)
        state = refresh(objective, params, at, state, A)
        target = _minimum(objective, params, at, state, A)
        chosen, _ = in_use(state)
        w = set_at(params.w, chosen, target[:-1])
        b = target[-1:].T
        direction = Params(w - params.w, b - params.b)
        U = _products(objective, direction, chosen)
        l1 = objective.l1(params.w)
        risen = jnp.sum(l1 * (jnp.abs(w) - jnp.abs(params.w)), axis=0)[:, None]
        nonsmooth = objective.family.models(risen)
        t = search(objective, params, at.gradient, direction, state.Z, U, nonsmooth)
        moved = move(params, direction, t)
        # A whole step must give exact zeros: w + (0 - w) may round.
        moved = Params(jnp.where(t.T == 1, w, moved.w), jnp.where(t == 1, b, moved.b))
        if not objective.family.independent:
            # Z needs no shift, which changes no cost of a softmax.
            shifted = _shifted(objective, moved.w, chosen)
            moved = moved._replace(w=set_at(moved.w, chosen, shifted))
        Z, fresh = state.Z + t * U, state.fresh
        if is_numpy(t):
            # The Z of a whole step is that of its own parameters: it may be the last one.
            fresh = scalar(np.all(t == 1) & objective.family.independent, np.bool_)
            Z = _linear(objective, moved) if fresh else Z
        cost, dw, db = _cross_entropy(objective, moved, Z)
        return moved, state._replace(Z=Z, cost=cost, dw=dw, db=db, fresh=fresh)


def _cross_entropy(
    objective: Objective, params: Params, Z: Float[Array, "k m"]
) -> tuple[Array, Array, Array]:
    """The cost without penalty, and its gradient by w and by b."""
    cost, (dw, db), *_ = replace(objective, penalty=None).evaluate_from(params, Z)
    return cost, dw, db


def _shifted(objective: Objective, w: Float[Array, "n k"], features: Array) -> Array:
    """The rows of these features, with all outputs shifted to where their penalty is smallest.

    A shift of all outputs does not change a softmax: only the penalty determines it, and steps
    along it would be short where the penalty is weak. The argmin over t of Σ l1·|w_c + t| +
    l2/2·(w_c + t)² is a median of 2k + 1 points. At k of them a term is not smooth. At k + 1 a
    parabola between two of these has its minimum.

    Source: Friedman, Hastie and Tibshirani, 2010, 4.1.
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


def _minimum(
    objective: Objective,
    params: Params,
    at: Evaluation,
    state: ProximalState,
    A: Float[Array, "k m"],
) -> Array:
    """The w of the working set over b, (q+1, k), near the minimum of the quadratic model."""
    chosen, hessian = in_use(state)
    zero = jnp.zeros_like(params.w, shape=(1, 1))
    l1, l2 = (
        jnp.concatenate([a[chosen], zero]) for a in (objective.l1(params.w), objective.l2(params.w))
    )
    gradient = jnp.concatenate([at.gradient.w[chosen], at.gradient.b.T])
    begin = jnp.concatenate([params.w[chosen], params.b.T])
    if coupled(objective, len(chosen)):
        # All classes as one output with as many features.
        k = begin.shape[1]
        flat = (a.T.reshape(-1, 1) for a in (gradient, begin))
        repeated = (jnp.tile(a, (k, 1)) for a in (l1, l2))
        gradient, begin_flat = flat
        model = Model(gradient, hessian, jnp.ones_like(zero[0]), begin_flat, *repeated)
        found = minimise(model, to_the_end=True).reshape(k, -1).T
        # Where nothing penalises a shift of all classes, rounding makes one: take it out.
        shift = jnp.mean(found - begin, axis=1, keepdims=True)
        return jnp.where(l1 + l2 == 0, found - shift, found)
    # Outputs share the Gram matrix; each scales it by its own mean curvature.
    total = jnp.sum(state.weights)
    curvature = over_examples(hessian_diagonal(A, objective.batch.s))[:, 0]
    scale = curvature / jnp.where(total > 0, total, 1)
    return minimise(Model(gradient, hessian, scale, begin, l1, l2))


def _linear(objective: Objective, params: Params) -> Array:
    """Z in NumPy, from the features in the model alone where they are few."""
    X, w = objective.batch.X, params.w
    used = np.flatnonzero(np.any(w != 0, axis=1)).astype(np.int32)
    # To gather columns costs more than to gather rows.
    if len(used) * (_SMALL_ROWS if matrix.is_array(X) else _SMALL_COLUMNS) > len(w):
        return objective.linear(params)
    return w[used].T @ matrix.features(X, as_array(used)) + params.b


def _products(objective: Objective, direction: Params, features: Array) -> Array:
    if is_numpy(direction.w):
        return _linear(objective, direction)
    X = objective.batch.X
    # Some features are gathered first, which pays only for a small part of X.
    if _SMALL * features.shape[0] >= X.shape[0]:
        return objective.linear(direction)
    with jax.default_matmul_precision("highest"):
        return direction.w[features].T @ matrix.features(X, features) + direction.b
