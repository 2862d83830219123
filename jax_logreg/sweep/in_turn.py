"""Models one after the other, each started at the answer of the one before and with its state.

The models of a sweep in slots have arrays of one shape, and a slot starts without a state. A path
of L1 has few features in the model at first. Its working set, a shape, grows with them, and its
Gram matrix serves from one strength to the next. So these models run one by one, as in `fit`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import jax
import numpy as np

from jax_logreg.arrays import is_numpy
from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, start
from jax_logreg.loop.chunks import OneModel
from jax_logreg.loop.host import run_to_proof
from jax_logreg.loop.initial import restart
from jax_logreg.loop.point import Point
from jax_logreg.placement.devices import outline
from jax_logreg.pytree import pytree
from jax_logreg.solver.declared import declares, widened
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers, Underway


@pytree
@dataclass(frozen=True)
class InTurn(Underway):
    """All that a sweep in turn needs to resume: answers, and number and run of one model."""

    number: int
    run: Point

    @property
    def taken(self) -> int:
        """Steps of all models together."""
        return self.answers.taken + self.run.taken

    def packed(self) -> Self:
        """The same with one block of rows."""
        return replace(self, run=self.run.packed())

    def check(self) -> None:
        """Refuse numbers that no sweep leaves (ValueError)."""
        self.answers.check()
        self.run.check()
        if not 0 <= self.number < len(self.answers.status):
            raise ValueError("it holds a model that does not exist")


def run_in_turn(
    loop: Loop,
    stack: Stack,
    before: Carry,
    callback: Callable[[int, int], None] | None,
    answers: Answers,
    checkpoint: Checkpointer | None,
) -> Answers:
    """Return the answers of all models, the first one started at the carry of another run."""
    saves = None if checkpoint is None else Saves(checkpoint, loop)
    resumed = None if saves is None else saves.restored(loop, answers, before.good)
    start_at = resumed or _next(loop, stack, before, answers, 0)
    models = ModelsInTurn(stack, callback, *start_at)
    if saves is None:
        return run_to_proof(models).answers
    answers = run_to_proof(models, lambda turn: saves.save(models.loop, turn)).answers
    saves.clear()
    return answers


class ModelsInTurn:
    """The models of a sweep as the host drives them, one after the other."""

    def __init__(
        self, stack: Stack, callback: Callable[[int, int], None] | None, loop: Loop, turn: InTurn
    ) -> None:
        self._stack, self._callback = stack, callback
        self._take_up(loop, turn)

    def _take_up(self, loop: Loop, turn: InTurn) -> None:
        self.loop, self._answers, self._number = loop, turn.answers, turn.number
        self._model = OneModel(model_loop(loop, self._stack.one(turn.number)), turn.run)

    @property
    def state(self) -> InTurn:
        """The answers so far, and the run of the model under way."""
        return InTurn(self._answers, self._number, self._model.state)

    @property
    def stepping(self) -> bool:
        """Return whether the model under way has steps to take."""
        return self._model.stepping

    def advance(self) -> None:
        """Run a chunk of the model under way."""
        self._model.advance()

    def report(self) -> None:
        """Report nothing: the callback counts models, and a model ends in its judgement."""

    def continues(self) -> bool:
        """Judge the model under way; return whether it continues, or another one starts."""
        if self._model.continues():
            return True
        answers, carry = self._answers, self._model.state.carry
        answers.take(self._number, carry)
        done, models = self._number + 1, len(answers.status)
        if self._callback is not None:
            self._callback(done, models)
        if done < models:
            self._take_up(*_next(self.loop, self._stack, carry, answers, done))
        return done < models


def _next(
    loop: Loop, stack: Stack, before: Carry, answers: Answers, number: int
) -> tuple[Loop, InTurn]:
    """The turn of a model at its start; the loop has a working set that it fits into."""
    w = before.good.w
    active = int(np.count_nonzero(np.any(np.asarray(w) != 0, axis=1)))
    wider = widened(loop.solver, active, w.shape[0])
    if wider is not None:
        loop = loop._replace(solver=wider)
    one = model_loop(loop, stack.one(number))
    # Unlike a memory of gradients, it holds at any strength.
    kept = before.state if wider is None and declares(loop.solver, "at_any_strength") else None
    if is_numpy(w):
        carry = restart(one, before.good, None, kept)
    else:
        # The program that all models start by is compiled already.
        carry = restart(one, before.good, None)
        carry = carry if kept is None else carry._replace(state=kept)
    return loop, InTurn(answers, number, Point(carry, []))


class Saves:
    """The saved turns of a sweep, in a part for each solver: a wider one has other shapes."""

    def __init__(self, checkpoint: Checkpointer, loop: Loop) -> None:
        """Return the parts of a loop's solver, and of those that it may be widened to."""
        solvers, n = [loop.solver], loop.objective.batch.X.shape[0]
        while (wider := widened(solvers[-1], n, n)) is not None:
            solvers.append(wider)
        parts = [checkpoint, *(checkpoint.part(f"wider{i}") for i in range(1, len(solvers)))]
        self.parts = list(zip(solvers, parts, strict=True))

    def restored(self, loop: Loop, answers: Answers, params: Params) -> tuple[Loop, InTurn] | None:
        """Return the last whole turn and its loop, None where nothing was saved."""
        for solver, part in reversed(self.parts):
            if not part.find(over_hosts=False):
                continue
            wide = loop._replace(solver=solver)
            shapes = jax.eval_shape(partial(start, check=None), wide, params)
            shapes = outline(shapes, loop.objective.batch, solver)
            run = Point(shapes, [], gradient=np.array(np.inf))
            turn = part.restore(InTurn(answers, 0, run))
            if turn is not None:
                return wide, turn
        return None

    def save(self, loop: Loop, turn: InTurn) -> None:
        """Save a turn of a loop if it is time."""
        part = next(part for solver, part in self.parts if solver == loop.solver)
        part.save(turn)

    def clear(self) -> None:
        """Remove the states of all parts: the answers make them needless."""
        for _, part in self.parts:
            part.clear()
