"""The loop of a sweep as the host drives it: a look at the slots every few steps."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg._jax.batching import on_cpu
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.loop.driver import REPEATS
from jax_logreg.problem.prepare import Problem
from jax_logreg.proof.accuracy import error_by_hessian, judge
from jax_logreg.proof.certificate import Certificate
from jax_logreg.status import Status
from jax_logreg.sweep.chains import Chains
from jax_logreg.sweep.finishing import TOGETHER, finish
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.fitted import fit_models
from jax_logreg.sweep.prepared import prepared
from jax_logreg.sweep.slots import advance_each, certify_each, idle
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers, Point


def run_many(
    loop: Loop,
    problem: Problem,
    stack: Stack,
    starts: Params,
    chains: Chains,
    chosen: str,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Checkpointer | None = None,
) -> Fits:
    """Every model of a stack to its end, and proven to be there if it has converged.

    A model starts at `starts`, (models, ...) or (1, ...) for all; one with a parent at the answer
    of that model, as soon as there is one.
    """
    run = partial(_run, loop, problem.params, stack, chains, callback)
    return fit_models(run, loop, problem, stack, starts, chosen, checkpoint)


def _run(
    loop: Loop,
    params: Params,
    stack: Stack,
    chains: Chains,
    callback: Callable[[int, int], None] | None,
    answers: Answers,
    checkpoint: Checkpointer | None,
) -> Answers:
    """The answers of all models, in rounds.

    Where the certificate, computed once more, misses the goal, a model continues in the next.
    """
    loop = prepared(loop, params, stack)
    parents = chains.parents
    held, stage = np.zeros(chains.slots, np.int32), np.zeros(len(parents), np.int32)
    at_first = Params(*(part[held] for part in answers.params))
    empty = idle(loop, stack, held, at_first)
    point = Point(answers, stage, held, np.zeros(chains.slots, bool), empty)
    point.allow(np.flatnonzero(parents < 0))
    if checkpoint is not None:
        point = checkpoint.restore(point) or point
    while True:
        point = _pass_through(loop, stack, chains, point, callback, checkpoint)
        answers, todo = point.answers, point.models
        _certify(loop, stack, todo, chains, answers)
        todo = _unproven(loop, stack, todo, answers, last=point.round == REPEATS)
        if not todo.size:
            finish(loop, stack, answers)
            return answers
        point = point.next_round(todo)


def _pass_through(
    loop: Loop,
    stack: Stack,
    chains: Chains,
    point: Point,
    callback: Callable[[int, int], None] | None,
    checkpoint: Checkpointer | None,
) -> Point:
    """Run the models of a round, each slot taking the next as soon as its own is done."""
    answers, branch = point.answers, on_cpu(loop.objective.batch.s)
    most = loop.steps if loop.finish is None else min(loop.steps, TOGETHER)
    parents = chains.parents
    params = point.starts(parents)
    while point.waiting or point.live.any():
        fresh = point.fill(chains.homes)
        if fresh.any():
            params = point.starts(parents)
        # A model that runs again has the steps that are left.
        left = np.maximum(most - answers.steps[point.held], 0)
        own = (left, answers.gradient[point.held])
        slots = advance_each(loop, stack, point.held, params, fresh, own, point.slots, branch)
        point = point._replace(slots=slots, looks=point.looks + 1)
        steps, status = jax.device_get((slots.carry.step, slots.carry.status))
        ended = point.live & (status != Status.RUNNING)
        if ended.any():
            point.emptied(ended, jax.device_get(slots.carry.good), status, steps)
            if not point.round:
                point.allow(np.flatnonzero(np.isin(parents, point.held[ended])))
            if callback is not None:
                callback(answers.done, len(parents))
        if checkpoint is not None:
            checkpoint.save(point)
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


def _unproven(
    loop: Loop, stack: Stack, models: np.ndarray, answers: Answers, last: bool
) -> np.ndarray:
    """The models that have converged and are not proven to have; none, of the last round.

    The others get their status, and these the bounds on the gradient that they continue to.
    """
    counts, again = np.asarray(_counts(loop, stack)), []
    for i in models if loop.goal.asked else ():
        found = Certificate(*answers.certificate[i])
        error_of = partial(_error_of, loop, stack, answers, int(i))
        verdict = judge(loop.goal, found, float(counts[i]), loop.objective, error_of)
        answers.certificate[i] = np.stack(verdict.certificate)
        if verdict.continues(answers.status[i]) and not last:
            again.append(i)
            if verdict.gradient is not None:
                answers.gradient[i] = verdict.gradient
        else:
            answers.status[i] = verdict.status(answers.status[i])
    return np.array(again, models.dtype)


def _error_of(loop: Loop, stack: Stack, answers: Answers, i: int) -> float:
    objective = model_loop(loop, stack.one(i)).objective
    return error_by_hessian(objective, answers.model(i))


@jax.jit
def _counts(loop: Loop, stack: Stack) -> Array:
    """The number of examples of each model."""
    if stack.rows is None:
        return jnp.broadcast_to(loop.objective.count, stack.row.shape)
    return jnp.sum(stack.rows > 0, axis=1, dtype=jnp.int32)[stack.row]
