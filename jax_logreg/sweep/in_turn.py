"""Models one after the other, each begun at the answer of the one before and with its state.

The models of a sweep in slots have arrays of one shape, and a slot begins without a state. A path
of L1 has few features in the model at first: its working set, a shape, grows with them, and the
Gram matrix of it serves from one strength to the next. So these models run in the loop of `fit`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, start
from jax_logreg.loop.driver import proceed
from jax_logreg.loop.initial import restart
from jax_logreg.loop.point import Point
from jax_logreg.placement.devices import outline
from jax_logreg.solver.declared import declares, widened
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers


class Turn(NamedTuple):
    """All that a sweep in turn needs to resume: the answers so far, the number of the model under
    way, and its run.
    """

    answers: Answers
    number: int
    run: Point

    @property
    def taken(self) -> int:
        """Steps of all models together."""
        return self.answers.taken + self.run.taken

    @property
    def where(self) -> str:
        """Return how far the sweep is, in words."""
        return self.answers.where

    @property
    def running(self) -> bool:
        """Its end is that of its answers."""
        return True

    def packed(self) -> "Turn":
        """The same with one block of rows."""
        return self._replace(run=self.run.packed())

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
    """Return the answers of all models, the first begun at the end of another run, a carry."""
    saves = None if checkpoint is None else Saves(checkpoint, loop)
    resumed = None if saves is None else saves.restored(loop, answers, before.good)
    loop, turn = resumed or _next(loop, stack, before, Turn(answers, -1, Point(before, [])))
    models = len(answers.status)
    while True:
        answers, number = turn.answers, turn.number
        one = model_loop(loop, stack.one(number))
        save = None if saves is None else partial(saves.save, loop, turn)
        carry = proceed(one, turn.run, save=save).carry
        answers.take(number, carry)
        if callback is not None:
            callback(number + 1, models)
        if number + 1 == models:
            break
        loop, turn = _next(loop, stack, carry, turn)
    if saves is not None:
        saves.clear()
    return answers


def _next(loop: Loop, stack: Stack, before: Carry, turn: Turn) -> tuple[Loop, Turn]:
    """The next model at its start; the loop has a working set that it fits into."""
    number, w = turn.number + 1, before.good.w
    active = int(np.count_nonzero(np.any(np.asarray(w) != 0, axis=1)))
    wider = widened(loop.solver, active, w.shape[0])
    if wider is not None:
        loop = loop._replace(solver=wider)
    carry = restart(model_loop(loop, stack.one(number)), before.good, None)
    if wider is None and declares(loop.solver, "at_any_strength"):
        # Unlike a memory of gradients, it holds at any strength.
        carry = carry._replace(state=before.state)
    return loop, turn._replace(number=number, run=Point(carry, []))


class Saves:
    """The saved turns of a sweep, in a part for each solver: a wider one has other shapes."""

    def __init__(self, checkpoint: Checkpointer, loop: Loop) -> None:
        """Return the parts of a loop's solver, and of those that it may be widened to."""
        solvers, n = [loop.solver], loop.objective.batch.X.shape[0]
        while (wider := widened(solvers[-1], n, n)) is not None:
            solvers.append(wider)
        parts = [checkpoint, *(checkpoint.part(f"wider{i}") for i in range(1, len(solvers)))]
        self.parts = list(zip(solvers, parts, strict=True))

    def restored(self, loop: Loop, answers: Answers, params: Params) -> tuple[Loop, Turn] | None:
        """Return the last whole turn and its loop, None where nothing was saved."""
        for solver, part in reversed(self.parts):
            if not part.find(over_hosts=False):
                continue
            wide = loop._replace(solver=solver)
            shapes = jax.eval_shape(partial(start, check=None), wide, params)
            shapes = outline(shapes, loop.objective.batch, solver)
            run = Point(shapes, [], gradient=np.array(np.inf))
            turn = part.restore(Turn(answers, 0, run))
            if turn is not None:
                return wide, turn
        return None

    def save(self, loop: Loop, turn: Turn, run: Point) -> None:
        """Save a turn whose run has come so far, if it is time."""
        part = next(part for solver, part in self.parts if solver == loop.solver)
        part.save(turn._replace(run=run))

    def clear(self) -> None:
        """Remove the states of all parts: the answers make them needless."""
        for _, part in self.parts:
            part.clear()
