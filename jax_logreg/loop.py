"""The body of the loop: one step of a solver, and every reason to stop."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jax_logreg.certificate import gradient_norm
from jax_logreg.gradient_check import GradientCheck, compare
from jax_logreg.logistic import Batch, Params
from jax_logreg.objective import Objective, Solver
from jax_logreg.status import Status

# Cost, gradient norm and gradient error (NaN where unchecked), seen before an update.
Row = tuple[Array, Array, Array]


class Loop(NamedTuple):
    """What stays the same from step to step; the numbers can change without recompiling."""

    batch: Batch
    solver: Solver
    steps: Any
    tolerance: Any
    check_every: Any = None  # None leaves the gradient check out of the compiled loop
    scale: Any = None  # of the features, (n, 1), where gradients are checked


class Carry(NamedTuple):
    """The loop before update `step`; `good` are the last parameters whose cost was finite."""

    params: Params
    state: Any
    step: Array
    status: Array
    good: Params
    cost: Array
    gradient_norm: Array
    first_cost: Array
    check: GradientCheck | None


def start(loop: Loop, params: Params, check: GradientCheck | None) -> Carry:
    """The loop before its first step, which looks at the start and judges the check made there."""
    unknown = jnp.full((), jnp.nan, params.w.dtype)
    carry = Carry(
        params=params,
        state=loop.solver.init(Objective(loop.batch), params),
        step=jnp.int32(0),
        status=jnp.int32(Status.RUNNING),
        good=params,
        cost=unknown,
        gradient_norm=unknown,
        first_cost=unknown,
        check=check,
    )
    # Each leaf gets a buffer of its own, so that the whole can be donated.
    return jax.tree.map(jnp.copy, carry)


def body(loop: Loop, carry: Carry, wanted: Array | bool, branch: bool) -> tuple[Carry, Row]:
    """One step while wanted and running, else nothing: by a branch, or by a mask.

    On a GPU a branch would wait for the host at every step; a mask computes the unneeded steps.
    """
    active = jnp.asarray(wanted) & (carry.status == Status.RUNNING)
    step = partial(_step, loop)
    if branch:
        empty = (jnp.full_like(carry.cost, jnp.nan),) * 3
        return lax.cond(active, step, lambda carry: (carry, empty), carry)
    new, row = step(carry)
    return _where(active, new, carry), row


def _step(loop: Loop, carry: Carry) -> tuple[Carry, Row]:
    """Evaluate at the parameters, then stop there or take the update."""
    params, state, (J, gradient) = loop.solver.step(
        Objective(loop.batch), carry.params, carry.state
    )
    norm = gradient_norm(gradient)
    finite = jnp.isfinite(J) & jnp.isfinite(norm)
    check, error = _check(loop, carry, finite)
    exhausted = carry.step >= loop.steps
    first_cost = jnp.where(carry.step == 0, J, carry.first_cost)
    # Rounding alone may lift a cost that has not moved from its start.
    risen = first_cost * (1 + jnp.finfo(J.dtype).eps ** 0.5) < J
    status = _first(
        (~finite, Status.DIVERGED),
        (_failed(check), Status.GRADIENT_CHECK_FAILED),
        ((norm <= loop.tolerance) & (loop.tolerance > 0), Status.CONVERGED),
        (exhausted & risen, Status.DIVERGED),
        (exhausted, Status.STEPS_EXHAUSTED),
    )
    running = status == Status.RUNNING
    carry = Carry(
        params=_where(running, params, carry.params),
        state=_where(running, state, carry.state),
        # A cost that is not finite undoes the update that led to it.
        step=jnp.where(finite, carry.step + jnp.int32(running), jnp.maximum(carry.step - 1, 0)),
        status=status,
        good=_where(finite, carry.params, carry.good),
        cost=jnp.where(finite, J, carry.cost),
        gradient_norm=jnp.where(finite, norm, carry.gradient_norm),
        first_cost=first_cost,
        check=check,
    )
    return carry, (J, norm, error)


def _check(loop: Loop, carry: Carry, finite: Array) -> tuple[GradientCheck | None, Array]:
    """The worst check so far, and the relative error of the one made now, NaN if none was."""
    error = jnp.full_like(carry.cost, jnp.nan)
    if loop.check_every is None:
        return carry.check, error

    def made() -> tuple[GradientCheck, Array]:
        check = compare(carry.params, loop.batch, loop.scale)
        return worse(check, carry.check), check.max_relative_error

    due = finite & (carry.step % loop.check_every == 0)
    return lax.cond(due, made, lambda: (carry.check, error))


def worse(new: GradientCheck, old: GradientCheck | None) -> GradientCheck:
    """The check with the larger relative error; NaN is the largest."""
    if old is None:
        return new
    return _where(~(new.max_relative_error <= old.max_relative_error), new, old)


def _failed(check: GradientCheck | None) -> Array:
    return jnp.bool_(False) if check is None else ~check.passed


def _first(*reasons: tuple[Array, Status]) -> Array:
    """The status of the first condition that holds."""
    conditions = [condition for condition, _ in reasons]
    codes = [jnp.int32(status) for _, status in reasons]
    return jnp.select(conditions, codes, jnp.int32(Status.RUNNING))


def _where(condition: Array, new: Any, old: Any) -> Any:
    return jax.tree.map(partial(jnp.where, condition), new, old)
