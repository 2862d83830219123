"""A model from its start, or from a saved state, to its end."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from jax_logreg.arrays import shared_results
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.hosts import spans
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, start, worse
from jax_logreg.loop.chunks import OneModel
from jax_logreg.loop.host import run_to_proof
from jax_logreg.loop.initial import add_sums, initialise
from jax_logreg.loop.point import Point
from jax_logreg.loop.progress import Progress
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import outline
from jax_logreg.proof.gradient_check import GradientCheck, check_gradients
from jax_logreg.result import History
from jax_logreg.status import Status


def drive(
    loop: Loop,
    params: Params,
    gradient_check: str | int,
    callback: Callable[[Progress], None] | None = None,
    checkpoint: Checkpointer | None = None,
) -> tuple[Carry, History]:
    """Return the end of a loop that starts at the parameters, with NumPy numbers, and its history.

    A checkpoint that holds a state of this loop takes the place of the start.
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
    save = None if checkpoint is None else checkpoint.save
    with shared_results():
        point = run_to_proof(OneModel(loop, point, callback), save)
    carry = point.carry
    return (_check_end(loop, carry) if gradient_check == "ends" else carry), point.history


def _check_start(
    gradient_check: str | int, objective: Objective, params: Params
) -> GradientCheck | None:
    if gradient_check == "off":
        return None
    return check_gradients(params, objective.batch, objective.family)


def _start(gradient_check: str | int, loop: Loop, params: Params) -> Carry:
    """The loop before its first step, for its shapes: a resumed run computes none of it."""
    return start(loop, params, _check_start(gradient_check, loop.objective, params))


def _check_end(loop: Loop, carry: Carry) -> Carry:
    objective = loop.objective
    check = check_gradients(carry.good, objective.batch, objective.family)
    last = worse(*jax.device_get((check, carry.check)))
    status = carry.status if last.passed else np.int32(Status.GRADIENT_CHECK_FAILED)
    return carry._replace(check=last, status=status)
