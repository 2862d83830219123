"""The numbers behind the curves of a run: a CSV file each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jax_logreg.data.csv_columns import csv_bytes
from jax_logreg.evaluation import (
    Measures,
    PrecisionRecall,
    Roc,
    calibration,
    confusion,
    measure,
    precision_recall,
    predicted_classes,
    roc,
)

# Rows of coefficients.csv, the largest first; features whose paths are drawn.
MOST_COEFFICIENTS, _MOST_PATHS = 100_000, 12
# Classes whose curves are drawn: those of the smallest area under the ROC curve.
_MOST_CURVES = 10


class Evaluated(NamedTuple):
    """The measures of a number of examples, and the tables of their curves by file name."""

    measures: Measures
    examples: int
    files: dict[str, bytes]


def evaluate(
    truth: np.ndarray, A: np.ndarray, s: np.ndarray | None, classes: Sequence[object]
) -> Evaluated:
    """Return the measures and curves of true class numbers (m,), A (k, m) and weights (m,).

    Each of more than two classes has curves against the rest; a class without examples has none.
    """
    bins, k = calibration(truth, A, s), len(classes)
    counts = confusion(truth, predicted_classes(A), k, s)
    actual, predicted = np.nonzero(counts)
    names = np.array([str(name) for name in classes], object)
    files = {
        "calibration.csv": csv_bytes(bins._asdict()),
        "confusion.csv": csv_bytes(
            {
                "actual": names[actual],
                "predicted": names[predicted],
                "weight": counts[actual, predicted],
            }
        ),
        **_curves(truth, A, s, names),
    }
    return Evaluated(measure(truth, A, s), truth.size, files)


def _curves(
    truth: np.ndarray, A: np.ndarray, s: np.ndarray | None, names: np.ndarray
) -> dict[str, bytes]:
    """Return roc.csv, precision_recall.csv and classes.csv, which holds the areas under both."""
    positive = {1: A[0]} if len(A) == 1 else dict(enumerate(A))
    # A curve needs some examples of a class, and some of the rest.
    examples = np.bincount(truth if s is None else truth[s > 0], minlength=len(names))
    weights = np.bincount(truth, s, len(names))
    there = [i for i in positive if 0 < examples[i] < examples.sum()]
    found = {
        i: (roc(truth == i, positive[i], s), precision_recall(truth == i, positive[i], s))
        for i in there
    }
    if not found:
        return {}
    there.sort(key=lambda i: found[i][0].area)
    drawn = there[:_MOST_CURVES]
    classes = {
        "class": names[there],
        "examples": examples[there],
        "weight": weights[there],
        "roc_auc": [found[i][0].area for i in there],
        "average_precision": [found[i][1].average_precision for i in there],
    }
    rocs = {i: found[i][0] for i in drawn}
    recalls = {i: found[i][1] for i in drawn}
    return {
        "classes.csv": csv_bytes(classes),
        "roc.csv": csv_bytes(_stacked(rocs, names)),
        "precision_recall.csv": csv_bytes(_stacked(recalls, names)),
    }


def _stacked(
    curves: Mapping[int, Roc | PrecisionRecall], names: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the curves one below the other, with the class of each point."""
    parts: dict[str, list[np.ndarray]] = {}
    for i, curve in curves.items():
        # The area is one number.
        columns = {name: values for name, values in curve._asdict().items() if np.ndim(values)}
        parts.setdefault("class", []).append(np.full(len(curve.threshold), names[i], object))
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def coefficients(
    w: np.ndarray, features: Sequence[str], classes: Sequence[object]
) -> dict[str, np.ndarray]:
    """Return rows of the weights w (n, k) of scaled features, the largest first."""
    n, k = w.shape
    outputs = np.array([str(name) for name in (classes[-1:] if k == 1 else classes)], object)
    order = np.argsort(-np.abs(w), axis=None, kind="stable")[:MOST_COEFFICIENTS]
    feature, output = np.unravel_index(order, (n, k))
    return {
        "feature": np.array([str(name) for name in features], object)[feature],
        "number": feature,
        "class": outputs[output],
        "weight": w[feature, output],
    }


def paths(
    strengths: np.ndarray, w: np.ndarray, features: Sequence[str], classes: Sequence[object]
) -> dict[str, np.ndarray]:
    """Return rows of weights w (p, n, k) over strengths (p,), of those that become largest."""
    p, n, k = w.shape
    outputs = [str(name) for name in (classes[-1:] if k == 1 else classes)]
    flat = w.reshape(p, n * k)
    drawn = np.argsort(-np.max(np.abs(flat), axis=0), kind="stable")[:_MOST_PATHS]
    feature, output = np.unravel_index(drawn, (n, k))
    return {
        "feature": np.repeat([str(features[i]) for i in feature], p),
        "class": np.repeat([outputs[i] for i in output], p),
        "strength": np.tile(strengths, drawn.size),
        "weight": flat[:, drawn].T.ravel(),
    }
