"""The objective that a solver minimises, and the protocol of a solver."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax

from jax_logreg import matrix
from jax_logreg import penalty as penalties
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import (
    BINOMIAL,
    Batch,
    Family,
    Params,
    backprop,
    backprop_from,
    cost,
    derivatives_along,
    linear,
    over_examples,
)
from jax_logreg.penalty import Penalty
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Coefficient, Float, X_nm

Line = Callable[[Array], tuple[Array, Array]]
# A pytree that only the solver itself looks into: each solver has its own.
SolverState: TypeAlias = Any


class Evaluation(NamedTuple):
    """The cost J + P, the gradient of its smooth part J + Σ l2/2·w², and Z where it is known.

    `beside` are sums (r, 1) over the examples that a solver asked for.
    """

    cost: Float[Array, ""]
    gradient: Params
    linear: Array | None = None
    beside: tuple[Array, ...] = ()


@pytree
@dataclass(frozen=True)
class Objective:
    """The weighted mean cross-entropy of one batch plus a penalty on w.

    Without `intercept`, b stays at its start: its gradient is 0. `known_total` is the sum of the
    weights and `known_count` the number of examples, where they are computed already.
    """

    batch: Batch
    penalty: Penalty | None = None
    family: Family = field(default=BINOMIAL, metadata={"static": True})
    intercept: bool = field(default=True, metadata={"static": True})
    known_total: Array | None = None
    known_count: Array | None = None

    @property
    def total(self) -> Array:
        """The sum of the weights."""
        return jnp.sum(self.batch.s) if self.known_total is None else self.known_total

    @property
    def count(self) -> Array:
        """The number N of examples with a positive weight, in the dtype of the weights."""
        if self.known_count is not None:
            return self.known_count
        s = self.batch.s
        return jnp.sum(s > 0, dtype=jnp.int32).astype(s.dtype)

    def summed(self) -> "Objective":
        """The objective with total and count computed, so that devices exchange them once."""
        return replace(self, known_total=self.total, known_count=self.count)

    def on(self, batch: Batch) -> "Objective":
        """The objective of another batch, which has its own total."""
        return replace(self, batch=batch, known_total=None, known_count=None)

    @property
    def smooth(self) -> bool:
        """Return whether the cost has a gradient everywhere."""
        return self.penalty is None or self.penalty.smooth

    @property
    def models(self) -> int:
        """Return how many independent models the outputs make."""
        return self.batch.Y.shape[0] if self.family.independent else 1

    def l1(self, w: Float[Array, "n k"]) -> Array:
        """The coefficients of |w|, (n, 1) in the dtype of w."""
        return _column(0.0 if self.penalty is None else self.penalty.l1, w)

    def l2(self, w: Float[Array, "n k"]) -> Array:
        """The coefficients of w²/2, (n, 1) in the dtype of w."""
        return _column(0.0 if self.penalty is None else self.penalty.l2, w)

    def penalised(self, params: Params) -> Array:
        """The penalty P(w)."""
        if self.penalty is None:
            return jnp.zeros_like(params.w, shape=())
        return penalties.value(self.penalty, params.w)

    def linear(self, params: Params) -> Array:
        """Z = wᵀX + b, (k, m)."""
        return linear(params, self.batch.X)

    def evaluate(self, params: Params) -> Evaluation:
        """J + P and the analytic gradient, from one pass where X comes in blocks."""
        X, *rows = self.batch
        if not matrix.in_blocks(X):
            return self.evaluate_from(params, self.linear(params))

        def of_block(
            X: X_nm, shared: tuple[Params, Array], Y: Float[Array, "k m"], s: Float[Array, "1 m"]
        ) -> tuple[Array, Params]:
            params, total = shared
            return backprop(params, Batch(X, Y, s), total, self.family)

        found = matrix.over_blocks(of_block, X, (params, self.total), *rows)
        return self._evaluation(params, found, None)

    def evaluate_from(
        self, params: Params, Z: Float[Array, "k m"], beside: tuple[Array, ...] = ()
    ) -> Evaluation:
        """`evaluate`, given Z; and the sums of the rows `beside` (r, m), in the same exchange."""

        def of_part(
            X: X_nm,
            total: Array,
            Z: Float[Array, "k m"],
            Y: Float[Array, "k m"],
            s: Float[Array, "1 m"],
            *beside: Array,
        ) -> tuple[tuple[Array, Params], tuple[Array, ...]]:
            found = backprop_from(Z, Batch(X, Y, s), total, self.family)
            return found, tuple(map(over_examples, beside))

        X, *rows = self.batch
        found, sums = matrix.over_parts(of_part, X, self.total, Z, *rows, *beside)
        return self._evaluation(params, found, Z)._replace(beside=sums)

    def _evaluation(
        self, params: Params, found: tuple[Array, Params], Z: Float[Array, "k m"] | None
    ) -> Evaluation:
        """The cross-entropy and its gradient with the penalty's."""
        J, gradient = found
        if self.penalty is not None:
            J = J + self.penalised(params)
            gradient = gradient._replace(w=gradient.w + self.penalty.l2 * params.w)
        if not self.intercept:
            gradient = gradient._replace(b=jnp.zeros_like(gradient.b))
        return Evaluation(J, gradient, Z)

    def dot(self, a: Array, b: Array) -> Array:
        """Σ a·b over the rows (n, k) of each model, (r, 1)."""
        if self.models == 1:
            # A product: XLA:CPU is slow to sum a column that it computes on the way.
            return jnp.vdot(a, b, precision="highest").reshape(1, 1)
        return jnp.sum(a * b, axis=0)[:, None]

    def along(
        self, params: Params, direction: Params, Z: Float[Array, "k m"], U: Float[Array, "k m"]
    ) -> Line:
        """The first and second derivative of the smooth part at params + t·direction, by t (r, 1).

        Z (k, m) is that of the parameters, U (k, m) that of the direction.
        """
        bent = self.l2(params.w) * direction.w
        linear, quadratic = self.dot(bent, params.w), self.dot(bent, direction.w)

        def of_part(
            X: X_nm,
            shared: tuple[Array, Array],
            Z: Float[Array, "k m"],
            U: Float[Array, "k m"],
            Y: Float[Array, "k m"],
            s: Float[Array, "1 m"],
        ) -> tuple[Array, Array]:
            t, total = shared
            return derivatives_along(U, Z + t * U, Batch(X, Y, s), total, self.family)

        def derivatives(t: Array) -> tuple[Array, Array]:
            X, *rows = self.batch
            slope, curvature = matrix.over_parts(of_part, X, (t, self.total), Z, U, *rows)
            return slope + linear + t * quadratic, curvature + quadratic

        return derivatives

    def gram(self, X: X_nm, d: Float[Array, "1 m"]) -> Array:
        """[X; 1] diag(d) [X; 1]ᵀ, (n+1, n+1), for d (1, m) and the X of some features or examples.

        Without intercept the last row and column are 0 except for Σ d, which keeps b out.
        """

        def of_part(X: X_nm, _: None, d: Float[Array, "1 m"]) -> tuple[Array, Array, Array]:
            with jax.default_matmul_precision("highest"):
                return matrix.gram(X, d), X @ d.T, jnp.sum(d, axis=1, keepdims=True)

        gram, cross, corner = matrix.over_parts(of_part, X, None, d)
        if not self.intercept:
            cross = jnp.zeros_like(cross)
        return jnp.block([[gram, cross], [cross.T, corner]])

    def value(self, params: Params) -> Array:
        """J + P of a smooth objective, whose derivative is the analytic gradient."""
        return _value(self, params)

    def stationarity(self, params: Params, gradient: Params) -> Params:
        """The smallest subgradient, given the gradient of the smooth part: 0 at an optimum."""
        if self.penalty is None or self.penalty.smooth:
            return gradient
        w = penalties.stationarity(self.penalty, params.w, gradient.w)
        return gradient._replace(w=w)


class Solver(Protocol):
    """`init`, `evaluate` and `step`, pure functions of an objective.

    The loop evaluates, judges, and only then steps. A solver is a pytree, so that its numbers can
    change without recompiling. A solver whose steps never raise the cost has `descends = True`. The
    loop then keeps no copy of the parameters of the lowest cost. `fit.solve` then differentiates
    the optimum in place of the steps.
    """

    def init(self, objective: Objective, params: Params) -> SolverState:
        """The state before the first step."""

    def evaluate(self, objective: Objective, params: Params, state: SolverState) -> Evaluation:
        """The evaluation at the parameters, by what the state already knows of it."""

    def step(
        self, objective: Objective, params: Params, state: SolverState, at: Evaluation
    ) -> tuple[Params, SolverState]:
        """The updated parameters and state, given the evaluation at the present ones."""


def _column(values: Coefficient, w: Float[Array, "n k"]) -> Array:
    return jnp.full_like(w, values, shape=(w.shape[0], 1))


def _cost(objective: Objective, params: Params) -> Array:
    J = cost(params, objective.batch, objective.total, objective.family)
    return J + objective.penalised(params)


# The gradient, and the arguments of `_value`.
_Residuals: TypeAlias = tuple[Params, Objective, Params]


@jax.custom_vjp
def _value(objective: Objective, params: Params) -> Array:
    return _cost(objective, params)


def _value_forward(objective: Objective, params: Params) -> tuple[Array, _Residuals]:
    J, gradient, *_ = objective.evaluate(params)
    return J, (gradient, objective, params)


def _value_backward(residuals: _Residuals, J_bar: Array) -> tuple[Objective, Params]:
    gradient, objective, params = residuals
    _, with_respect_to_objective = jax.vjp(lambda objective: _cost(objective, params), objective)
    (objective_bar,) = with_respect_to_objective(J_bar)
    return objective_bar, jax.tree.map(lambda g: J_bar * g, gradient)


_value.defvjp(_value_forward, _value_backward)
