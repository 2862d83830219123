"""The scores by which predictions are judged, one row each.

A formula is written once. On NumPy arrays it scores many resamples of one model's examples, on JAX
arrays many models of a sweep. A new score is a formula and a row of `SCORES`: `measure`, its
intervals, `jax-logreg evaluate`, sweeps, configs and the report then have it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from jax import Array

A = TypeVar("A", np.ndarray, Array)
# From weights (m, r) and their sums (r,) to numbers (..., r) for each column of weights.
Weighed: TypeAlias = Callable[[A, A], A]


class Scorable(Protocol[A]):
    """Predictions of m examples beside their true classes, as scores see them.

    A property is computed only where a score asks for it: labels alone for `right`.
    """

    @property
    def losses(self) -> A:
        """Cross-entropy (m,) of each example, in nats."""

    @property
    def right(self) -> A:
        """1 where the predicted class is the true one, else 0, (m,)."""

    @property
    def squares(self) -> A:
        """(P(class 1) − truth)² of two classes, of more its sum over the classes, (m,)."""

    @property
    def confidence(self) -> tuple[A, A]:
        """The two sides of calibration, (m,) each: P(class 1), and 1 for class 1, else 0.

        Of more classes: the probability of the predicted class, and 1 where that is right.
        """

    def sums(self, values: A) -> Weighed[A]:
        """Return the weighted sums (r,) of values (m,)."""

    def recalls(self) -> Weighed[A]:
        """Return the share (k, r) of each class that is predicted right, NaN of an absent one."""

    def areas(self) -> Weighed[A]:
        """Return the area (k, r) under the ROC curve of each output, NaN where a side is absent."""

    def binned(self, p: A, values: A) -> Weighed[A]:
        """Return the weighted sums (bins, r) of values (m,) over equal bins of probabilities p."""


class Formula(Protocol):
    """The formula of a score, for arrays of NumPy and of JAX."""

    def __call__(self, predictions: Scorable[A], /) -> Weighed[A]:
        """Return a function of weights (m, r) and their sums (r,): the score (r,) of each column.

        It is NaN where there is no such number.
        """


@dataclass(frozen=True)
class Score:
    """A score: its name, which way is better, and its formula.

    `compute` takes predictions, and returns a function of weights (m, r) and their sums (r,). Its
    value (r,) is NaN where there is no such number. A score that `ranks` compares the examples of
    a class with the others, so that both have to occur. `scikit_learn` names the scorer there that
    means the same; its sign is turned where lower is better.
    """

    name: str
    title: str
    meaning: str
    higher_is_better: bool
    compute: Formula
    unit: str = ""
    ranks: bool = False
    scikit_learn: str | None = None

    @property
    def upwards(self) -> str:
        """The title of the number that is higher for better predictions."""
        return self.title if self.higher_is_better else f"minus {self.title}"


def _mean(values: Literal["losses", "right", "squares"], predictions: Scorable[A], /) -> Weighed[A]:
    """Return the weighted mean of one property of the predictions."""
    sums = predictions.sums(getattr(predictions, values))
    return lambda W, total: sums(W, total) / total


def _balanced_accuracy(predictions: Scorable[A]) -> Weighed[A]:
    recalls = predictions.recalls()
    return lambda W, total: nan_mean(recalls(W, total))


def _roc_auc(predictions: Scorable[A]) -> Weighed[A]:
    areas = predictions.areas()
    return lambda W, total: nan_mean(areas(W, total))


def _calibration_error(predictions: Scorable[A]) -> Weighed[A]:
    errors = calibration_errors(predictions)
    return lambda W, total: abs(errors(W, total)).sum(axis=0)


def calibration_errors(predictions: Scorable[A]) -> Weighed[A]:
    """Return the signed errors (bins, r), whose absolute values sum to the calibration error."""
    p, observed = predictions.confidence
    excess = predictions.binned(p, observed - p)
    return lambda W, total: excess(W, total) / total[None]


def nan_mean(rows: A) -> A:
    """Return the mean (r,) of the rows (k, r) that are not NaN; NaN where all are."""
    xp = rows.__array_namespace__()
    there = ~xp.isnan(rows)
    return xp.where(there, rows, 0).sum(axis=0) / there.sum(axis=0).astype(rows.dtype)


SCORES = {
    score.name: score
    for score in (
        Score(
            "log_loss",
            "log loss",
            "the mean cross-entropy, -log P(true class). From A it is at most 36 nats in float64 "
            "and 16 in float32, as P is at least the rounding of its dtype",
            False,
            partial(_mean, "losses"),
            unit="nats",
            scikit_learn="neg_log_loss",
        ),
        Score(
            "accuracy",
            "accuracy",
            "share predicted right: class 1 of two where P(class 1) > threshold; of more the "
            "likeliest",
            True,
            partial(_mean, "right"),
            scikit_learn="accuracy",
        ),
        Score(
            "balanced_accuracy",
            "balanced accuracy",
            "mean over the classes that occur of the share predicted right",
            True,
            _balanced_accuracy,
            scikit_learn="balanced_accuracy",
        ),
        Score(
            "roc_auc",
            "ROC AUC",
            "share of the pairs that rank an example of class 1 above one of class 0, ties "
            "counting for a half. Of more classes the mean of each against the rest",
            True,
            _roc_auc,
            ranks=True,
            scikit_learn="roc_auc",
        ),
        Score(
            "brier",
            "Brier score",
            "mean of (P(class 1) - truth)²; of more classes summed over them",
            False,
            partial(_mean, "squares"),
            scikit_learn="neg_brier_score",
        ),
        Score(
            "expected_calibration_error",
            "calibration error",
            "Σ over equal bins of P(class 1) of the share of examples times |observed - mean "
            "probability|. Of more classes P is that of the predicted one (Guo et al., On "
            "Calibration of Modern Neural Networks, ICML 2017, equation 3)",
            False,
            _calibration_error,
        ),
    )
}
