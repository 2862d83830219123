"""How good probabilities are, for one set of weights or for many at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from jax_logreg.evaluation.examples import Judged, check_count, check_fraction, judged

MOST_BINS = 1000


class Measures(NamedTuple):
    """The measures, in the order in which they are shown; None where there is no such number.

    - `log_loss`: the mean cross-entropy, in nats; from A it is that of −log P(true class), with P
      at least the rounding of its dtype, so 36 nats at most in float64 and 16 in float32;
    - `accuracy`: share predicted right: class 1 of two where P(class 1) > threshold, else the
      likeliest;
    - `balanced_accuracy`: mean over the classes that there are of the share predicted right;
    - `roc_auc`: how often an example of class 1 is ranked above one of class 0, a tie counting for
      a half; of more classes the mean, over those that there are, of one against the rest;
    - `brier`: mean of (P(class 1) − truth)²; of more classes summed over them;
    - `expected_calibration_error`: Σ over equal bins of P of the share of examples in the bin times
      |observed − mean probability|, of P(class 1), or of more classes of the predicted one's P
      (Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3).

    Each is weighted. `HIGHER_IS_BETTER` says which way is better.
    """

    log_loss: Any
    accuracy: Any
    balanced_accuracy: Any
    roc_auc: Any
    brier: Any
    expected_calibration_error: Any


HIGHER_IS_BETTER = {
    "log_loss": False,
    "accuracy": True,
    "balanced_accuracy": True,
    "roc_auc": True,
    "brier": False,
    "expected_calibration_error": False,
}


def measure(
    truth: Any,
    A: Any,
    s: Any = None,
    threshold: float = 0.5,
    bins: int = 15,
    *,
    losses: Any = None,
) -> Measures:
    """The measures of probabilities.

    Args:
        truth: the number of each example's class, integers (m,).
        A: probabilities (k, m): P(class 1) of two classes, k = 1, else a row a class.
        s: weights (m,), by default all 1; what has 0 is left out.
        threshold: P(class 1) above which class 1 of two is predicted.
        bins: of equal width, of the calibration error.
        losses: the cross-entropy (m,) of each example, in nats, where it is known from logits: from
            A it is cut off where A has been rounded to 0.

    Raises:
        InputError: arrays that do not fit each other, or are no probabilities or weights.
    """
    examples = judged(truth, A, s, losses)
    found, _ = weighted_measures(examples, threshold, bins)(examples.s[:, None])
    return Measures(*(None if np.isnan(one[0]) else float(one[0]) for one in found))


def predicted_classes(A: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The number of the class, (m,), from probabilities (k, m).

    Of two classes it is 1 where P(class 1) > threshold, else it is the likeliest.
    """
    if len(A) > 2:
        return np.argmax(A, axis=0)
    # Not in A's dtype: rounded to float32, the threshold could change sides.
    return (A[-1] > np.float64(threshold)).astype(np.int64)


def bin_numbers(p: np.ndarray, bins: int) -> np.ndarray:
    """The bin, (m,), of each probability: (i / bins, (i + 1) / bins], and 0 in the first."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)


def weighted_measures(
    examples: Judged, threshold: float, bins: int
) -> Callable[[np.ndarray], tuple[Measures, np.ndarray]]:
    """A function of r columns of weights W (m, r): the measures (r,) of each, NaN where none is.

    It also returns the signed errors (bins, r) whose absolute values sum to the calibration error.
    All that does not depend on the weights, the sorting above all, is done once.

    Raises:
        InputError: a threshold outside of [0, 1], or no number of bins.
    """
    check_fraction("threshold", threshold)
    check_count("bins", bins, MOST_BINS)
    truth, A, *_ = examples
    m, k = truth.size, examples.classes
    right = (predicted_classes(A, threshold) == truth).astype(np.float64)
    p, observed = examples.outcome
    all_one = np.zeros(m, np.int64)
    # One product of a sparse matrix: dense ones wait for threads, which costs more than it gains.
    sums = sparse.vstack(
        [
            _grouped(all_one, examples.losses, 1),
            _grouped(all_one, _brier(examples), 1),
            _grouped(truth, np.ones(m), k),
            _grouped(truth, right, k),
            _grouped(bin_numbers(p, bins), observed - p, bins),
        ],
        format="csr",
    )
    outputs = [0] if len(A) == 1 else range(k)
    areas = [_area(A[i], truth == (i if len(A) > 1 else 1)) for i in outputs]

    def compute(W: np.ndarray) -> tuple[Measures, np.ndarray]:
        log_loss, brier, *rows = sums @ W
        of_class, right_of_class, excess = np.split(np.stack(rows), [k, 2 * k])
        total = of_class.sum(axis=0)
        with np.errstate(invalid="ignore"):
            recall = right_of_class / of_class
        found = Measures(
            log_loss / total,
            right_of_class.sum(axis=0) / total,
            _mean_of_those(recall),
            _mean_of_those(np.stack([area(W) for area in areas])),
            brier / total,
            np.abs(excess).sum(axis=0) / total,
        )
        return found, excess / total

    return compute


def _brier(examples: Judged) -> np.ndarray:
    truth, A, *_ = examples
    if len(A) == 1:
        return (A[0] - truth) ** 2
    # The sum of (A - Y)², without a one-hot Y.
    squares = np.einsum("km,km->m", A, A, dtype=np.float64)
    return squares + 1 - 2 * A[truth, np.arange(truth.size)].astype(np.float64)


def _grouped(groups: np.ndarray, values: np.ndarray, count: int) -> Any:
    """A matrix (count, m) whose product with weights (m, r) sums the values of each group."""
    return sparse.csr_array((values, (groups, np.arange(groups.size))), (count, groups.size))


def _area(p: np.ndarray, positive: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function of weights (m, r): the area (r,) under the ROC curve, NaN where one side lacks."""
    # There is one for each class, so it is kept small.
    order = np.argsort(p).astype(np.int32)
    ranked, positive = p[order], positive[order]
    places, others = order[positive], order[~positive]
    # How many of the others are below each positive example, and how many not above.
    negatives, own = ranked[~positive], ranked[positive]
    below, upto = (np.searchsorted(negatives, own, side) for side in ("left", "right"))

    def compute(W: np.ndarray) -> np.ndarray:
        cumulative = np.zeros((others.size + 1, W.shape[1]))
        np.cumsum(W[others], axis=0, out=cumulative[1:])
        mine = W[places]
        won = np.einsum("ir,ir->r", mine, cumulative[below] + cumulative[upto]) / 2
        with np.errstate(invalid="ignore"):
            return won / (mine.sum(axis=0) * cumulative[-1])

    return compute


def _mean_of_those(rows: np.ndarray) -> np.ndarray:
    """The mean (r,) of rows (k, r) over those that are not NaN; NaN where all are."""
    there = ~np.isnan(rows)
    with np.errstate(invalid="ignore"):
        return np.where(there, rows, 0).sum(axis=0) / there.sum(axis=0)
