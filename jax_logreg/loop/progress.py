"""Messages of a run to its callback."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jax_logreg.display import displayed
from jax_logreg.logistic import Params
from jax_logreg.result import History


@displayed
class Progress(NamedTuple):
    """The argument of `fit`'s callback between two chunks: the step, the cost in nats, the history.

    `rows` are the history's since the last call, up to `step`. A resumed run first hands over all
    rows that it was saved with. `params` are those after `step`, for an `EachStep` alone.
    """

    step: int
    steps: int
    cost: float
    gradient_norm: float
    rows: History = History(*np.zeros((4, 0)))
    params: Params | None = None

    def _shown(self) -> dict[str, object]:
        numbers = self.cost, self.gradient_norm
        return dict(zip(self._fields, (self.step, self.steps, *numbers), strict=False))


@dataclass(frozen=True)
class EachStep:
    """A callback of `fit` that is called after every single step, with the parameters there."""

    call: Callable[[Progress], None]

    def __call__(self, progress: Progress) -> None:
        """Hand the progress on."""
        self.call(progress)
