"""The loop of a sweep as the host drives it: a look at the slots every few steps."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jax_logreg.arguments import Task
from jax_logreg.batching import on_cpu
from jax_logreg.certificate import Certificate
from jax_logreg.diagnosis import diagnose
from jax_logreg.driver import REPEATS
from jax_logreg.keeper import Keeper
from jax_logreg.logistic import Params
from jax_logreg.loop import Loop
from jax_logreg.status import Status
from jax_logreg.sweep.chains import Chains
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
    chains: Chains,
    chosen: str,
    callback: Callable[[int, int], None] | None = None,
    keeper: Keeper | None = None,
) -> Fits:
    """Every model of a stack to its end, and proven to be there if it has converged.

    A model begins at `starts`, (models, ...) or (1, ...) for all; one with a parent at the answer
    of that model, as soon as there is one.
    """
    answers = Answers.empty(loop, starts, len(stack.row))
    run = partial(_run, loop, task.params, stack, chains, callback)
    answers = run(answers, None) if keeper is None else _kept(run, answers, keeper)
    status, notes = _diagnosed(loop, stack, answers, task.names)
    certificate = Certificate(*answers.certificate.T)
    return Fits(answers.params, certificate, status, answers.steps, task.classes, chosen, notes)


def _kept(
    run: Callable[[Answers, Keeper], Answers],
    answers: Answers,
    keeper: Keeper,
) -> Answers:
    """The answers of a run that is kept: those at its end in a part of their own, without slots."""
    at_end = keeper.part("answers")
    answers = at_end.restore(answers) or answers
    if answers.running:
        answers = run(answers, keeper)
        # Two of them, as of every state: then those that led there go.
        for _ in range(2):
            at_end.keep(answers)
        keeper.clear()
    return answers


def _run(
    loop: Loop,
    params: Params,
    stack: Stack,
    chains: Chains,
    callback: Callable[[int, int], None] | None,
    answers: Answers,
    keeper: Keeper | None,
) -> Answers:
    """The answers of all models, in rounds.

    Where the certificate, made afresh, misses the tolerance, a model goes on in the next.
    """
    loop = prepared(loop, params, stack)
    parents = chains.parents
    held, stage = np.zeros(chains.slots, np.int32), np.zeros(len(parents), np.int32)
    at_first = Params(*(part[held] for part in answers.params))
    empty = idle(loop, stack, held, at_first)
    point = Point(answers, stage, held, np.zeros(chains.slots, bool), empty)
    point.allow(np.flatnonzero(parents < 0))
    if keeper is not None:
        point = keeper.restore(point) or point
    while True:
        point = _pass_through(loop, stack, chains, point, callback, keeper)
        answers, todo = point.answers, point.models
        _certify(loop, stack, todo, chains, answers)
        todo = todo[[answers.misses(int(i), loop.tolerance) for i in todo]]
        if not todo.size or point.round == REPEATS:
            answers.status[todo] = Status.PRECISION_FLOOR
            return answers
        point = point.next_round(todo)


def _pass_through(
    loop: Loop,
    stack: Stack,
    chains: Chains,
    point: Point,
    callback: Callable[[int, int], None] | None,
    keeper: Keeper | None,
) -> Point:
    """Run the models of a round, each slot taking the next as soon as its own is done."""
    answers, branch = point.answers, on_cpu(loop.objective.batch.s)
    parents = chains.parents
    params = point.starts(parents)
    while point.waiting or point.live.any():
        fresh = point.fill(chains.homes)
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
                point.allow(np.flatnonzero(np.isin(parents, point.held[ended])))
            if callback is not None:
                callback(answers.done, len(parents))
        if keeper is not None:
            keeper.keep(point)
    return point


def _certify(
    loop: Loop, stack: Stack, models: np.ndarray, chains: Chains, answers: Answers
) -> None:
    """The certificates of the models' answers, each from a Z of its own, in the place it ran in."""
    slots, homes = chains.slots, chains.homes[models]
    homes = np.where(homes < 0, np.arange(len(models)) % slots, homes)
    queues = [models[homes == slot] for slot in range(slots)]
    for turn in range(max(map(len, queues), default=0)):
        due = np.array([turn < len(queue) for queue in queues])
        # All blocks have one shape: where a queue has ended, another model fills its place.
        index = np.array([queue[turn] if turn < len(queue) else models[0] for queue in queues])
        params = Params(*(part[index] for part in answers.params))
        found = np.stack(certify_each(loop, stack, index, params), axis=1)
        answers.certificate[index[due]] = found[due]


def _diagnosed(
    loop: Loop, stack: Stack, answers: Answers, names: Sequence[str] | None
) -> tuple[tuple[Status, ...], tuple[tuple[str, ...], ...]]:
    """The status of each model, and the notes on its data where features are unpenalised."""
    status = [Status(int(code)) for code in answers.status]
    notes: list[tuple[str, ...]] = [()] * len(status)
    # A gap is finite only where every feature is penalised.
    unbounded = np.isinf(answers.certificate[:, Certificate._fields.index("gap")])
    for i in np.flatnonzero(unbounded) if loop.tolerance > 0 else ():
        own = jax.tree.map(lambda part: part[0], stack.take(jnp.array([i])))
        params = Params(*(part[i] for part in answers.params))
        objective = model_loop(loop, own).objective
        status[i], notes[i] = diagnose(objective, params, status[i], names)
    return tuple(status), tuple(notes)
