"""The scores by which predictions are judged, one row each.

A formula is written once, on NumPy arrays for many resamples of one model's examples, and on JAX
arrays for many models of a sweep. A new score is a formula and a row of `SCORES`: `measure`, its
intervals, `jax-logreg evaluate`, sweeps, configs and the report then have it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

# From weights (m, r) and their sums (r,), to what is summed by them, (..., r).
Weighed = Callable[[Any, Any], Any]


class Scorable(Protocol):
    """Predictions of m examples beside their true classes, as scores look at them.

    Only what a score asks for is computed: labels alone where it asks for `right`.
    """

    @property
    def losses(self) -> object:
        """Cross-entropy (m,) of each example, in nats."""

    @property
    def right(self) -> Any:
        """1 where the predicted class is the true one, else 0, (m,)."""

    @property
    def squares(self) -> Any:
        """(P(class 1) − truth)² of two classes, of more its sum over the classes, (m,)."""

    @property
    def confidence(self) -> tuple[Any, Any]:
        """Return what calibration compares, (m,) each: a probability, and 1 or 0 for what came out.

        They are P(class 1) and class 1; of more classes those of the predicted class.
        """

    def sums(self, values: Any) -> Weighed:
        """Return the weighted sums (r,) of values (m,)."""

    def recalls(self) -> Weighed:
        """Return the share (k, r) of each class that is predicted right, NaN of an absent one."""

    def areas(self) -> Weighed:
        """Return the area (k, r) under the ROC curve of each output, NaN where a side is absent."""

    def binned(self, p: Any, values: Any) -> Weighed:
        """Return the weighted sums (bins, r) of values (m,) over equal bins of probabilities p."""


@dataclass(frozen=True)
class Score:
    """A score: its name, which way is better, and its formula.

    `compute` takes predictions and returns a function of weights (m, r) and their sums (r,), whose
    value (r,) is NaN where there is no such number. `ranks` says that it compares the examples of
    a class with the others, so that both have to be there. `scikit_learn` is the scorer there that
    means the same, its sign turned where lower is better.
    """

    name: str
    title: str
    meaning: str
    higher_is_better: bool
    compute: Callable[[Scorable], Weighed]
    unit: str = ""
    ranks: bool = False
    scikit_learn: str | None = None

    @property
    def upwards(self) -> str:
        """The title of the number of which more is better."""
        return self.title if self.higher_is_better else f"minus {self.title}"


def _mean(values: Callable[[Scorable], object]) -> Callable[[Scorable], Weighed]:
    """Return the formula of a weighted mean over the examples."""

    def compute(predictions: Scorable) -> Weighed:
        sums = predictions.sums(values(predictions))
        return lambda W, total: sums(W, total) / total

    return compute


def _balanced_accuracy(predictions: Scorable) -> Weighed:
    recalls = predictions.recalls()
    return lambda W, total: mean_of_those(recalls(W, total))


def _roc_auc(predictions: Scorable) -> Weighed:
    areas = predictions.areas()
    return lambda W, total: mean_of_those(areas(W, total))


def _calibration_error(predictions: Scorable) -> Weighed:
    errors = calibration_errors(predictions)
    return lambda W, total: abs(errors(W, total)).sum(axis=0)


def calibration_errors(predictions: Scorable) -> Weighed:
    """Return the signed errors (bins, r), whose absolute values sum to the calibration error."""
    p, observed = predictions.confidence
    excess = predictions.binned(p, observed - p)
    return lambda W, total: excess(W, total) / total[None]


def mean_of_those(rows: Any) -> object:
    """Return the mean (r,) of rows (k, r) over those that are not NaN; NaN where all are."""
    xp = rows.__array_namespace__()
    there = ~xp.isnan(rows)
    return xp.where(there, rows, 0).sum(axis=0) / there.sum(axis=0).astype(rows.dtype)


SCORES = {
    score.name: score
    for score in (
        Score(
            "log_loss",
            "log loss",
            "the mean cross-entropy; from A it is that of -log P(true class), with P at least the "
            "rounding of its dtype, so 36 nats at most in float64 and 16 in float32",
            False,
            _mean(lambda predictions: predictions.losses),
            unit="nats",
            scikit_learn="neg_log_loss",
        ),
        Score(
            "accuracy",
            "accuracy",
            "share predicted right: class 1 of two where P(class 1) > threshold, else the "
            "likeliest",
            True,
            _mean(lambda predictions: predictions.right),
            scikit_learn="accuracy",
        ),
        Score(
            "balanced_accuracy",
            "balanced accuracy",
            "mean over the classes that there are of the share predicted right",
            True,
            _balanced_accuracy,
            scikit_learn="balanced_accuracy",
        ),
        Score(
            "roc_auc",
            "ROC AUC",
            "share of the pairs in which an example of class 1 is ranked above one of class 0, a "
            "tie counting for a half; of more classes the mean of each against the rest",
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
            _mean(lambda predictions: predictions.squares),
            scikit_learn="neg_brier_score",
        ),
        Score(
            "expected_calibration_error",
            "calibration error",
            "Σ over equal bins of P of the share of examples in the bin times |observed - mean "
            "probability|, of P(class 1), or of more classes of the predicted one's P (Guo et al., "
            "On Calibration of Modern Neural Networks, ICML 2017, equation 3)",
            False,
            _calibration_error,
        ),
    )
}
