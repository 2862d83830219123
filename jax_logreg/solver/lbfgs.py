"""L-BFGS whose first metric knows the Gram matrix, with its line search on Z."""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from jax_logreg.errors import InputError
from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.solver.line_search import move, search
from jax_logreg.solver.metric import Metric, curvatures, make_metric

# Up to here a factorised n x n metric pays for itself.
_LARGEST_GRAM = 1500
# The metric is made anew once its weights have moved by this share, and so many steps after.
_STALE, _PATIENCE = 0.5, 6


class LBFGSState(NamedTuple):
    """Z (k, m) at the parameters, the last `memory` moves and changes of gradient, the metric.

    `taken` counts the steps, `made` is the one that the metric was made at.
    """

    Z: Array
    moves: Array
    changes: Array
    inverse: Array
    taken: Array
    last: Array
    metric: Metric
    made: Array


@pytree
@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, 7.4) on smooth costs.

    The metric is the Hessian of a sample of the examples: whole where n is at most `largest_gram`,
    of low rank beyond, and its diagonal for very many features. A step makes two products with X.
    """

    memory: int = field(default=10, metadata={"static": True})
    largest_gram: int = field(default=_LARGEST_GRAM, metadata={"static": True})

    def __post_init__(self) -> None:
        """Refuse a memory that is not a positive integer (ValueError)."""
        if not isinstance(self.memory, int) or self.memory < 1:
            raise InputError(f"memory is {self.memory!r}: expected an integer of at least 1")

    def init(self, objective: Objective, params: Params) -> LBFGSState:
        """No memory yet, and the metric at the parameters."""
        Z = objective.linear(params)
        flat = _pack(params)
        past = jnp.zeros((self.memory, *flat.shape), flat.dtype)
        inverse = jnp.zeros((self.memory, 1, objective.models), flat.dtype)
        metric = make_metric(objective, params, curvatures(objective, Z), self.largest_gram)
        zero = jnp.int32(0)
        return LBFGSState(Z, past, past, inverse, zero, jnp.zeros_like(flat), metric, zero)

    def evaluate(self, objective: Objective, params: Params, state: LBFGSState) -> Evaluation:
        """J and its gradient, from the Z that the state keeps."""
        return objective.evaluate_from(params, state.Z)

    def step(
        self, objective: Objective, params: Params, state: LBFGSState, at: Evaluation
    ) -> tuple[Params, LBFGSState]:
        """One move along the quasi-Newton direction."""
        gradient = _pack(at.gradient)
        state = _remember(objective, state, gradient)
        state = _fresh(objective, params, state, self.largest_gram)
        direction = _unpack(-_multiply(objective, state, gradient))
        U = objective.linear(direction)
        t = search(objective, params, at.gradient, direction, state.Z, U)
        moved = move(params, direction, t)
        slot = jnp.mod(state.taken, self.memory)
        state = state._replace(
            Z=state.Z + t * U,
            moves=lax.dynamic_update_index_in_dim(
                state.moves, _pack(moved) - _pack(params), slot, 0
            ),
            taken=state.taken + 1,
            last=gradient,
        )
        return moved, state


def _fresh(
    objective: Objective, params: Params, state: LBFGSState, largest_gram: int
) -> LBFGSState:
    """The state with a metric that is not stale."""
    weights = curvatures(objective, state.Z)
    old = state.metric.weights
    moved = jnp.sum(jnp.abs(weights - old)) > _STALE * jnp.sum(old)
    due = moved & (state.taken - state.made >= _PATIENCE)

    def renew() -> tuple[Metric, Array]:
        return make_metric(objective, params, weights, largest_gram), state.taken

    metric, made = lax.cond(due, renew, lambda: (state.metric, state.made))
    return state._replace(metric=metric, made=made)


def _remember(objective: Objective, state: LBFGSState, gradient: Array) -> LBFGSState:
    """Complete the last pair, unless its curvature is lost in rounding."""
    memory = state.moves.shape[0]
    slot = jnp.mod(state.taken - 1, memory)
    last = state.moves[slot]
    change = gradient - state.last
    curvature = _dot(objective, last, change)
    floor = jnp.finfo(gradient.dtype).eps * _dot(objective, change, change) ** 0.5
    floor = floor * _dot(objective, last, last) ** 0.5
    good = (curvature > floor) & (state.taken > 0)
    inverse = jnp.where(good, 1 / jnp.where(good, curvature, 1), 0)
    return state._replace(
        changes=lax.dynamic_update_index_in_dim(state.changes, change, slot, 0),
        inverse=lax.dynamic_update_index_in_dim(state.inverse, inverse, slot, 0),
    )


def _multiply(objective: Objective, state: LBFGSState, gradient: Array) -> Array:
    """The inverse Hessian times the gradient, by the two-loop recursion."""
    memory = state.moves.shape[0]
    order = jnp.mod(state.taken - 1 - jnp.arange(memory, dtype=jnp.int32), memory)

    def backward(q: Array, slot: Array) -> tuple[Array, Array]:
        alpha = state.inverse[slot] * _dot(objective, state.moves[slot], q)
        return q - alpha * state.changes[slot], alpha

    q, alphas = lax.scan(backward, gradient, order)
    r = _precondition(objective, state, q, order[0])

    def forward(r: Array, past: tuple[Array, Array]) -> tuple[Array, None]:
        slot, alpha = past
        beta = state.inverse[slot] * _dot(objective, state.changes[slot], r)
        return r + (alpha - beta) * state.moves[slot], None

    r, _ = lax.scan(forward, r, (order[::-1], alphas[::-1]))
    return r


def _precondition(objective: Objective, state: LBFGSState, q: Array, newest: Array) -> Array:
    # The metric grows stale as probabilities leave 1/2: the newest pair rescales it.
    change = state.changes[newest]
    inverse = state.inverse[newest]
    length = inverse * _dot(objective, change, state.metric.solve(change))
    scale = jnp.where(length > 0, 1 / jnp.where(length > 0, length, 1), 1)
    return scale * state.metric.solve(q)


def _dot(objective: Objective, a: Array, b: Array) -> Array:
    return objective.family.models(jnp.sum(a * b, axis=0, keepdims=True), axis=1)


def _pack(params: Params) -> Array:
    return jnp.concatenate([params.w, params.b.T])


def _unpack(flat: Array) -> Params:
    return Params(flat[:-1], flat[-1:].T)
