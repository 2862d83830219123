"""The models of a sweep in slots, at which the host looks every few steps."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import numpy as np

from jax_logreg._jax.batching import on_cpu
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.loop.host import REPEATS, run_to_proof
from jax_logreg.problem.prepare import Problem
from jax_logreg.status import Status
from jax_logreg.sweep.chains import Chains
from jax_logreg.sweep.finishing import TOGETHER, finish
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.fitted import fit_models
from jax_logreg.sweep.judging import certify, unproven
from jax_logreg.sweep.prepared import prepared
from jax_logreg.sweep.slots import advance_each, idle
from jax_logreg.sweep.stack import Stack
from jax_logreg.sweep.state import Answers, InSlots


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
    """The answers of all models, those that take many steps finished one by one."""
    loop = prepared(loop, params, stack)
    state = _at_first(loop, stack, chains, answers)
    save = None
    if checkpoint is not None:
        state, save = checkpoint.restore(state) or state, checkpoint.save
    answers = run_to_proof(ModelsInSlots(loop, stack, chains, state, callback), save).answers
    finish(loop, stack, answers)
    return answers


def _at_first(loop: Loop, stack: Stack, chains: Chains, answers: Answers) -> InSlots:
    """The state before the first step: idle slots, and models without a parent that may start."""
    parents, slots = chains.parents, chains.slots
    held, stage = np.zeros(slots, np.int32), np.zeros(len(parents), np.int32)
    empty = idle(loop, stack, held, Params(*(part[held] for part in answers.params)))
    state = InSlots(answers, stage, held, np.zeros(slots, bool), empty)
    state.allow(np.flatnonzero(parents < 0))
    return state


class ModelsInSlots:
    """The models of a sweep as the host drives them, each slot taking the next one when it is free.

    Where the certificate, computed once more, misses the goal, a model continues in the next round.
    """

    def __init__(
        self,
        loop: Loop,
        stack: Stack,
        chains: Chains,
        state: InSlots,
        callback: Callable[[int, int], None] | None,
    ) -> None:
        self._loop, self._stack, self._chains, self._callback = loop, stack, chains, callback
        self._branch = on_cpu(loop.objective.batch.s)
        self._most = loop.steps if loop.finish is None else min(loop.steps, TOGETHER)
        self._take_up(state)

    def _take_up(self, state: InSlots) -> None:
        self.state, self._starts = state, state.starts(self._chains.parents)

    @property
    def stepping(self) -> bool:
        """Return whether some model is under way, or may start."""
        return self.state.waiting or bool(self.state.live.any())

    def advance(self) -> None:
        """Run a chunk of all slots, the free ones with models that may start."""
        state, parents = self.state, self._chains.parents
        answers, held = state.answers, state.held
        fresh = state.fill(self._chains.homes)
        if fresh.any():
            self._starts = state.starts(parents)
        # A model that runs again has the rest of its steps.
        own = np.maximum(self._most - answers.steps[held], 0), answers.gradient[held]
        given = (self._loop, self._stack, held, self._starts, fresh, own)
        slots = advance_each(*given, state.slots, self._branch)
        self.state = replace(state, slots=slots, looks=state.looks + 1)
        steps, status = jax.device_get((slots.carry.step, slots.carry.status))
        ended = state.live & (status != Status.RUNNING)
        self._some_ended = bool(ended.any())
        if self._some_ended:
            state.emptied(ended, jax.device_get(slots.carry.good), status, steps)
            if not state.round:
                state.allow(np.flatnonzero(np.isin(parents, held[ended])))

    def report(self) -> None:
        """Call the callback with the number of models done, once it has changed."""
        if self._callback is not None and self._some_ended:
            answers = self.state.answers
            self._callback(answers.done, len(answers.status))

    def continues(self) -> bool:
        """Judge the models of the round; return whether some continue in the next."""
        loop, stack, answers, todo = self._loop, self._stack, self.state.answers, self.state.models
        idle = certify(loop, stack, todo, self._chains, answers, self.state.slots, self._branch)
        self.state = replace(self.state, slots=idle)
        todo = unproven(loop, stack, todo, answers, last=self.state.round == REPEATS)
        if todo.size:
            self._take_up(self.state.next_round(todo))
        return bool(todo.size)
