"""Tables of the curves that judge probabilities: ROC, precision-recall, calibration, confusion."""

from typing import NamedTuple

import numpy as np

from jax_logreg.display import displayed
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import read_array
from jax_logreg.errors.extras import needs
from jax_logreg.evaluation.examples import binary, check_count, check_weights, judged
from jax_logreg.evaluation.measures import MOST_BINS, bin_numbers

# Points of a curve: more than pixels would only make a picture heavy.
MOST_POINTS = 1000
# Classes of a confusion matrix, which holds k² numbers.
MOST_CLASSES = 10_000


@displayed
class Roc(NamedTuple):
    """The ROC curve, a row a point, from (0, 0) to (1, 1); `area` is that of all its points.

    A point belongs to predicting class 1 where P(class 1) ≥ threshold; the first threshold is
    infinite.
    """

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    threshold: np.ndarray
    area: float


@displayed
class PrecisionRecall(NamedTuple):
    """The precision-recall curve, a row a point, by rising recall, from recall 0, precision 1.

    `average_precision` is Σ (recall_i − recall_{i−1}) · precision_i over all its points, the area
    under steps. Thresholds are as those of `Roc`.
    """

    recall: np.ndarray
    precision: np.ndarray
    threshold: np.ndarray
    average_precision: float


@displayed
class Calibration(NamedTuple):
    """The reliability diagram, a row a bin (low, high] of the probability.

    Of two classes the probability is P(class 1), and `observed` the weighted share of class 1. Of
    more it is that of the predicted class, and `observed` the share of right predictions. Both
    means are NaN in a bin without examples. `count` is the number of examples, `weight` the sum of
    their weights.
    """

    low: np.ndarray
    high: np.ndarray
    mean_probability: np.ndarray
    observed: np.ndarray
    count: np.ndarray  # type: ignore[assignment]
    weight: np.ndarray


def roc(truth: object, p: object, s: object = None) -> Roc:
    """Return the weighted ROC curve of P(class 1) p (m,) and classes 0 or 1 (m,).

    It has 1,000 points at most.

    Raises:
        InputError: arrays that do not fit each other, more than two classes, or one only.
    """
    with needs("run"):
        from sklearn import metrics
    truth, A, s, _ = binary(truth, p, s)
    false, true, threshold = metrics.roc_curve(truth, A[0], sample_weight=s)
    area = float(metrics.auc(false, true))
    kept = _thin(false, true)
    return Roc(false[kept], true[kept], threshold[kept], area)


def precision_recall(truth: object, p: object, s: object = None) -> PrecisionRecall:
    """Return the weighted precision-recall curve of P(class 1) p (m,) and classes 0 or 1 (m,).

    It has 1,000 points at most.

    Raises:
        InputError: arrays that do not fit each other, more than two classes, or one only.
    """
    with needs("run"):
        from sklearn import metrics
    truth, A, s, _ = binary(truth, p, s)
    precision, recall, threshold = metrics.precision_recall_curve(truth, A[0], sample_weight=s)
    average = float(-np.sum(np.diff(recall) * precision[:-1]))
    precision, recall = precision[::-1], recall[::-1]
    threshold = np.append(threshold, np.inf)[::-1]
    kept = _thin(recall, precision)
    return PrecisionRecall(recall[kept], precision[kept], threshold[kept], average)


def calibration(truth: object, A: object, s: object = None, bins: int = 15) -> Calibration:
    """Return the weighted reliability diagram of A (k, m), or (m,), and class numbers (m,).

    Raises:
        InputError: arrays that do not fit each other, or a number of bins out of range.
    """
    check_count("bins", bins, MOST_BINS)
    examples = judged(truth, A, s)
    p, observed = examples.outcome
    number = bin_numbers(p, bins)
    weight = np.bincount(number, examples.s, bins)
    with np.errstate(invalid="ignore"):
        mean, share = (
            np.bincount(number, examples.s * value, bins) / weight for value in (p, observed)
        )
    edges = np.linspace(0, 1, bins + 1)
    count = np.bincount(number, minlength=bins)
    return Calibration(edges[:-1], edges[1:], mean, share, count, weight)


def confusion(truth: object, predicted: object, k: int, s: object = None) -> np.ndarray:
    """Return the weights (k, k) of the examples, true classes in rows, predicted in columns.

    Raises:
        InputError: numbers (m,) that are no classes from 0 to k − 1, or weights that do not fit.
    """
    with needs("run"):
        from sklearn import metrics
    check_count("k", k, MOST_CLASSES)
    truth, predicted = read_array("truth", truth), read_array("predicted", predicted)
    for name, numbers in {"truth": truth, "predicted": predicted}.items():
        if numbers.ndim != 1 or numbers.dtype.kind not in "biu":
            raise InputError(
                f"{name} is {numbers.dtype} of shape {numbers.shape}: expected class numbers (m,)"
            )
        wrong = numbers[(numbers < 0) | (numbers >= k)]
        if wrong.size:
            raise InputError(f"{name} holds {wrong[0]}: expected class numbers from 0 to {k - 1}")
    if truth.size != predicted.size or not truth.size:
        raise InputError(
            f"truth holds {truth.size} classes and predicted {predicted.size}: "
            "expected one each for every example"
        )
    s = None if s is None else check_weights(s, truth.size)
    return metrics.confusion_matrix(truth, predicted, labels=np.arange(k), sample_weight=s)


def _thin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the numbers of at most MOST_POINTS points, both ends and all corners among them.

    Points are left out whose triangle with their neighbours is smallest (Visvalingam and Whyatt
    1993): the area hardly changes. Many are left out at a time, no two neighbours at once.
    """
    kept = np.arange(x.size)
    first = 1
    while kept.size > MOST_POINTS:
        before, at, after = kept[:-2], kept[1:-1], kept[2:]
        triangle = np.abs(
            (x[at] - x[before]) * (y[after] - y[before])
            - (x[after] - x[before]) * (y[at] - y[before])
        )
        inner = np.arange(first, kept.size - 1, 2)
        gone = min(kept.size - MOST_POINTS, inner.size // 2)
        smallest = np.argsort(triangle[inner - 1], kind="stable")[:gone]
        kept = np.delete(kept, inner[smallest])
        first = 3 - first
    return kept
