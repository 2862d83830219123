"""The state of a sweep between two looks: the answers of its models, and the slots they run in."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import jax
import numpy as np

from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop
from jax_logreg.proof.certificate import Certificate
from jax_logreg.pytree import pytree
from jax_logreg.status import Status
from jax_logreg.sweep.slots import LOOK, Slot

# Stages of a model: it may start, and it has started.
WAITING, STARTED = 1, 2


class Answers(NamedTuple):
    """The answers of the models, in NumPy, filled in as the models end.

    `params` are w (r, n, k) and b (r, k, 1), and `certificate` is (r, 5); the rest is (r,).
    `gradient` is the goal's bound on the gradient.
    """

    params: Params
    certificate: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    gradient: np.ndarray

    @staticmethod
    def empty(loop: Loop, starts: Params, models: int) -> "Answers":
        """Until they are known, the parameters are those that models start from."""
        dtype = loop.objective.batch.s.dtype
        params = jax.tree.map(
            lambda part: np.array(np.broadcast_to(part, (models, *part.shape[1:])), dtype), starts
        )
        counts = np.zeros(models, np.int32)
        certificates = np.zeros((models, len(Certificate._fields)), dtype)
        gradient = np.full(models, loop.goal.gradient, dtype)
        return Answers(params, certificates, counts, counts.copy(), gradient)

    def model(self, i: int) -> Params:
        """The parameters of model i."""
        return Params(*(part[i] for part in self.params))

    def take(self, i: int, end: Carry) -> None:
        """Put the end of a run of model i in place of what is known of it."""
        for kept, new in zip(self.params, end.good, strict=True):
            kept[i] = np.asarray(new)
        self.certificate[i] = np.stack(end.certificate)
        self.status[i] = end.status
        self.steps[i] += int(end.step)

    @property
    def done(self) -> int:
        """Return how many models have come to an end."""
        return int(np.count_nonzero(self.status != Status.RUNNING))

    @property
    def taken(self) -> int:
        """Steps of all models together."""
        return int(self.steps.sum())

    @property
    def where(self) -> str:
        """Return how far the sweep is, in words."""
        return f"{self.done} of {len(self.status)} models"

    @property
    def running(self) -> bool:
        """Return whether some have not ended."""
        return self.done < len(self.status)

    def packed(self) -> "Answers":
        """Return the answers as they are."""
        return self

    def check(self) -> None:
        """Refuse numbers that no sweep leaves (ValueError)."""
        for code in np.unique(self.status):
            Status(int(code))
        if np.any(self.steps < 0):
            raise ValueError("a number of steps is below 0")


@dataclass(frozen=True)
class Underway:
    """The state of a sweep between two chunks: the answers so far, and what is under way."""

    answers: Answers

    @property
    def where(self) -> str:
        """Return how far the sweep is, in words."""
        return self.answers.where

    @property
    def running(self) -> bool:
        """Its end is that of its answers."""
        return True


@pytree
@dataclass(frozen=True)
class InSlots(Underway):
    """All that a sweep in slots needs to resume: NumPy arrays, changed in place, and `slots`.

    `stage` (r,) is WAITING for models that may start, and STARTED after that. It is 0 for those
    that are not to run yet, or not in this round. Slot i has the model held[i], under way where
    live[i]. Each round runs again the models that the one before has not proven.
    """

    stage: np.ndarray
    held: np.ndarray
    live: np.ndarray
    slots: Slot
    round: int = 0
    looks: int = 0

    @property
    def taken(self) -> int:
        """Steps of the slots."""
        return LOOK * self.looks

    def packed(self) -> Self:
        """Return the state as it is."""
        return self

    def check(self) -> None:
        """Refuse numbers that no sweep leaves (ValueError)."""
        self.answers.check()
        if not np.all(np.isin(self.stage, (0, WAITING, STARTED))):
            raise ValueError("the stage of a model is unknown")
        if min(self.round, self.looks) < 0:
            raise ValueError("a number of rounds or chunks is below 0")
        if np.any((self.held < 0) | (self.held >= len(self.stage))):
            raise ValueError("it holds a model that does not exist")

    @property
    def models(self) -> np.ndarray:
        """Return the numbers of the models that may start, or have started, in this round."""
        return np.flatnonzero(self.stage)

    @property
    def waiting(self) -> bool:
        """Return whether some model may start."""
        return bool(np.any(self.stage == WAITING))

    def allow(self, models: np.ndarray) -> None:
        """Let these models start once there is a slot."""
        self.stage[models] = WAITING

    def next_round(self, models: np.ndarray) -> "InSlots":
        """Let these models run once more, from their own answers."""
        self.stage[:] = 0
        self.allow(models)
        return replace(self, round=self.round + 1)

    def starts(self, parents: np.ndarray) -> Params:
        """Return the starts of the slots' models: answers of their parents (r,), -1 for no parent.

        In later rounds they are the models' own answers.
        """
        source = self.held if self.round else parents[self.held]
        source = np.where(source < 0, self.held, source)
        return Params(*(part[source] for part in self.answers.params))

    def fill(self, homes: np.ndarray) -> np.ndarray:
        """Give each free slot the first model that may start in it; return these slots.

        A model may start in its home (r,) alone; with a home of -1 in any slot.
        """
        fresh = np.zeros_like(self.live)
        for slot in np.flatnonzero(~self.live) if self.waiting else ():
            mine = (self.stage == WAITING) & ((homes == slot) | (homes < 0))
            if mine.any():
                model = np.argmax(mine)
                self.stage[model], self.held[slot] = STARTED, model
                self.live[slot] = fresh[slot] = True
        return fresh

    def emptied(
        self, ended: np.ndarray, found: Params, status: np.ndarray, steps: np.ndarray
    ) -> None:
        """Take the answers of the models that have ended out of their slots."""
        models = self.held[ended]
        for kept, new in zip(self.answers.params, found, strict=True):
            kept[models] = new[ended]
        self.answers.status[models] = status[ended]
        self.answers.steps[models] += steps[ended]
        self.live[ended] = False
