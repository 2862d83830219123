"""Gradient descent, the lecture's update."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array
from jax_logreg.logistic import Params, update
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.shapes import NDArray, Number


@pytree
@dataclass(frozen=True)
class GradientDescent:
    """w − α dw, b − α db with a constant learning rate α > 0, in units of parameter² per nat."""

    learning_rate: Number | NDArray
    by_rate: ClassVar[bool] = True
    one_pass: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a learning rate that is not a positive number (InputError)."""
        if isinstance(self.learning_rate, bool | int | float | str) and not (
            isinstance(self.learning_rate, int | float)
            and self.learning_rate is not True
            and 0 < self.learning_rate < float("inf")
        ):
            raise InputError(
                f"learning_rate is {brief(self.learning_rate)}: expected a positive finite number, "
                "for example GradientDescent(0.1)"
            )

    def check(self, many: bool) -> None:
        """Refuse a rate, or one for each of many models, that is not positive (InputError)."""
        rate = read_array("learning_rate", self.learning_rate)
        listed = isinstance(self.learning_rate, list | tuple) or rate.ndim > many or not rate.size
        if listed or rate.dtype.kind not in "iuf" or not np.all((rate > 0) & np.isfinite(rate)):
            expected = "a positive finite number, or an array of one for each model" if many else ""
            raise InputError(
                f"learning_rate is {brief(self.learning_rate)}: expected "
                f"{expected or 'a positive finite number'}"
            )

    def init(self, objective: Objective, params: Params) -> tuple[()]:
        """An empty state."""
        return ()

    def evaluate(self, objective: Objective, params: Params, state: tuple[()]) -> Evaluation:
        """J and its gradient."""
        return objective.evaluate(params)

    def step(
        self, objective: Objective, params: Params, state: tuple[()], at: Evaluation
    ) -> tuple[Params, tuple[()]]:
        """One update."""
        learning_rate = jax.numpy.asarray(self.learning_rate, params.w.dtype)
        return update(params, at.gradient, learning_rate), state
