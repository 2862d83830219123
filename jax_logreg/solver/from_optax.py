"""Steps by a transformation of optax, with or without a line search."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeGuard

import jax
import jax.numpy as jnp
from jax import Array

from jax_logreg.errors import InputError, brief
from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree

# Imported where it is used: that takes a quarter of the time of `import jax_logreg`.
if TYPE_CHECKING:
    import optax

    LineSearch: TypeAlias = (
        optax.ScaleByZoomLinesearchState | optax.ScaleByBacktrackingLinesearchState
    )


@pytree
@dataclass(frozen=True)
class Optax:
    """Updates by an optax transformation, for example Optax(optax.adam(0.01)).

    A line search (optax.lbfgs) gets the objective, and leaves its last value and gradient for the
    next step. Make the transformation once: a new one is a new compilation.
    """

    tx: "optax.GradientTransformation" = field(metadata={"static": True})
    by_rate: ClassVar[bool] = True
    one_pass: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a `tx` that is no optax transformation (InputError)."""
        check_transformation("Optax", self.tx)

    def init(self, objective: Objective, params: Params) -> object:
        """The transformation's state at the parameters."""
        return initial(self.tx, params)

    def evaluate(self, objective: Objective, params: Params, state: object) -> Evaluation:
        """J and its gradient, from the line search where it has just computed them."""
        search = state[-1] if type(state) is tuple and state else state
        # Only the last transformation of a chain has seen these very parameters.
        if not _is_line_search(search) or search.grad is None:
            return objective.evaluate(params)
        # A line search stores infinity until its first step is done.
        return jax.lax.cond(
            jnp.isinf(search.value),
            lambda: objective.evaluate(params)._replace(linear=None),
            lambda: Evaluation(search.value, search.grad),
        )

    def step(
        self, objective: Objective, params: Params, state: object, at: Evaluation
    ) -> tuple[Params, object]:
        """One update, in optax's own promotion rules: its schedules mix integers and floats."""
        return apply(self.tx, objective, params, state, at)


def _is_line_search(state: object) -> TypeGuard["LineSearch"]:
    import optax

    kinds = (optax.ScaleByZoomLinesearchState, optax.ScaleByBacktrackingLinesearchState)
    return isinstance(state, kinds)


def check_transformation(name: str, tx: object) -> None:
    """Refuse a value that is no optax transformation (InputError)."""
    verbs = (getattr(tx, verb, None) for verb in ("init", "update"))
    if isinstance(tx, type) or not all(map(callable, verbs)):
        raise InputError(
            f"{name}({brief(tx)}): expected an optax transformation, "
            f"for example {name}(optax.adam(0.01))"
        )


def initial(tx: "optax.GradientTransformation", params: Params) -> object:
    """A transformation's state at the parameters."""
    with jax.numpy_dtype_promotion("standard"):
        return tx.init(params)


def apply(
    tx: "optax.GradientTransformation",
    objective: Objective,
    params: Params,
    state: object,
    at: Evaluation,
) -> tuple[Params, object]:
    """The parameters and state after one update of a transformation."""
    import optax

    extended = optax.with_extra_args_support(tx)
    with jax.numpy_dtype_promotion("standard"):
        updates, new_state = extended.update(
            at.gradient,
            state,
            params,
            value=at.cost,
            grad=at.gradient,
            value_fn=objective.value,
        )
        new_params = optax.apply_updates(params, updates)
    return new_params, jax.tree.map(_like, new_state, state)


def _like(new: Array, old: Array) -> Array:
    # A scanned state keeps its dtypes; standard promotion may have widened some.
    return new if new.dtype == old.dtype else new.astype(old.dtype)
