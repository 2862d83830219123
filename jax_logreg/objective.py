"""What a solver is handed, and what it must offer."""

from typing import Any, NamedTuple, Protocol

import jax
from jax import Array

from jax_logreg.logistic import Batch, Params, backprop, cost


class Evaluation(NamedTuple):
    """The cost J and its gradient at one point."""

    cost: Array
    gradient: Params


class Objective(NamedTuple):
    """The cross-entropy cost of one batch."""

    batch: Batch

    def evaluate(self, params: Params) -> Evaluation:
        """J and the analytic gradient."""
        return Evaluation(*backprop(params, self.batch))

    def value(self, params: Params) -> Array:
        """J; differentiating it gives the analytic gradient, not a second one."""
        return _value(params, self.batch)


class Solver(Protocol):
    """`init` and `step`, pure functions of an objective.

    It is a pytree, so that its numbers can change without recompiling.
    """

    def init(self, objective: Objective, params: Params) -> Any:
        """The state before the first step."""

    def step(
        self, objective: Objective, params: Params, state: Any
    ) -> tuple[Params, Any, Evaluation]:
        """The updated parameters and state, and the evaluation at the parameters before them."""


@jax.custom_vjp
def _value(params: Params, batch: Batch) -> Array:
    return cost(params, batch)


def _value_forward(params: Params, batch: Batch) -> tuple[Array, tuple[Params, Params, Batch]]:
    J, gradient = backprop(params, batch)
    return J, (gradient, params, batch)


def _value_backward(residuals: tuple[Params, Params, Batch], J_bar: Array) -> tuple[Params, Batch]:
    gradient, params, batch = residuals
    _, with_respect_to_batch = jax.vjp(lambda batch: cost(params, batch), batch)
    return jax.tree.map(lambda g: J_bar * g, gradient), *with_respect_to_batch(J_bar)


_value.defvjp(_value_forward, _value_backward)
