"""The result of a fit, with its history."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.display import count, displayed, dtype_and_shape, known_array
from jax_logreg.logistic import BINOMIAL, Family, Params
from jax_logreg.matrix import known
from jax_logreg.predictions import forward, logits
from jax_logreg.proof.certificate import Certificate
from jax_logreg.proof.goal import in_words
from jax_logreg.proof.gradient_check import GradientCheck
from jax_logreg.pytree import pytree
from jax_logreg.shapes import NDArray
from jax_logreg.status import Status


@displayed
class History(NamedTuple):
    """One row a step, (steps,): what was seen at the parameters before that step's update.

    `relative_gap` is a bound, sharp only near the tolerance, and infinite without a bound.
    `gradient_error` is the relative error of the gradient check, NaN where none was made.
    """

    cost: NDArray
    gradient_norm: NDArray
    relative_gap: NDArray
    gradient_error: NDArray

    def followed_by(self, later: "History") -> "History":
        """The two as one run, in NumPy."""
        return History(*map(np.concatenate, zip(self, later, strict=True)))


@displayed
@pytree
@dataclass(frozen=True)
class Result:
    """The fitted parameters, and how they came about.

    `history` has a row for each of the `steps` updates that led to `params`; `certificate` holds
    cost, gradient norm and duality gap at `params` themselves. `gradient_check` is the worst check
    made, None where none was. `classes` are what the outputs stand for, `solver` is the method
    that ran and why, `notes` are findings in the data, and `advice` is what would help. From
    `solve` the history is as long as asked for, NaN after `steps`, and the last four are empty.
    """

    params: Params
    history: History
    status: Any
    steps: Any
    gradient_check: GradientCheck | None
    certificate: Certificate
    classes: tuple[object, ...] = field(default=(), metadata={"static": True})
    solver: str = field(default="", metadata={"static": True})
    notes: tuple[str, ...] = field(default=(), metadata={"static": True})
    advice: str = field(default="", metadata={"static": True})
    family: Family = field(default=BINOMIAL, metadata={"static": True})
    executor: str = field(default="xla", metadata={"static": True})

    def decision_function(self, X: object) -> Any:
        """Z = wᵀX + b, (k, m), in the dtype of the parameters; NumPy's, unless in a trace.

        X (n, m) is in columns, any that `fit` takes: for a model of a Standardised X, another one
        with its mean and scale.

        Raises:
            InputError: another number of features, or an entry that is not finite.
        """
        return known(logits(self.params, X))

    def predict_proba(self, X: object) -> object:
        """Probabilities A (k, m), in the dtype of the parameters; NumPy's, unless in a trace.

        Of two classes the one row is that of `classes[1]`; the rows of more classes sum to 1; those
        of k targets are independent.

        Raises:
            InputError: as of `decision_function`.
        """
        return known(forward(self.params, X, self.family))

    def predict(self, X: object) -> Any:
        """The likeliest class of each example, (m,), as `classes` names it.

        Of k targets it is 0 or 1 for each, (k, m); in a trace, and of a `solve`, which knows no
        names, the number of the class.

        Raises:
            InputError: as of `decision_function`.
        """
        Z = self.decision_function(X)
        if self.family.independent and len(Z) > 1:
            return (Z > 0).astype(np.int32)
        number = (Z[0] > 0).astype(np.int32) if self.family.independent else Z.argmax(axis=0)
        if not self.classes or not isinstance(number, np.ndarray):
            return number
        return np.asarray(self.classes)[number]

    def _shown(self) -> dict[str, Any]:
        """Return the fields that `repr` shows; also in a trace, and of many models at once."""
        return {
            "status": _in_words(self.status),
            "steps": self.steps,
            "cost": self.certificate.cost,
            "gradient_norm": self.certificate.gradient_norm,
            "relative_gap": self.certificate.relative_gap,
            "error_in_std_errs": self.certificate.error_in_std_errs,
            "w": dtype_and_shape(self.params.w),
            "classes": self.classes,
            "solver": self.solver,
            "notes": len(self.notes),
        }

    def _more(self) -> dict[str, Any]:
        """Return the fields that only a table shows."""
        said = {
            "note": " ".join(self.notes),
            "advice": self.advice,
            "executor": self.executor,
            "gradient_check": self.gradient_check,
        }
        return {name: text for name, text in said.items() if text}

    @property
    def message(self) -> str:
        """One line: the status in words, the error, the worst entry of a failed check."""
        status = Status(int(self.status))
        line = f"{status.name.lower()} after {int(self.steps)} steps: {status.explanation}"
        check = self.gradient_check
        if status is Status.GRADIENT_CHECK_FAILED and check is not None:
            line += (
                f" Worst entry: {check.worst}, analytic {float(check.analytic):.6g}, jax.grad "
                f"{float(check.automatic):.6g}, relative error "
                f"{float(check.max_relative_error):.2g}, allowed {float(check.tolerance):.2g}."
            )
        error = float(self.certificate.error_in_std_errs)
        if np.isfinite(error) and status not in (Status.DIVERGED, Status.SEPARABLE):
            line += f" The numerical error is {in_words(error)}."
        return " ".join(part for part in (line, *self.notes, self.advice) if part)


def _in_words(status: object) -> object:
    """Return a status by name, and how many models have each; as it is where it is not known."""
    if isinstance(status, Status):
        return status
    found = known_array(status)
    numbers = [] if found is None else [int(number) for number in found.ravel()]
    if not numbers or not set(numbers) <= set(Status):
        return status
    return count(map(Status, numbers)) if len(numbers) > 1 else Status(numbers[0])
