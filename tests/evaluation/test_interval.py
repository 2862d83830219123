"""Resamples at once are resamples one by one."""

import numpy as np
import pytest
from evaluation.judgements import judgements
from evaluation.test_measures import expected

from jax_logreg.evaluation import Measures, are_counts, bootstrap_intervals, interval, measure
from jax_logreg.evaluation.interval import resample_counts, resampled_weights


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
    ends = np.quantile(rows, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(whole.low[:-1], ends[0, :-1], rtol=1e-12)
    np.testing.assert_allclose(whole.high[:-1], ends[1, :-1], rtol=1e-12)
    # Three at a time, the last alone.
    monkeypatch.setattr(interval, "_ENTRIES", 3 * m)
    parts = bootstrap_intervals(truth, A, s, 0.4, resamples=10, seed=3)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def signed_errors(truth, p, s, bins=15):
    """Σ s·(truth − p) / Σ s over the examples of each bin, of two classes."""
    upper = np.arange(1, bins) / bins
    inside = np.sum(p[:, None] > upper, axis=1) == np.arange(bins)[:, None]
    return inside @ (s * (truth - p)) / s.sum()


def test_the_calibration_error_moves_as_its_bins_do():
    truth, A, _ = judgements(1, False)
    errors, counts = signed_errors(truth, A[0], np.ones(60)), resample_counts(60, 40, 5)
    moved = np.array([signed_errors(truth, A[0], one) for one in counts]) - errors
    value, level = np.abs(errors).sum(), 0.9
    low = value - np.quantile(np.abs(moved).sum(axis=1), level)
    high = value + np.quantile(moved @ np.sign(errors), level)
    found = bootstrap_intervals(truth, A, resamples=40, seed=5, confidence=0.8)
    assert found.low.expected_calibration_error == pytest.approx(max(low, 0), abs=1e-12)
    assert found.high.expected_calibration_error == pytest.approx(high)


def drawn(kind, seed, m=60):
    """Classes, probabilities and weights of examples that are as sure as they say, or too sure."""
    rng = np.random.default_rng([seed, m])
    Z = rng.normal(size=(4 if kind == "four classes" else 1, m)) * 2
    s = {"counts": rng.integers(0, 9, m), "weights": rng.random(m)}.get(kind)
    if len(Z) > 1:
        A = np.exp(Z) / np.exp(Z).sum(axis=0)
        return (rng.random(m) > A.cumsum(axis=0)).sum(axis=0).clip(0, 3), A, s, A
    A, true = (1 / (1 + np.exp(-scale * Z)) for scale in (1, 0.4 if kind == "too sure" else 1))
    return (rng.random(m) < true[0]).astype(int), A, s, true


@pytest.mark.parametrize("kind", ["right", "too sure", "four classes", "counts", "weights"])
def test_every_interval_holds_its_measure(kind):
    for seed in range(60):
        truth, A, s, _ = drawn(kind, seed)
        value = measure(truth, A, s)
        found = bootstrap_intervals(truth, A, s, resamples=60, seed=seed)
        for name, low, one, high in zip(
            Measures._fields, found.low, value, found.high, strict=True
        ):
            assert low <= one <= high, (name, seed)


@pytest.mark.parametrize("kind", ["right", "too sure"])
def test_the_interval_of_the_calibration_error_holds_the_true_one(kind):
    """95 of 100 samples at least, less two standard errors of a share of 100."""
    held = 0
    for seed in range(100):
        truth, A, _, true = drawn(kind, seed, m=200)
        inside = np.abs(signed_errors(true[0], A[0], np.ones(200))).sum()
        found = bootstrap_intervals(truth, A, resamples=100, seed=seed)
        low, high = (end.expected_calibration_error for end in found)
        held += low - 1e-12 <= inside <= high
    assert held >= 91


def test_weights_that_are_counts_are_examples_that_are_alike():
    """Percentiles of 4,000 resamples are good to a tenth of the interval's width."""
    truth, A, _ = judgements(3, False)
    s = np.arange(60) % 4
    assert are_counts(s) and are_counts(np.ones(3)) and not are_counts(s / 2)
    settings = dict(resamples=4000)
    grouped = bootstrap_intervals(truth, A, s, **settings)
    alone = bootstrap_intervals(np.repeat(truth, s), np.repeat(A, s, axis=1), seed=1, **settings)
    rows = bootstrap_intervals(truth, A, s, counts=False, **settings)
    for low, high, *others in zip(*grouped, *alone, *rows, strict=True):
        width = high - low
        np.testing.assert_allclose((low, high), others[:2], atol=0.1 * width)
        # A row of four examples is drawn, or left out, whole.
        assert others[3] - others[2] > 1.15 * width


def test_resamples_of_counts_have_their_sum():
    s = np.array([3.0, 0, 10, 1])
    for weights in resampled_weights(s, 20, 0):
        assert weights.sum() == 14 and weights[1] == 0
    assert len({weights.tobytes() for weights in resampled_weights(s, 20, 0)}) > 10


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
