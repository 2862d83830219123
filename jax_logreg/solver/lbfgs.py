"""L-BFGS preconditioned by the Gram matrix of a sample, with its line search on Z."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, ClassVar, NamedTuple

import jax
import numpy as np

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import is_numpy, scalar, vmap
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_integer
from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.placement.axes import Shape
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.basis import Basis, SharedPreconditioner, make_basis, shared_preconditioner
from jax_logreg.solver.line_search import move, search
from jax_logreg.solver.preconditioner import (
    Preconditioner,
    curvatures,
    make_preconditioner,
    unmade_preconditioner,
)
from jax_logreg.solver.ring import Memory, dots, minus, multiply, put, remember

# Up to so many features a factorised n x n preconditioner pays for itself.
_LARGEST_GRAM = 1500
# The preconditioner is renewed once its weights have moved by this share, at least so many steps
# after the last.
_STALE, _PATIENCE = 0.5, 6


class LBFGSState(NamedTuple):
    """Z (k, m) at the parameters, the memory, and the last gradient, plain and preconditioned.

    `taken` counts the steps. The preconditioner was made at the step `made`; before that, it is −1.
    """

    Z: Float[Array, "k m"]
    memory: Memory
    taken: Array
    last: Annotated[Params, Shape("nk")]
    last_preconditioned: Annotated[Params, Shape("nk")]
    preconditioner: Preconditioner | SharedPreconditioner
    made: Array


@pytree
@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright, 7.4) on smooth costs.

    The preconditioner is the Hessian of a sample of the examples. It is whole where n is at most
    `largest_gram`, of low rank beyond, and diagonal for very many features. Many models over one X
    share a `basis`, and each preconditioner is diagonal in it. A step makes two products with X.
    """

    memory: int = field(default=10, metadata={"static": True})
    largest_gram: int = field(default=_LARGEST_GRAM, metadata={"static": True})
    basis: Basis | None = None
    descends: ClassVar[bool] = True
    in_numpy: ClassVar[bool] = True
    many_in_numpy: ClassVar[bool] = True

    @property
    def arrays(self) -> int:
        """Arrays of the size of the parameters in the memory: S, Y and P."""
        return 3 * self.memory

    def share(self, objective: Objective, params: Params) -> Basis | None:
        """Return the basis in which the preconditioner of each of many models is diagonal."""
        return make_basis(objective, params)

    def sharing(self, basis: Basis) -> "LBFGS":
        """The solver with a basis that many models share."""
        return replace(self, basis=basis)

    def __post_init__(self) -> None:
        """Refuse a memory that is not a positive integer, and a bad `largest_gram` (InputError)."""
        check_integer("memory", self.memory, 1)
        check_integer("largest_gram", self.largest_gram, 0)

    def check(self, many: bool) -> None:
        """Refuse a basis that `share` did not make (InputError)."""
        if self.basis is not None and not isinstance(self.basis, Basis):
            raise InputError(
                f"basis is {brief(self.basis)}: expected None: a sweep makes the basis itself"
            )

    def entries(self, objective: Objective) -> int:
        """Return how many numbers the memory and a whole preconditioner have."""
        n, k = objective.batch.X.shape[0], objective.batch.Y.shape[0]
        ring = 3 * self.memory * (n + 1) * k + 2 * self.memory**2 * k
        return ring + (n**2 if n <= self.largest_gram else 0)

    def init(self, objective: Objective, params: Params) -> LBFGSState:
        """No memory yet, and the preconditioner at the parameters."""
        Z = objective.linear(params)
        none = jax.tree.map(jnp.zeros_like, _vector(objective, params))
        past = jax.tree.map(lambda a: jnp.repeat(a[:, None], self.memory, axis=1), none)
        square = jnp.zeros_like(Z, shape=(objective.models, self.memory, self.memory))
        memory = Memory(past, past, past, square, square, square[:, 0])
        preconditioner, made = self._preconditioner(objective, params, Z)
        taken = scalar(0, np.int32)
        return LBFGSState(Z, memory, taken, none, none, preconditioner, made)

    def _preconditioner(
        self, objective: Objective, params: Params, Z: Float[Array, "k m"]
    ) -> tuple[Preconditioner | SharedPreconditioner, Array]:
        """The preconditioner of the start, and the step at which it was made.

        XLA leaves a whole one to the first step, which renews it anyway: its text is compiled once.
        """
        made, weights = scalar(0, np.int32), partial(curvatures, objective, Z)
        if self.basis is not None:
            return shared_preconditioner(self.basis, objective, params, weights()), made
        if is_numpy(Z):
            return make_preconditioner(objective, params, weights(), self.largest_gram), made
        return unmade_preconditioner(objective, params, self.largest_gram), made - 1

    def evaluate(self, objective: Objective, params: Params, state: LBFGSState) -> Evaluation:
        """Return J, its gradient from the state's Z, and how stale the preconditioner is."""
        if self.basis is not None:
            return objective.evaluate_from(params, state.Z)
        assert isinstance(state.preconditioner, Preconditioner)
        old = state.preconditioner.weights
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
        preconditioned = _precondition(objective, state.preconditioner, gradient, self.basis)
        change, preconditioned_change = (
            minus(gradient, state.last),
            minus(preconditioned, state.last_preconditioned),
        )
        memory = remember(state.memory, newest, change, preconditioned_change, state.taken > 0)
        ascent = multiply(memory, newest, gradient, preconditioned)
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
            last_preconditioned=preconditioned,
        )
        return moved, state


def _fresh(
    objective: Objective, params: Params, state: LBFGSState, at: Evaluation, largest_gram: int
) -> LBFGSState:
    """Renew a stale preconditioner, and all vectors that the old one had preconditioned."""
    moved, old = at.beside
    stale = moved[0, 0] > _STALE * old[0, 0]
    due = (stale & (state.taken - state.made >= _PATIENCE)) | (state.made < 0)

    def renew(state: LBFGSState) -> LBFGSState:
        weights = curvatures(objective, state.Z)
        preconditioner = make_preconditioner(objective, params, weights, largest_gram)
        changes = state.memory.changes
        preconditioned = vmap(partial(_precondition, objective, preconditioner), 1)(changes)
        memory = state.memory._replace(
            preconditioned=preconditioned, changes_preconditioned=dots(changes, preconditioned)
        )
        last = _precondition(objective, preconditioner, state.last)
        return state._replace(
            memory=memory, last_preconditioned=last, preconditioner=preconditioner, made=state.taken
        )

    return where_wanted(due, renew, state)


def _precondition(
    objective: Objective,
    preconditioner: Preconditioner | SharedPreconditioner,
    vector: Params,
    basis: Basis | None = None,
) -> Params:
    v = _params(objective, vector)
    if isinstance(preconditioner, SharedPreconditioner):
        assert basis is not None
        return _vector(objective, preconditioner.solve(basis, v))
    return _vector(objective, preconditioner.solve(v))


def _vector(objective: Objective, params: Params) -> Params:
    w, b = params
    one = objective.models == 1
    return Params(w.reshape(1, -1) if one else w.T, b.reshape(objective.models, -1))


def _params(objective: Objective, vector: Params) -> Params:
    w, b = vector
    one = objective.models == 1
    return Params(w.reshape(objective.batch.X.shape[0], -1) if one else w.T, b.reshape(-1, 1))
