"""A run between two chunks of steps."""

from typing import NamedTuple

import numpy as np

from jax_logreg.loop.body import Carry
from jax_logreg.result import History
from jax_logreg.status import RUNNING, Status


class Point(NamedTuple):
    """The state of a run between two chunks: all that it needs to resume.

    `rows` are blocks (4, steps) of the history, one a chunk. `before` is the number of steps before
    the last restart, `step` and `status` are those that the host last saw. `gradient` () is the
    goal's bound on the gradient, which falls until the error is proven small.
    """

    carry: Carry
    rows: list[np.ndarray]
    before: int = 0
    restarts: int = 0
    step: int = 0
    status: int = RUNNING
    gradient: np.ndarray | np.floating = np.float64(np.inf)

    @property
    def taken(self) -> int:
        """Steps so far."""
        return self.before + self.step

    @property
    def where(self) -> str:
        """Return how far the run is, in words."""
        return f"step {self.taken}"

    @property
    def running(self) -> bool:
        """Return whether the run has not ended."""
        return self.status == RUNNING

    def packed(self) -> "Point":
        """Return the point with one block of rows."""
        return self._replace(rows=[np.stack(self.history)])

    def check(self) -> None:
        """Refuse numbers that no run leaves (ValueError)."""
        Status(self.status)
        if min(self.before, self.restarts, self.step) < 0:
            raise ValueError("a number of steps is below 0")

    @property
    def history(self) -> History:
        """The history of all steps so far; the last one may have been undone."""
        nothing = np.empty((4, 0), self.carry.best.dtype)
        return History(*np.concatenate([nothing, *self.rows], axis=1)[:, : self.taken])
