"""The models of a sweep, as it hands them back."""

from typing import NamedTuple

import jax
import numpy as np

from jax_logreg.display import displayed, dtype_and_shape
from jax_logreg.errors.checks import check_integer
from jax_logreg.logistic import BINOMIAL, Family, Params
from jax_logreg.proof.certificate import Certificate
from jax_logreg.result import History, Result
from jax_logreg.status import Status


@displayed
class Fits(NamedTuple):
    """The models of a sweep along a leading axis: params w (r, n, k), b (r, k, 1); certificates
    and steps (r,). `notes` say what was found in the data of each, as `Result.notes` do.
    """

    params: Params
    certificate: Certificate
    status: tuple[Status, ...]
    steps: np.ndarray
    classes: tuple[object, ...]
    solver: str
    notes: tuple[tuple[str, ...], ...]
    family: Family = BINOMIAL
    executor: str = "xla"

    def _shown(self) -> dict[str, object]:
        return {
            "models": len(self.steps),
            "status": self.status,
            "steps": self.steps,
            "cost": self.certificate.cost,
            "error_in_std_errs": self.certificate.error_in_std_errs,
            "w": dtype_and_shape(self.params.w),
            "classes": self.classes,
            "solver": self.solver,
            "executor": self.executor,
            "notes": sum(map(len, self.notes)),
        }

    def result(self, i: int) -> Result:
        """Model i as `fit` would hand it back, with an empty history: a sweep keeps none.

        Raises:
            InputError: i is no integer, or there is no such model; -1 is the last.
        """
        check_integer("i", i, -len(self.status), len(self.status))
        params, certificate = (
            jax.tree.map(lambda part: part[i], tree) for tree in (self.params, self.certificate)
        )
        nothing = np.empty(0, params.w.dtype)
        return Result(
            params,
            History(*(nothing,) * 4),
            self.status[i],
            int(self.steps[i]),
            None,
            certificate,
            self.classes,
            self.solver,
            self.notes[i],
            family=self.family,
            executor=self.executor,
        )

    def part(self, which: slice | np.ndarray) -> "Fits":
        """Return the models of these numbers alone."""
        params, certificate = (
            jax.tree.map(lambda part: part[which], tree) for tree in (self.params, self.certificate)
        )
        numbers = np.arange(len(self.steps))[which]
        return self._replace(
            params=params,
            certificate=certificate,
            status=tuple(self.status[i] for i in numbers),
            steps=self.steps[which],
            notes=tuple(self.notes[i] for i in numbers),
        )
