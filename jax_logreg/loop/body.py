"""The body of the loop: one step of a solver, and every reason to stop."""

from functools import partial
from typing import Annotated, NamedTuple

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import both, choose, cond, scalar
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective, Solver
from jax_logreg.placement.axes import OF_SOLVER
from jax_logreg.proof.certificate import Certificate, Moments, certify_from, zero_cost
from jax_logreg.proof.goal import Goal
from jax_logreg.proof.gradient_check import GradientCheck, compare, relative_tolerance
from jax_logreg.shapes import Number
from jax_logreg.solver.declared import declares
from jax_logreg.status import RUNNING, Status

# Cost, gradient norm, relative gap (infinite if unknown) and gradient error (NaN where
# unchecked), seen before an update.
Row = tuple[Array, Array, Array, Array]
# Steps without progress that make a floor. The first number holds where the gradient is within the
# rounding of its terms. The second holds where it is within that of the largest possible terms.
_PATIENCE, _LONG_PATIENCE = 10, 30
_NUMBERS = {status: scalar(status, np.int32) for status in Status}
# No gradient: numbers of Python, which take any dtype.
_NONE = Params(0.0, 0.0)  # type: ignore[arg-type]
# The rounding of A, at a Z of some tens, against that of its difference from Y.
_TERMS = 8


class Loop(NamedTuple):
    """The constants of a loop from step to step; its numbers can change without recompiling."""

    objective: Objective
    solver: Solver
    steps: int | Array
    goal: Goal
    moments: Moments | None = None  # None leaves the duality gap out of the compiled loop
    check_every: int | Array | None = (
        None  # None leaves the gradient check out of the compiled loop
    )
    scale: Array | None = None  # of the features, (n, 1); None: no check, and no precision floor
    finish: Solver | None = None  # the solver that slow models of a sweep end with


class Carry(NamedTuple):
    """The loop before update `step`; `good` are the last parameters whose cost was finite.

    `certificate` belongs to `good`. `best` is the least number that the goal was compared with, and
    `lowest` the lowest cost. `stalled` counts the steps since either fell. `lowest_at` are the
    parameters of the lowest cost and their certificate: a run that diverged ends with them. It is
    None where the solver only descends.
    """

    params: Params
    state: Annotated[object, OF_SOLVER]
    step: Array | np.integer
    status: Array | np.integer
    good: Params
    certificate: Certificate
    first_cost: Array
    best: Array
    lowest: Array
    stalled: Array
    check: GradientCheck | None
    lowest_at: tuple[Params, Certificate] | None = None


def choose_start(loop: Loop, params: Params) -> Params:
    """The parameters given to start at, or zeros where these cost less and the solver descends.

    Where Z starts at 10⁶ on the wrong side, float32 has lost its digits once it is right. A cost
    beyond the dtype's range has no slope. From zeros every optimum is reached.
    """
    objective = loop.objective
    if not declares(loop.solver, "descends"):
        return params
    w, b = params
    # Without intercept b is given, not sought.
    zero = Params(jnp.zeros_like(w), jnp.zeros_like(b) if objective.intercept else b)
    most = zero_cost(objective) if objective.intercept else objective.evaluate(zero).cost
    good = objective.evaluate(params).cost <= most
    return choose(good | jnp.asarray(loop.steps == 0), params, zero)


def start(loop: Loop, params: Params, check: GradientCheck | None, state: object = None) -> Carry:
    """The loop before its first step, which looks at the start and judges the check made there.

    The state of another loop at these parameters takes the place of the solver's first one.
    """
    unknown = jnp.full_like(params.w, jnp.nan, shape=())
    nothing = Certificate(*(unknown,) * len(Certificate._fields))
    carry = Carry(
        params=params,
        state=loop.solver.init(loop.objective, params) if state is None else state,
        step=scalar(0, np.int32),
        status=scalar(RUNNING, np.int32),
        good=params,
        certificate=nothing,
        first_cost=unknown,
        best=jnp.full_like(unknown, jnp.inf),
        lowest=jnp.full_like(unknown, jnp.inf),
        stalled=scalar(0, np.int32),
        check=check,
        lowest_at=None if declares(loop.solver, "descends") else (params, nothing),
    )
    # Each leaf gets a buffer of its own, so that the whole can be donated.
    return jax.tree.map(jnp.copy, carry)


def body(loop: Loop, carry: Carry, wanted: Array | bool, branch: bool) -> tuple[Carry, Row]:
    """One step while wanted and running, else nothing: by a branch, or by a mask.

    On a GPU a branch would wait for the host at every step; a mask computes the unneeded steps.
    """
    active = jnp.asarray(wanted) & (carry.status == RUNNING)
    step = partial(_step, loop, branch)
    if branch:
        empty = (jnp.full_like(carry.best, jnp.nan),) * 4
        return where_wanted(active, lambda before: step(before[0]), (carry, empty))
    new, row = step(carry)
    return choose(active, new, carry), row


def _step(loop: Loop, branch: bool, carry: Carry) -> tuple[Carry, Row]:
    """Evaluate at the parameters, then stop there or take the update."""
    evaluation = loop.solver.evaluate(loop.objective, carry.params, carry.state)
    goal, nats = loop.goal, zero_cost(loop.objective)
    enough = goal.aim * goal.allowed(evaluation.cost, nats, loop.objective.count)
    seen = certify_from(loop.objective, carry.params, evaluation, loop.moments, enough)
    J, norm = seen.cost, seen.gradient_norm
    finite = jnp.isfinite(J) & jnp.isfinite(norm)
    check, error = _check(loop, carry, finite)
    exhausted = carry.step >= loop.steps
    first_cost = jnp.where(carry.step == 0, J, carry.first_cost)
    # Rounding alone may lift a cost that has not moved from its start.
    risen = first_cost * (1 + jnp.finfo(J.dtype).eps ** 0.5) < J
    bounded = jnp.isfinite(seen.relative_gap)
    measure = jnp.where(bounded, seen.relative_gap, norm)
    reached = goal.asked & jnp.where(bounded, seen.gap <= enough, norm <= goal.gradient)
    # A cost within a few roundings of the lowest has not fallen.
    fallen = carry.lowest - J > 4 * jnp.finfo(J.dtype).eps * jnp.abs(J)
    stalled = jnp.where((measure < carry.best) | fallen, 0, carry.stalled + 1)
    slope = loop.objective.stationarity(carry.params, evaluation.gradient)
    floored = _at_floor(loop, slope, J, stalled)
    status = _first(
        (~finite, Status.DIVERGED),
        (_failed(check), Status.GRADIENT_CHECK_FAILED),
        (reached, Status.CONVERGED),
        (floored & goal.asked, Status.PRECISION_FLOOR),
        (exhausted & risen, Status.DIVERGED),
        (exhausted, Status.STEPS_EXHAUSTED),
    )
    running = status == RUNNING
    params, state = _move(loop, carry, evaluation, running, branch)
    good = choose(finite, (carry.params, seen), (carry.good, carry.certificate))
    lowest_at = carry.lowest_at
    if lowest_at is not None:
        lowest_at = choose(finite & (carry.lowest > J), (carry.params, seen), lowest_at)
        good = choose(status == _NUMBERS[Status.DIVERGED], lowest_at, good)
    carry = Carry(
        params=params,
        state=state,
        # A cost that is not finite undoes the update before it.
        step=jnp.where(
            finite, carry.step + jnp.asarray(running, np.int32), jnp.maximum(carry.step - 1, 0)
        ),
        status=status,
        good=good[0],
        certificate=good[1],
        first_cost=first_cost,
        best=jnp.minimum(measure, carry.best),
        lowest=jnp.where(finite, jnp.minimum(J, carry.lowest), carry.lowest),
        stalled=stalled,
        check=check,
        lowest_at=lowest_at,
    )
    return carry, (J, norm, seen.relative_gap, error)


def _move(
    loop: Loop, carry: Carry, at: Evaluation, running: Array, branch: bool
) -> tuple[Params, object]:
    """Return the update while the loop runs; a branch spares its cost once the loop has ended."""
    # Of many models those that have ended have no direction, so that no other waits for theirs.
    at = at._replace(gradient=choose(running, at.gradient, _NONE))

    def step(before: tuple[Params, object]) -> tuple[Params, object]:
        return loop.solver.step(loop.objective, *before, at)

    before = (carry.params, carry.state)
    return where_wanted(running, step, before) if branch else choose(running, step(before), before)


def _at_floor(loop: Loop, gradient: Params, J: Array, stalled: Array) -> Array:
    """Return whether the gradient is within its rounding error, and nothing fell for some steps.

    Its terms X·dZ are as small as the cost: |A - Y| ≤ -log(1 - |A - Y|), a cross-entropy.
    """
    scale = loop.scale
    if scale is None:
        return scalar(False, np.bool_)
    dw, db = gradient
    most = relative_tolerance(dw.dtype, loop.objective.batch.s.size)

    def within(allowed: Number) -> Array:
        return jnp.all(jnp.abs(dw) <= allowed * scale) & jnp.all(jnp.abs(db) <= allowed)

    near = both(stalled >= _PATIENCE, lambda: within(most * jnp.minimum(_TERMS * J, 1)))
    return near | both(stalled >= _LONG_PATIENCE, lambda: within(most))


def _check(loop: Loop, carry: Carry, finite: Array) -> tuple[GradientCheck | None, Array]:
    """The worst check so far, and the relative error of the one made now, NaN if none was."""
    error = jnp.full_like(carry.best, jnp.nan)
    scale, every = loop.scale, loop.check_every
    if scale is None or every is None:
        return carry.check, error

    def made() -> tuple[GradientCheck, Array]:
        objective = loop.objective
        check = compare(carry.params, objective.batch, scale, objective.family)
        return worse(check, carry.check), check.max_relative_error

    due = finite & (carry.step % every == 0)
    return cond(due, made, lambda: (carry.check, error))


def worse(new: GradientCheck, old: GradientCheck | None) -> GradientCheck:
    """The check with the larger relative error; NaN is the largest."""
    if old is None:
        return new
    return choose(~(new.max_relative_error <= old.max_relative_error), new, old)


def _failed(check: GradientCheck | None) -> Array:
    return scalar(False, np.bool_) if check is None else ~check.passed


def _first(*reasons: tuple[Array | np.ndarray, Status]) -> Array:
    """The status of the first condition that holds."""
    conditions = [condition for condition, _ in reasons]
    codes = [_NUMBERS[status] for _, status in reasons]
    return jnp.select(conditions, codes, scalar(RUNNING, np.int32))
