"""The probability above which class 1 is predicted, by the costs of errors."""

from typing import NamedTuple

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_number
from jax_logreg.evaluation.examples import binary

# Sums of the same weights in another order differ by less of the largest cost.
_TIE = 1e-12


class Threshold(NamedTuple):
    """A threshold on P(class 1), the mean cost of its errors, and that of the threshold 1/2."""

    threshold: float
    cost: float
    at_half: float


def choose_threshold(
    truth: object,
    p: object,
    s: object = None,
    false_positive: float = 1.0,
    false_negative: float = 1.0,
) -> Threshold:
    """The threshold t of least mean cost Σ s·(c₊·[p > t, class 0] + c₋·[p ≤ t, class 1]) / Σ s.

    Every t between two neighbouring probabilities costs the same. So t is the middle of the widest
    interval of least cost, with ends that are probabilities, 0 or 1.

    Args:
        truth: classes 0 or 1, integers (m,).
        p: P(class 1), (m,).
        s: weights (m,), by default all 1.
        false_positive: c₊, the cost of predicting 1 for an example of class 0.
        false_negative: c₋, the cost of predicting 0 for an example of class 1.

    Raises:
        InputError: arrays that do not fit each other, classes that are not two, or costs that
            `check_costs` refuses.
    """
    check_costs(false_positive, false_negative)
    truth, A, s, _ = binary(truth, p, s)
    values, place = np.unique(A[0], return_inverse=True)
    positive = np.bincount(place, s * truth)
    negative = np.bincount(place, s * (1 - truth))
    # costs[j]: the threshold is in [ends[j], ends[j + 1]), the j lowest are predicted 0.
    missed = np.append(0.0, np.cumsum(positive))
    alarms = np.append(np.cumsum(negative[::-1])[::-1], 0.0)
    costs = (false_positive * alarms + false_negative * missed) / s.sum()
    ends = np.concatenate([[0.0], values, [1.0]])
    at_half = float(costs[np.searchsorted(values, 0.5, side="right")])
    # No threshold is below a probability of 0.
    possible = ends[:-1] < np.append(ends[1:-1], np.inf)
    least = costs[possible].min()
    low, high = _widest(ends, possible & (costs <= least + _TIE * costs.max()))
    middle = low + (high - low) / 2
    return Threshold(float(middle if middle < high else low), float(least), at_half)


def check_costs(false_positive: float, false_negative: float) -> None:
    """Refuse costs that are not finite or below 0, and two costs of 0 (InputError)."""
    costs = (false_positive, false_negative)
    if not all(is_number(cost) and 0 <= cost < np.inf for cost in costs) or not any(costs):
        raise InputError(
            f"the costs of a false positive and of a false negative are {brief(false_positive)} "
            f"and {brief(false_negative)}: expected finite numbers of at least 0, and one above 0"
        )


def _widest(ends: np.ndarray, best: np.ndarray) -> tuple[float, float]:
    """Return the widest run of intervals [ends[j], ends[j + 1]) that are all among the best."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], best, [False]])))
    low, high = ends[turns[::2]], ends[turns[1::2]]
    i = np.argmax(high - low)
    return low[i], high[i]
