"""L-BFGS whose first metric knows the Gram matrix, with its line search on Z."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jax_logreg._jax.batching import where_wanted
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_integer
from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.solver.basis import Basis, SharedMetric, make_basis, shared_metric
from jax_logreg.solver.line_search import move, search
from jax_logreg.solver.metric import Metric, curvatures, make_metric
from jax_logreg.solver.ring import Memory, dots, minus, multiply, put, remember

# Up to here a factorised n x n metric pays for itself.
_LARGEST_GRAM = 1500
# The metric is made anew once its weights have moved by this share, and so many steps after.
_STALE, _PATIENCE = 0.5, 6


class LBFGSState(NamedTuple):
    """Z (k, m) at the parameters, the memory, the last gradient, that divided by the metric.

    `taken` counts the steps, `made` is the one that the metric was made at.
    """

    Z: Array
    memory: Memory
    taken: Array
    last: Params
    last_divided: Params
    metric: Metric | SharedMetric
    made: Array


@pytree
@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, 7.4) on smooth costs.

    The metric is the Hessian of a sample of the examples: whole where n is at most `largest_gram`,
    of low rank beyond, and its diagonal for very many features. A step makes two products with X.
    Many models over one X share a `basis` instead, in which the metric of each is diagonal.
    """

    memory: int = field(default=10, metadata={"static": True})
    largest_gram: int = field(default=_LARGEST_GRAM, metadata={"static": True})
    basis: Basis | None = None
    descends: ClassVar[bool] = True

    @property
    def arrays(self) -> int:
        """Arrays of the size of the parameters in the memory: S, Y and P."""
        return 3 * self.memory

    def share(self, objective: Objective, params: Params) -> Basis | None:
        """The basis in which the metric of each of many models is diagonal."""
        return make_basis(objective, params)

    def sharing(self, basis: Basis) -> "LBFGS":
        """The same with a basis that many models share."""
        return replace(self, basis=basis)

    def __post_init__(self) -> None:
        """Refuse a memory that is not a positive integer (ValueError)."""
        check_integer("memory", self.memory, 1)
        check_integer("largest_gram", self.largest_gram, 0)

    def check(self, many: bool) -> None:
        """Refuse a basis that is none (ValueError)."""
        if self.basis is not None and not isinstance(self.basis, Basis):
            raise InputError(f"basis is {brief(self.basis)}: expected None")

    def entries(self, objective: Objective) -> int:
        """How many numbers the memory and a whole metric have."""
        n, k = objective.batch.X.shape[0], objective.batch.Y.shape[0]
        ring = 3 * self.memory * (n + 1) * k + 2 * self.memory**2 * k
        return ring + (n**2 if n <= self.largest_gram else 0)

    def init(self, objective: Objective, params: Params) -> LBFGSState:
        """No memory yet, and the metric at the parameters."""
        Z = objective.linear(params)
        none = jax.tree.map(jnp.zeros_like, _vector(objective, params))
        past = jax.tree.map(lambda a: jnp.repeat(a[:, None], self.memory, axis=1), none)
        square = jnp.zeros_like(Z, shape=(objective.models, self.memory, self.memory))
        memory = Memory(past, past, past, square, square, square[:, 0])
        metric = self._metric(objective, params, curvatures(objective, Z))
        zero = jnp.int32(0)
        return LBFGSState(Z, memory, zero, none, none, metric, zero)

    def _metric(
        self, objective: Objective, params: Params, weights: Array
    ) -> Metric | SharedMetric:
        if self.basis is not None:
            return shared_metric(self.basis, objective, params, weights)
        return make_metric(objective, params, weights, self.largest_gram)

    def evaluate(self, objective: Objective, params: Params, state: LBFGSState) -> Evaluation:
        """J and its gradient, from the Z that the state keeps; beside, how stale the metric is."""
        if self.basis is not None:
            return objective.evaluate_from(params, state.Z)
        assert isinstance(state.metric, Metric)
        old = state.metric.weights
        moved = jnp.abs(curvatures(objective, state.Z, damp=False) - old)
        return objective.evaluate_from(params, state.Z, (moved, old))

    @jax.default_matmul_precision("highest")
    def step(
        self, objective: Objective, params: Params, state: LBFGSState, at: Evaluation
    ) -> tuple[Params, LBFGSState]:
        """One move along the quasi-Newton direction."""
        gradient = _vector(objective, at.gradient)
        newest = jnp.mod(state.taken - 1, self.memory)
        if self.basis is None:
            state = _fresh(objective, params, state, at, self.largest_gram)
        divided = _divide(objective, state.metric, gradient, self.basis)
        change, divided_change = (
            minus(gradient, state.last),
            minus(divided, state.last_divided),
        )
        memory = remember(state.memory, newest, change, divided_change, state.taken > 0)
        ascent = multiply(memory, newest, gradient, divided)
        direction = _params(objective, jax.tree.map(jnp.negative, ascent))
        U = objective.linear(direction)
        t = search(objective, params, at.gradient, direction, state.Z, U)
        moved = move(params, direction, t)
        slot = jnp.mod(state.taken, self.memory)
        made = minus(_vector(objective, moved), _vector(objective, params))
        memory = memory._replace(moves=put(memory.moves, made, slot))
        state = state._replace(
            Z=state.Z + t * U,
            memory=memory,
            taken=state.taken + 1,
            last=gradient,
            last_divided=divided,
        )
        return moved, state


def _fresh(
    objective: Objective, params: Params, state: LBFGSState, at: Evaluation, largest_gram: int
) -> LBFGSState:
    """The state with a metric that is not stale, and all that was divided by the old one."""
    moved, old = at.beside
    stale = moved[0, 0] > _STALE * old[0, 0]
    due = stale & (state.taken - state.made >= _PATIENCE)

    def renew(state: LBFGSState) -> LBFGSState:
        weights = curvatures(objective, state.Z)
        metric = make_metric(objective, params, weights, largest_gram)
        changes = state.memory.changes
        divided = jax.vmap(partial(_divide, objective, metric), 1, 1)(changes)
        memory = state.memory._replace(divided=divided, changes_divided=dots(changes, divided))
        last = _divide(objective, metric, state.last)
        return state._replace(memory=memory, last_divided=last, metric=metric, made=state.taken)

    return where_wanted(due, renew, state)


def _divide(
    objective: Objective,
    metric: Metric | SharedMetric,
    vector: Params,
    basis: Basis | None = None,
) -> Params:
    v = _params(objective, vector)
    if isinstance(metric, SharedMetric):
        assert basis is not None
        return _vector(objective, metric.solve(basis, v))
    return _vector(objective, metric.solve(v))


def _vector(objective: Objective, params: Params) -> Params:
    w, b = params
    one = objective.models == 1
    return Params(w.reshape(1, -1) if one else w.T, b.reshape(objective.models, -1))


def _params(objective: Objective, vector: Params) -> Params:
    w, b = vector
    one = objective.models == 1
    return Params(w.reshape(objective.batch.X.shape[0], -1) if one else w.T, b.reshape(-1, 1))
