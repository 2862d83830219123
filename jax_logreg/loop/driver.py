"""The loop as the host drives it: chunks of steps until the goal is proven to be met."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from jax_logreg.arrays import scalar
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.hosts import spans
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, start, worse
from jax_logreg.loop.chunks import handed_over, run_chunks
from jax_logreg.loop.initial import add_sums, initialise, restart
from jax_logreg.loop.point import Point
from jax_logreg.loop.progress import Progress
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import outline
from jax_logreg.proof.accuracy import Verdict, error_by_hessian, judge
from jax_logreg.proof.gradient_check import GradientCheck, check_gradients
from jax_logreg.result import History
from jax_logreg.status import Status

# How often a run continues whose answer, evaluated once more, misses the goal.
REPEATS = 3


def drive(
    loop: Loop,
    params: Params,
    gradient_check: str | int,
    callback: Callable[[Progress], None] | None = None,
    checkpoint: Checkpointer | None = None,
) -> tuple[Carry, History]:
    """Run a loop to its end from the parameters; the carry comes back with NumPy numbers.

    Solvers move Z along with the parameters, so the certificate is computed once more from the
    answer. Where it misses the goal, the run continues from there.
    """
    point = None
    if checkpoint is not None and checkpoint.find(spans(params.w)):
        loop = add_sums(loop)
        shapes = jax.eval_shape(partial(_start, gradient_check), loop, params)
        like = Point(
            outline(shapes, loop.objective.batch, loop.solver), [], gradient=np.array(np.inf)
        )
        point = checkpoint.restore(like)
    if point is None:
        loop, carry = initialise(loop, params, _check_start(gradient_check, loop.objective, params))
        point = Point(carry, [], gradient=np.array(loop.goal.gradient, np.float64))
    else:
        if callback is not None and point.taken:
            rows = point.history
            last = float(rows.cost[-1]), float(rows.gradient_norm[-1])
            callback(Progress(point.taken, int(loop.steps), *last, rows))
    point = proceed(loop, point, callback, None if checkpoint is None else checkpoint.save)
    carry = point.carry
    return (_check_end(loop, carry) if gradient_check == "ends" else carry), point.history


def proceed(
    loop: Loop,
    point: Point,
    callback: Callable[[Progress], None] | None = None,
    save: Callable[[Point], None] | None = None,
) -> Point:
    """Run a loop to its end, proven to be there where it has converged, from a point of it.

    `save` is called with the point after each chunk.
    """
    if not point.running:
        point = point._replace(carry=handed_over(point.carry))
    while True:
        point = run_chunks(loop, point, callback, save)
        verdict = _judged(loop, point.carry)
        again = _again(loop, point, verdict)
        if again is None:
            break
        point = again
    status = verdict.status(point.status)
    step = np.int32(point.taken)
    carry = point.carry._replace(step=step, status=status, certificate=verdict.certificate)
    return point._replace(carry=carry)


def _check_start(
    gradient_check: str | int, objective: Objective, params: Params
) -> GradientCheck | None:
    if gradient_check == "off":
        return None
    return check_gradients(params, objective.batch, objective.family)


def _start(gradient_check: str | int, loop: Loop, params: Params) -> Carry:
    """The loop before its first step, for its shapes: a resumed run computes none of it."""
    return start(loop, params, _check_start(gradient_check, loop.objective, params))


def _judged(loop: Loop, carry: Carry) -> Verdict:
    objective = loop.objective
    error_of = partial(error_by_hessian, objective, carry.good)
    return judge(loop.goal, carry.certificate, float(objective.count), objective, error_of)


def _again(loop: Loop, point: Point, verdict: Verdict) -> Point | None:
    """Return the point of a run to continue, converged but not proven so; None for others."""
    if not verdict.continues(point.status) or point.restarts == REPEATS:
        return None
    if verdict.gradient is None:
        carry = restart(loop, point.carry.good, point.carry.check)
        return Point(carry, point.rows, point.taken, point.restarts + 1, gradient=point.gradient)
    running, none = np.int32(Status.RUNNING), scalar(0, np.int32)
    carry = point.carry._replace(status=running, stalled=none)
    return point._replace(
        carry=carry,
        status=int(running),
        restarts=point.restarts + 1,
        gradient=np.array(verdict.gradient),
    )


def _check_end(loop: Loop, carry: Carry) -> Carry:
    objective = loop.objective
    check = check_gradients(carry.good, objective.batch, objective.family)
    last = jax.device_get(worse(check, carry.check))
    status = carry.status if last.passed else np.int32(Status.GRADIENT_CHECK_FAILED)
    return carry._replace(check=last, status=status)
