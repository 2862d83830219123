"""Thresholds by trying them all."""

import numpy as np
import pytest
from evaluation.judgements import judgements

from jax_logreg.evaluation import choose_threshold


def mean_cost(t, truth, p, s, costs):
    false, missed = (p > t) & (truth == 0), (p <= t) & (truth == 1)
    return np.sum(s * (costs[0] * false + costs[1] * missed)) / s.sum()


@pytest.mark.parametrize("costs", [(1, 1), (5, 1), (0.1, 3), (0, 1), (1, 0)])
@pytest.mark.parametrize("seed", range(5))
def test_none_is_cheaper(costs, seed):
    truth, A, s = judgements(1, True, seed)
    p = A[0]
    found = choose_threshold(truth, p, s, *costs)
    tried = [mean_cost(t, truth, p, s, costs) for t in [0, *p]]
    assert found.cost == pytest.approx(min(tried), abs=1e-12)
    assert found.cost == pytest.approx(mean_cost(found.threshold, truth, p, s, costs), abs=1e-12)
    assert found.at_half == pytest.approx(mean_cost(0.5, truth, p, s, costs), abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "p", "costs", "threshold"),
    [
        ([0, 1], [0.2, 0.6], (1, 1), 0.4),
        # Everything is 1, and everything is 0.
        ([1, 0], [0.2, 0.6], (0, 1), 0.1),
        ([1, 0], [0.2, 0.6], (1, 0), 0.8),
        # 0.3 and 0.4 are one of each: the same cost from 0.1 to 0.3 and from 0.4 to 0.9.
        ([0, 1, 0, 1], [0.1, 0.3, 0.4, 0.9], (1, 1), 0.65),
        # Probabilities of 0 and 1 leave no room beyond them.
        ([1, 0], [0.0, 1.0], (0, 1), 0.5),
        ([1, 0], [0.0, 1.0], (1, 0), 1.0),
        ([0, 1], [0.5, np.nextafter(0.5, 1)], (1, 1), 0.5),
    ],
)
def test_the_middle_of_the_widest_interval(truth, p, costs, threshold):
    found = choose_threshold(truth, p, None, *costs)
    assert found.threshold == pytest.approx(threshold, abs=1e-15)
    p, truth = np.array(p), np.array(truth)
    assert found.cost == mean_cost(found.threshold, truth, p, np.ones(p.size), costs)


def test_weights_whose_sums_round_still_tie():
    s = [0.1, 0.2, 0.3, 0.1, 0.2, 0.3]
    found = choose_threshold([0, 0, 0, 1, 1, 1], [0.3, 0.4, 0.5, 0.1, 0.15, 0.2], s, 1, 1)
    # All are 0 or all are 1, each an error of 0.6: the upper interval is the wider.
    assert found.threshold == 0.75 and found.cost == pytest.approx(0.5)


@pytest.mark.parametrize("costs", [(-1, 1), (np.inf, 1), (0, 0), (1, np.nan)])
def test_costs_that_are_none(costs):
    with pytest.raises(ValueError, match="expected finite numbers of at least 0, and one above 0"):
        choose_threshold([0, 1], [0.2, 0.6], None, *costs)


def test_two_classes_only():
    with pytest.raises(ValueError, match="every example is of class 1"):
        choose_threshold([1, 1], [0.2, 0.6])
