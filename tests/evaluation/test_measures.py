"""Measures beside scikit-learn's, by hand, and beside those of held-out folds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from evaluation.judgements import columns, judgements
from sklearn import metrics

from jax_logreg import Batch, Params
from jax_logreg.evaluation import HIGHER_IS_BETTER, Measures, measure, predicted_classes
from jax_logreg.evaluation.scores import SCORES
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.sweep.scores import score_held_out


def expected(truth, A, s, threshold=0.5):
    """Return the values of scikit-learn; its calibration error is written out."""
    P = columns(A)
    k = P.shape[1]
    predicted = (P[:, 1] > threshold).astype(int) if k == 2 else P.argmax(axis=1)
    one_hot = (truth[:, None] == np.arange(k)).astype(float)
    if s is not None:
        kept = s > 0
        truth, P, predicted, one_hot, s = (a[kept] for a in (truth, P, predicted, one_hot, s))
    area = metrics.roc_auc_score(
        truth, P[:, 1] if k == 2 else P, sample_weight=s, multi_class="ovr"
    )
    if k == 2:
        p, observed = P[:, 1], truth
    else:
        p, observed = P.max(axis=1), predicted == truth
    return Measures(
        metrics.log_loss(truth, P, sample_weight=s, labels=range(k)),
        metrics.accuracy_score(truth, predicted, sample_weight=s),
        metrics.balanced_accuracy_score(truth, predicted, sample_weight=s),
        area,
        np.average(((P - one_hot) ** 2).sum(axis=1) / (2 if k == 2 else 1), weights=s),
        calibration_error(p, observed, np.ones(p.size) if s is None else s, 15),
    )


def calibration_error(p, observed, s, bins):
    error = 0.0
    for i in range(bins):
        inside = (p > i / bins) & (p <= (i + 1) / bins) | (p == 0) & (i == 0)
        error += abs(np.sum(s[inside] * (observed[inside] - p[inside])))
    return error / s.sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_as_scikit_learn_has_them(k, weighted):
    truth, A, s = judgements(k, weighted)
    np.testing.assert_allclose(measure(truth, A, s), expected(truth, A, s), rtol=1e-12)


def test_another_threshold():
    truth, A, s = judgements(1, True)
    found = measure(truth, A, s, threshold=0.3)
    np.testing.assert_allclose(found, expected(truth, A, s, 0.3), rtol=1e-12)
    assert found.accuracy != measure(truth, A, s).accuracy


def test_by_hand():
    found = measure([0, 0, 1, 1], [[0.25, 0.75, 0.5, 0.75]], bins=2)
    assert found.log_loss == pytest.approx(-np.log(0.75 * 0.25 * 0.5 * 0.75) / 4)
    assert found.accuracy == found.balanced_accuracy == 0.5
    # Pairs: 1/2 over 1/4 and under 3/4, 3/4 over 1/4 and level with 3/4.
    assert found.roc_auc == 2.5 / 4
    assert found.brier == (1 + 9 + 4 + 1) / 16 / 4
    # (0, 1/2]: 1/4 and 1/2, half of them 1; (1/2, 1]: 3/4 twice, half of them 1.
    assert found.expected_calibration_error == (2 * 0.125 + 2 * 0.25) / 4


def test_a_weight_is_a_number_of_examples():
    truth, A, _ = judgements(4, False)
    s = np.arange(truth.size) % 3
    repeated = measure(np.repeat(truth, s), np.repeat(A, s, axis=1))
    np.testing.assert_allclose(measure(truth, A, s), repeated, rtol=1e-12)


def test_one_class_has_no_area():
    found = measure([1, 1, 1], [[0.9, 0.2, 0.7]])
    assert found.roc_auc is None and found.balanced_accuracy == found.accuracy == 2 / 3


def test_a_class_that_is_not_there_is_left_out():
    truth, A, _ = judgements(4, False)
    there = truth != 2
    found = measure(truth[there], A[:, there])
    areas = [metrics.roc_auc_score(truth[there] == i, A[i, there]) for i in (0, 1, 3)]
    assert found.roc_auc == pytest.approx(np.mean(areas), rel=1e-12)


def test_a_certain_error_is_finite():
    found = measure([0, 1], np.array([[1, 1]], "float32"))
    assert found.log_loss == pytest.approx(-np.log(np.finfo("float32").eps) / 2)


def test_the_threshold_is_not_rounded_to_float32():
    p = np.float32(0.1)
    assert predicted_classes(np.array([[p]]), np.nextafter(float(p), 0)) == [1]
    assert predicted_classes(np.array([[p]]), float(p)) == [0]


@pytest.mark.parametrize("k", [1, 3])
def test_held_out_folds_are_scored_alike(k):
    rng = np.random.default_rng(k)
    X, truth = rng.integers(-2, 3, (2, 40)).astype(float), rng.integers(0, max(k, 2), 40)
    Y = truth[None] if k == 1 else truth == np.arange(k)[:, None]
    s = rng.integers(0, 3, (1, 40)).astype(float)
    w, b = rng.standard_normal((2, k)), np.zeros((k, 1))
    family = BINOMIAL if k == 1 else MULTINOMIAL
    with jax.enable_x64(True):
        params, batch = jax.tree.map(jnp.asarray, (Params(w, b), Batch(X, Y.astype(float), s)))
        A = np.asarray(family.activation(w.T @ X + b))
        scores = {
            name: float(score_held_out(score, params, batch, family))
            for name, score in SCORES.items()
        }
    found = measure(truth, A, s)._asdict()
    for name, score in scores.items():
        sign = 1 if HIGHER_IS_BETTER[name] else -1
        assert found[name] == pytest.approx(sign * score, rel=1e-12), name


def test_which_way_is_better_is_said_of_each():
    assert tuple(HIGHER_IS_BETTER) == Measures._fields


GOOD = ([0, 1], np.array([[0.2, 0.7]]), None, 0.5, 15)


@pytest.mark.parametrize(
    ("place", "bad", "message"),
    [
        (0, [0.0, 1.0], "truth is float64 of shape"),
        (0, [0, 2], "truth holds 2: expected class numbers from 0 to 1"),
        (0, [-1, 1], "truth holds -1"),
        (1, np.full((2, 3), 0.3), "expected probabilities .k, 2. of the 2 examples"),
        (1, np.full((2, 1), 0.3), "did you mean A.T"),
        (1, np.array([[0.2, np.nan]]), "A holds nan: expected probabilities, from 0 to 1"),
        (1, np.array([[0.2, 1.5]]), "A holds 1.5"),
        (2, [1.0], "expected a weight for each of the 2 examples"),
        (2, [1.0, -1.0], "s holds -1.0: expected finite weights"),
        (2, [1.0, np.inf], "s holds inf"),
        (2, [0.0, 0.0], "none of the 2 examples has a positive weight"),
        (3, 1.5, "threshold is 1.5: expected a number from 0 to 1"),
        (3, "half", "threshold is 'half'"),
        (4, 0, "bins is 0: expected an integer from 1 to 1000"),
        (4, 2.5, "bins is 2.5"),
    ],
)
def test_wrong_input_in_one_line(place, bad, message):
    arguments = list(GOOD)
    measure(*arguments)
    arguments[place] = bad
    with pytest.raises(ValueError, match=message) as raised:
        measure(*arguments)
    assert "\n" not in str(raised.value)
