"""Resamples at once are resamples one by one."""

import numpy as np
import pytest
from evaluation.judgements import judgements
from evaluation.test_measures import expected

from jax_logreg.evaluation import bootstrap_intervals, interval, measure
from jax_logreg.evaluation.interval import resample_counts


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_ten_resamples_are_those_of_scikit_learn_one_by_one(k, weighted, monkeypatch):
    truth, A, s = judgements(k, weighted)
    kept = np.ones(truth.size, bool) if s is None else s > 0
    m, s_kept = kept.sum(), np.ones(truth.size)[kept] if s is None else s[kept]
    rows = [
        expected(truth[kept], A[:, kept], counts * s_kept, 0.4)
        for counts in resample_counts(m, 10, 3)
    ]
    whole = bootstrap_intervals(truth, A, s, 0.4, resamples=10, seed=3)
    np.testing.assert_allclose(whole, np.quantile(rows, [0.025, 0.975], axis=0), rtol=1e-12)
    # Three at a time, the last alone.
    monkeypatch.setattr(interval, "_ENTRIES", 3 * m)
    parts = bootstrap_intervals(truth, A, s, 0.4, resamples=10, seed=3)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_draws_are_with_replacement_and_as_many():
    counts = list(resample_counts(50, 20, 0))
    assert {one.sum() for one in counts} == {50} and max(map(max, counts)) > 1
    assert len({one.tobytes() for one in counts}) == 20


def test_the_interval_of_accuracy_is_that_of_a_proportion():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    A = np.where(rng.random(400) < 0.8, truth, 1 - truth)[None] * 0.8 + 0.1
    found = bootstrap_intervals(truth, A, resamples=2000)
    share = measure(truth, A).accuracy
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert found.low.accuracy == pytest.approx(share - half, abs=0.006)
    assert found.high.accuracy == pytest.approx(share + half, abs=0.006)
    wide = bootstrap_intervals(truth, A, confidence=0.5)
    assert found.low.accuracy < wide.low.accuracy < wide.high.accuracy < found.high.accuracy


def test_resamples_of_one_class_have_no_area():
    rare = bootstrap_intervals([1, 0, 0, 0], [[0.9, 0.1, 0.2, 0.3]], resamples=50)
    assert rare.low.roc_auc == rare.high.roc_auc == 1
    assert bootstrap_intervals([1, 1], [[0.9, 0.1]], resamples=5).low.roc_auc is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resamples": 0}, "resamples is 0: expected an integer from 1"),
        ({"seed": -1}, "seed is -1"),
        ({"confidence": 1}, "confidence is 1: expected a number between 0 and 1"),
    ],
)
def test_wrong_settings_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals([0, 1], [[0.2, 0.7]], **arguments)
