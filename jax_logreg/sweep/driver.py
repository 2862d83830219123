"""The loop of a sweep as the host drives it: a look at the slots every few steps."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg.arguments import Task
from jax_logreg.batching import on_cpu
from jax_logreg.certificate import Certificate
from jax_logreg.diagnosis import diagnose
from jax_logreg.driver import REPEATS
from jax_logreg.keeper import Keeper
from jax_logreg.logistic import Params
from jax_logreg.loop import Loop
from jax_logreg.matrix import mean_absolute
from jax_logreg.objective import Objective
from jax_logreg.status import Status
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.prepared import prepared
from jax_logreg.sweep.slots import advance_each, certify_each, idle
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers, Point


def run_many(
    loop: Loop,
    task: Task,
    stack: Stack,
    starts: Params,
    slots: int,
    chosen: str,
    parents: np.ndarray | None = None,
    callback: Callable[[int, int], None] | None = None,
    keeper: Keeper | None = None,
) -> Fits:
    """Every model of a stack to its end, and proven to be there if it has converged.

    So many slots run at a time. A model begins at `starts`, (models, ...) or (1, ...) for all; one
    with a parent (not -1) at the answer of that model, as soon as there is one.
    """
    models = len(stack.row)
    answers = Answers.empty(loop, starts, models)
    parents = np.full(models, -1) if parents is None else parents
    run = partial(_run, loop, task.params, stack, parents, min(slots, models), callback)
    answers = run(answers, None) if keeper is None else _kept(run, loop, starts, answers, keeper)
    status, notes = _diagnosed(loop, stack, answers)
    certificate = Certificate(*answers.certificate.T)
    return Fits(answers.params, certificate, status, answers.steps, task.classes, chosen, notes)


def _kept(
    run: Callable[[Answers, Keeper], Answers],
    loop: Loop,
    starts: Params,
    answers: Answers,
    keeper: Keeper,
) -> Answers:
    """The answers of a run that is kept: those at its end in a part of their own, without slots."""
    solver = (type(loop.solver).__name__, *jax.tree.leaves(loop.solver))
    keeper = keeper.of(
        solver=solver,
        steps=loop.steps,
        tolerance=loop.tolerance,
        intercept=loop.objective.intercept,
        start=starts,
    )
    scale, at_end = _scale(loop.objective), keeper.part("answers")
    answers = at_end.restore(answers, scale) or answers
    if answers.running:
        answers = run(answers, keeper)
        # Two of them, as of every state: then those that led there go.
        for _ in range(2):
            at_end.keep(answers, scale)
        keeper.clear()
    return answers


@jax.jit
def _scale(objective: Objective) -> Array:
    return mean_absolute(objective.batch.X, objective.batch.s)


def _run(
    loop: Loop,
    params: Params,
    stack: Stack,
    parents: np.ndarray,
    slots: int,
    callback: Callable[[int, int], None] | None,
    answers: Answers,
    keeper: Keeper | None,
) -> Answers:
    """The answers of all models, in rounds.

    Where the certificate, made afresh, misses the tolerance, a model goes on in the next.
    """
    loop = prepared(loop, params)
    held, order = np.zeros(slots, np.int32), np.full(len(parents), -1)
    at_first = Params(*(part[held] for part in answers.params))
    empty = idle(loop, stack, held, at_first)
    point = Point(answers, order, held, np.zeros(slots, bool), empty)
    point = point.with_ready(np.flatnonzero(parents < 0))
    if keeper is not None:
        point = keeper.restore(point, loop.scale) or point
    while True:
        point = _pass_through(loop, stack, parents, point, callback, keeper)
        answers, todo = point.answers, point.models
        _certify(loop, stack, todo, slots, answers)
        todo = todo[[answers.misses(int(i), loop.tolerance) for i in todo]]
        if not todo.size or point.round == REPEATS:
            answers.status[todo] = Status.PRECISION_FLOOR
            return answers
        point = point.next_round(todo)


def _pass_through(
    loop: Loop,
    stack: Stack,
    parents: np.ndarray,
    point: Point,
    callback: Callable[[int, int], None] | None,
    keeper: Keeper | None,
) -> Point:
    """Run the models of a round, each slot taking the next as soon as its own is done."""
    answers, branch = point.answers, on_cpu(loop.objective.batch.s)
    params = point.starts(parents)
    while point.ready > point.begun or point.live.any():
        point, fresh = point.filled()
        if fresh.any():
            params = point.starts(parents)
        # What is run again has the steps that are left.
        taken = answers.steps[point.held]
        slots = advance_each(loop, stack, point.held, params, fresh, taken, point.slots, branch)
        point = point._replace(slots=slots, looks=point.looks + 1)
        steps, status = jax.device_get((slots.carry.step, slots.carry.status))
        ended = point.live & (status != Status.RUNNING)
        if ended.any():
            point.emptied(ended, jax.device_get(slots.carry.good), status, steps)
            if not point.round:
                for model in point.held[ended]:
                    point = point.with_ready(np.flatnonzero(parents == model))
            if callback is not None:
                callback(answers.done, len(parents))
        if keeper is not None:
            keeper.keep(point, loop.scale)
    return point


def _certify(loop: Loop, stack: Stack, models: np.ndarray, slots: int, answers: Answers) -> None:
    """The certificates of the models' answers, each from a Z of its own."""
    for first in range(0, len(models), slots):
        # The last block repeats a model, so that all have one shape.
        index = np.resize(models[first : first + slots], slots)
        params = Params(*(part[index] for part in answers.params))
        answers.certificate[index] = np.stack(certify_each(loop, stack, index, params), axis=1)


def _diagnosed(
    loop: Loop, stack: Stack, answers: Answers
) -> tuple[tuple[Status, ...], tuple[tuple[str, ...], ...]]:
    """The status of each model, and the notes on its data where features are unpenalised."""
    status = [Status(int(code)) for code in answers.status]
    notes: list[tuple[str, ...]] = [()] * len(status)
    # A gap is finite only where every feature is penalised.
    unbounded = np.isinf(answers.certificate[:, Certificate._fields.index("gap")])
    for i in np.flatnonzero(unbounded) if loop.tolerance > 0 else ():
        own = jax.tree.map(lambda part: part[0], stack.take(jnp.array([i])))
        params = Params(*(part[i] for part in answers.params))
        status[i], notes[i] = diagnose(model_loop(loop, own).objective, params, status[i])
    return tuple(status), tuple(notes)
