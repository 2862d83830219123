"""Measures of probabilities, for one set of weights or for many at once."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.evaluation.examples import Judged, check_count, check_fraction, judged
from jax_logreg.evaluation.scores import SCORES, Weighed, calibration_errors

if TYPE_CHECKING:
    from scipy import sparse

MOST_BINS = 1000
HIGHER_IS_BETTER = {name: score.higher_is_better for name, score in SCORES.items()}


def _tuple_of(names: tuple[str, ...]) -> object:
    return namedtuple("_Fields", names)


_Fields = _tuple_of(tuple(SCORES))


class Measures(_Fields):  # type: ignore[misc, valid-type]
    """A number for each score, weighted, in the order in which they are shown.

    It is None where there is no such number. `HIGHER_IS_BETTER` says which way is better.
    """

    __slots__ = ()


Measures.__doc__ = "\n".join(
    [
        str(Measures.__doc__).rstrip(),
        "",
        *(f"    - `{name}`: {score.meaning}." for name, score in SCORES.items()),
    ]
)


def measure(
    truth: object,
    A: object,
    s: object = None,
    threshold: float = 0.5,
    bins: int = 15,
    *,
    losses: object = None,
) -> Measures:
    """Return the measures of probabilities.

    Args:
        truth: the number of each example's class, integers (m,).
        A: probabilities (k, m): P(class 1) of two classes, k = 1, else a row a class.
        s: weights (m,), by default all 1; examples of weight 0 are left out.
        threshold: P(class 1) above which class 1 of two is predicted.
        bins: the number of bins of equal width of the calibration error.
        losses: the cross-entropy (m,) of each example, in nats, where it is known from logits. From
            A it is cut off where A has been rounded to 0.

    Raises:
        InputError: arrays that do not fit each other, or are no probabilities or weights.
    """
    examples = judged(truth, A, s, losses)
    found, _ = weighted_measures(examples, threshold, bins)(examples.s[:, None])
    return Measures(*(None if np.isnan(one[0]) else float(one[0]) for one in found))


def predicted_classes(A: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Return the numbers of the predicted classes, (m,), from probabilities (k, m).

    Of two classes it is 1 where P(class 1) > threshold; of more it is the likeliest.
    """
    if len(A) > 2:
        return np.argmax(A, axis=0)
    # Not in A's dtype: the threshold rounded to float32 could lie on the other side of a P.
    return (A[-1] > np.float64(threshold)).astype(np.int64)


def bin_numbers(p: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin, (m,), of each probability: (i / bins, (i + 1) / bins], and 0 in the first."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)


def weighted_measures(
    examples: Judged, threshold: float, bins: int
) -> Callable[[np.ndarray], tuple[Measures, np.ndarray]]:
    """Return a function of weights W (m, r): the measures (r,) of each column, NaN for no number.

    It also returns the signed errors (bins, r) whose absolute values sum to the calibration error.
    All work that does not depend on the weights, above all the sorting, is done once.

    Raises:
        InputError: a threshold outside of [0, 1], or a number of bins out of range.
    """
    check_fraction("threshold", threshold)
    check_count("bins", bins, MOST_BINS)
    predictions = _Predictions(examples, threshold, bins)
    formulas = [score.compute(predictions) for score in SCORES.values()]
    errors = calibration_errors(predictions)

    def compute(W: np.ndarray) -> tuple[Measures, np.ndarray]:
        total = W.sum(axis=0)
        with np.errstate(invalid="ignore"):
            return Measures(*(formula(W, total) for formula in formulas)), errors(W, total)

    return compute


@dataclass(frozen=True)
class _Predictions:
    """The predictions as scores see them, on NumPy arrays.

    Sums are products of sparse matrices with weights: dense products wait for threads, which costs
    more than it gains.
    """

    examples: Judged
    threshold: float
    bins: int

    @property
    def losses(self) -> np.ndarray:
        return self.examples.losses

    @cached_property
    def right(self) -> np.ndarray:
        truth, A, *_ = self.examples
        return (predicted_classes(A, self.threshold) == truth).astype(np.float64)

    @property
    def squares(self) -> np.ndarray:
        truth, A, *_ = self.examples
        if len(A) == 1:
            return (A[0] - truth) ** 2
        # The sum of (A - Y)², without a one-hot Y.
        squares = np.einsum("km,km->m", A, A, dtype=np.float64)
        return squares + 1 - 2 * A[truth, np.arange(truth.size)].astype(np.float64)

    @property
    def confidence(self) -> tuple[np.ndarray, np.ndarray]:
        return self.examples.outcome

    def sums(self, values: np.ndarray) -> Weighed[np.ndarray]:
        row = _grouped(np.zeros(values.size, np.int64), values, 1)
        return lambda W, _: (row @ W)[0]

    def recalls(self) -> Weighed[np.ndarray]:
        truth, k = self.examples.truth, self.examples.classes
        whole, right = (_grouped(truth, one, k) for one in (np.ones(truth.size), self.right))
        return lambda W, _: (right @ W) / (whole @ W)

    def areas(self) -> Weighed[np.ndarray]:
        truth, A, *_ = self.examples
        outputs = [(A[i], truth == (i if len(A) > 1 else 1)) for i in range(len(A))]
        areas = [_area(p, positive) for p, positive in outputs]
        return lambda W, _: np.stack([area(W) for area in areas])

    def binned(self, p: np.ndarray, values: np.ndarray) -> Weighed[np.ndarray]:
        rows = _grouped(bin_numbers(p, self.bins), values, self.bins)
        return lambda W, _: rows @ W


def _grouped(groups: np.ndarray, values: np.ndarray, count: int) -> "sparse.csr_array":
    """Return a matrix (count, m) whose product with weights (m, r) sums values by group."""
    # The import takes a tenth of a second, for which sweeps need not wait.
    from scipy import sparse

    return sparse.csr_array((values, (groups, np.arange(groups.size))), (count, groups.size))


def _area(p: np.ndarray, positive: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of weights (m, r): areas (r,) under the ROC curve, NaN of one class."""
    # int32, as there is one order for each class.
    order = np.argsort(p).astype(np.int32)
    ranked, positive = p[order], positive[order]
    places, others = order[positive], order[~positive]
    # The numbers of other examples below each positive one, and of those not above.
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
