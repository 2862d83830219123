"""The result of a fit, with its history."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from jax_logreg.display import count, displayed, dtype_and_shape, known_array
from jax_logreg.logistic import BINOMIAL, Family, Params
from jax_logreg.matrix import known
from jax_logreg.predictions import forward, logits
from jax_logreg.proof.certificate import Certificate
from jax_logreg.proof.goal import in_words
from jax_logreg.proof.gradient_check import GradientCheck
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float, Integer, NDArray, Shaped
from jax_logreg.status import Status


@displayed
class History(NamedTuple):
    """Cost and errors at the parameters before each step's update, a row a step, (steps,).

    `cost` is in nats, `gradient_norm` the largest absolute gradient entry. `relative_gap` is a
    bound, sharp only near the tolerance, and infinite without a bound. `gradient_error` is the
    relative error of the gradient check, NaN where the step made no check.
    """

    cost: Float[NDArray, " steps"]
    gradient_norm: Float[NDArray, " steps"]
    relative_gap: Float[NDArray, " steps"]
    gradient_error: Float[NDArray, " steps"]

    def followed_by(self, later: "History") -> "History":
        """Return this history and a later one as one, in NumPy."""
        return History(*map(np.concatenate, zip(self, later, strict=True)))


@displayed
@pytree
@dataclass(frozen=True)
class Result:
    """The fitted parameters, and how they came about.

    Attributes:
        params: w (n, k) and b (k, 1).
        history: a row for each of the `steps` updates that led to `params`.
        status: the reason why the fit ended; in a trace an int32.
        steps: the number of updates.
        gradient_check: the worst check, None where there was no check.
        certificate: cost, gradient norm and duality gap at `params` themselves.
        classes: the class or output of each row of Y; of two classes one row stands for the second.
        solver: the method that ran, and why.
        notes: findings in the data.
        advice: what would help.
        family: BINOMIAL or MULTINOMIAL.
        executor: the library that computed the fit, "numpy" or "xla".

    From `solve` the history is as long as asked for, NaN after `steps`. Its `classes`, `solver`,
    `notes` and `advice` are empty.
    """

    params: Params
    history: History
    status: Status | np.integer | Integer[Array, ""]
    steps: int | np.integer | Integer[Array, ""]
    gradient_check: GradientCheck | None
    certificate: Certificate
    classes: tuple[object, ...] = field(default=(), metadata={"static": True})
    solver: str = field(default="", metadata={"static": True})
    notes: tuple[str, ...] = field(default=(), metadata={"static": True})
    advice: str = field(default="", metadata={"static": True})
    family: Family = field(default=BINOMIAL, metadata={"static": True})
    executor: str = field(default="xla", metadata={"static": True})

    def decision_function(self, X: object) -> Float[NDArray, "k m"]:
        """Z = wᵀX + b, (k, m), in the dtype of the parameters; NumPy's, unless in a trace.

        X (n, m) has the examples in columns, and is any that `fit` takes. For a model of a
        Standardised X it is another one with the same mean and scale.

        Raises:
            InputError: another number of features, or an entry that is not finite.
        """
        return known(logits(self.params, X))

    def predict_proba(self, X: object) -> Float[NDArray, "k m"]:
        """Probabilities A (k, m), in the dtype of the parameters; NumPy's, unless in a trace.

        For two classes there is one row, that of `classes[1]`. The rows of more classes sum to 1.
        The rows of k targets are independent.

        Raises:
            InputError: as of `decision_function`.
        """
        return known(forward(self.params, X, self.family))

    def predict(self, X: object) -> Shaped[NDArray, "..."]:
        """The likeliest class of each example, (m,), as `classes` names it.

        For k targets it is 0 or 1 for each, (k, m). In a trace it is the number of the class, as
        it is after a `solve`, which knows no names.

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

    def _shown(self) -> dict[str, object]:
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

    def _more(self) -> dict[str, object]:
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
        """The status in words, the error and the worst entry of a failed check, in one line."""
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
    """Return a status by name, or of many models each status with its count; unknown ones stay."""
    if isinstance(status, Status):
        return status
    found = known_array(status)
    numbers = [] if found is None else [int(number) for number in found.ravel()]
    if not numbers or not set(numbers) <= set(Status):
        return status
    return count(map(Status, numbers)) if len(numbers) > 1 else Status(numbers[0])
