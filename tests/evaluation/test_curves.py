"""Tables of curves beside scikit-learn's, and thinned."""

import numpy as np
import pytest
from evaluation.judgements import columns, judgements
from sklearn import metrics
from sklearn.calibration import calibration_curve

from jax_logreg.evaluation import calibration, confusion, measure, precision_recall, roc


def many(m=20_000):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, m)
    return truth, 1 / (1 + np.exp(-rng.standard_normal(m) - 1.5 * (truth - 0.5)))


@pytest.mark.parametrize("weighted", [False, True])
def test_roc(weighted):
    truth, A, s = judgements(1, weighted)
    found = roc(truth, A[0], s)
    assert found.area == pytest.approx(measure(truth, A, s).roc_auc, rel=1e-12)
    assert [a[0] for a in found[:3]] == [0, 0, np.inf]
    assert found.false_positive_rate[-1] == found.true_positive_rate[-1] == 1
    s = np.ones(truth.size) if s is None else s
    for false, true, threshold in zip(*found[:3], strict=True):
        predicted = A[0] >= threshold
        assert false == pytest.approx(np.average(predicted[truth == 0], weights=s[truth == 0]))
        assert true == pytest.approx(np.average(predicted[truth == 1], weights=s[truth == 1]))


@pytest.mark.parametrize("weighted", [False, True])
def test_precision_recall(weighted):
    truth, A, s = judgements(1, weighted)
    found = precision_recall(truth, A, s)
    average = metrics.average_precision_score(truth, A[0], sample_weight=s)
    assert found.average_precision == pytest.approx(average, rel=1e-12)
    assert (found.recall[0], found.precision[0], found.threshold[0]) == (0, 1, np.inf)
    assert found.recall[-1] == 1 and (np.diff(found.recall) >= 0).all()
    s = np.ones(truth.size) if s is None else s
    for recall, precision, threshold in zip(*(a[1:] for a in found[:3]), strict=True):
        predicted = A[0] >= threshold
        hits = np.sum(s[predicted & (truth == 1)])
        assert recall == pytest.approx(hits / np.sum(s[truth == 1]))
        assert precision == pytest.approx(hits / np.sum(s[predicted]))


def test_a_curve_has_few_points_and_the_same_area():
    truth, p = many()
    curve = roc(truth, p)
    assert curve.false_positive_rate.size == 1000
    assert curve.area == pytest.approx(metrics.roc_auc_score(truth, p), abs=1e-12)
    drawn = metrics.auc(curve.false_positive_rate, curve.true_positive_rate)
    assert drawn == pytest.approx(curve.area, abs=1e-5)
    assert curve.false_positive_rate[0] == 0 and curve.true_positive_rate[-1] == 1
    steps = precision_recall(truth, p)
    assert steps.recall.size == 1000 and steps.recall[[0, -1]].tolist() == [0, 1]
    drawn = np.sum(np.diff(steps.recall) * steps.precision[1:])
    assert drawn == pytest.approx(steps.average_precision, abs=1e-3)


def test_a_corner_stays():
    # Half of class 1 is above all of class 0, whose order then is drawn at random.
    truth, p = many()
    p[(truth == 1) & (np.arange(p.size) % 2 == 0)] += 1
    curve = roc(truth, p / 2)
    corner = np.mean(p[truth == 1] > p[truth == 0].max())
    assert np.min(np.abs(curve.true_positive_rate - corner)[curve.false_positive_rate == 0]) < 1e-12


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_calibration(k, weighted):
    truth, A, s = judgements(k, weighted)
    table = calibration(truth, A, s)
    assert len({column.shape for column in table}) == 1 and table.low.size == 15
    s = np.ones(truth.size) if s is None else s
    assert table.count.sum() == np.count_nonzero(s) and table.weight.sum() == pytest.approx(s.sum())
    full = table.count > 0
    assert not full.all() and np.isnan(table.observed[~full]).all()
    p = table.mean_probability[full]
    assert ((table.low[full] < p) & (p <= table.high[full])).all()
    gap = np.abs(table.observed - table.mean_probability)[full]
    error = np.sum(table.weight[full] * gap) / s.sum()
    assert error == pytest.approx(measure(truth, A, s).expected_calibration_error, rel=1e-12)


def test_calibration_as_scikit_learn_has_it():
    truth, A, _ = judgements(1, False)
    table = calibration(truth, A)
    observed, mean = calibration_curve(truth, columns(A)[:, 1], n_bins=15)
    full = table.count > 0
    np.testing.assert_allclose(table.observed[full], observed)
    np.testing.assert_allclose(table.mean_probability[full], mean)


def test_confusion():
    assert confusion([0, 0, 2], [0, 1, 2], 3).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    weighted = confusion([0, 0, 2], [0, 1, 2], 3, [0.5, 2.0, 0.0])
    assert weighted.tolist() == [[0.5, 2, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("curve", [roc, precision_recall])
def test_no_curve_of_one_class_or_of_three(curve):
    with pytest.raises(ValueError, match="every example is of class 1: expected some of both"):
        curve([1, 1], [0.5, 0.6])
    with pytest.raises(ValueError, match="every example is of class 0"):
        curve([1, 0], [0.5, 0.6], [0, 1])
    truth, A, _ = judgements(3, False)
    with pytest.raises(ValueError, match=r"p has 3 rows: expected P\(class 1\)"):
        curve(truth, A)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 3], [0, 1], 3), "truth holds 3: expected class numbers from 0 to 2"),
        (([0, 1], [0.0, 1.0], 3), "predicted is float64"),
        (([0, 1], [0], 3), "truth holds 2 classes and predicted 1"),
        (([0, 1], [0, 1], 3, [1, -1]), "s holds -1.0"),
    ],
)
def test_no_confusion_of_what_is_no_class(arguments, message):
    with pytest.raises(ValueError, match=message):
        confusion(*arguments)
