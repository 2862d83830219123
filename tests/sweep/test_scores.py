"""Scores against scikit-learn's, weighted, with ties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from jax_logreg import Batch, Params
from jax_logreg.evaluation.scores import SCORES, Score
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.sweep.scores import find_score, score_held_out

M = 40


def example(k):
    rng = np.random.default_rng(k)
    # Few distinct values, so that some scores tie.
    X = rng.integers(-2, 3, (2, M)).astype(float)
    labels = rng.integers(0, max(k, 2), M)
    Y = labels[None].astype(float) if k == 1 else (labels == np.arange(k)[:, None]).astype(float)
    s = rng.integers(0, 3, (1, M)).astype(float)
    return Params(rng.standard_normal((2, k)), np.zeros((k, 1))), Batch(X, Y, s), labels


def expected(name, A, labels, s):
    k = len(A)
    P = np.vstack([1 - A, A]).T if k == 1 else A.T
    predicted = P.argmax(axis=1)
    one_hot = (labels[:, None] == np.arange(P.shape[1])).astype(float)
    if name == "log_loss":
        return -metrics.log_loss(labels, P, sample_weight=s)
    if name == "accuracy":
        return metrics.accuracy_score(labels, predicted, sample_weight=s)
    if name == "balanced_accuracy":
        return metrics.balanced_accuracy_score(labels, predicted, sample_weight=s)
    if name == "brier":
        return -np.average(((P - one_hot) ** 2).sum(axis=1) / (2 if k == 1 else 1), weights=s)
    if name == "expected_calibration_error":
        p, observed = (P[:, 1], labels) if k == 1 else (P.max(axis=1), predicted == labels)
        bins = np.ceil(p * 15)
        inside = [bins == i for i in range(1, 16)]
        return -sum(abs(np.sum((s * (observed - p))[one])) for one in inside) / s.sum()
    if k == 1:
        return metrics.roc_auc_score(labels, P[:, 1], sample_weight=s)
    return metrics.roc_auc_score(labels, P, sample_weight=s, multi_class="ovr")


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", SCORES)
def test_as_scikit_learn_has_it(name, k):
    params, batch, labels = example(k)
    family = BINOMIAL if k == 1 else MULTINOMIAL
    with jax.enable_x64(True):
        params, batch = jax.tree.map(jnp.asarray, (params, batch))
        found = float(score_held_out(find_score(name), params, batch, family))
        A = np.asarray(family.activation(params.w.T @ batch.X + params.b))
    assert found == pytest.approx(expected(name, A, labels, np.asarray(batch.s[0])), rel=1e-12)


def test_an_unknown_name():
    with pytest.raises(ValueError, match="scoring is 'f1': expected 'log_loss', 'accuracy'"):
        find_score("f1")


@pytest.mark.parametrize("name", SCORES)
def test_independent_outputs_that_are_alike_agree_with_one(name):
    """Twice the same output: its errors add up, and shares and ranks stay."""
    params, batch, _ = example(1)
    twice = Params(np.tile(params.w, 2), np.tile(params.b, (2, 1)))
    with jax.enable_x64(True):
        Y = np.tile(batch.Y, (2, 1))
        one, two = (
            float(score_held_out(SCORES[name], *jax.tree.map(jnp.asarray, given), BINOMIAL))
            for given in ((params, batch), (twice, batch._replace(Y=Y)))
        )
    times = {"log_loss": 2, "brier": 2, "expected_calibration_error": None}.get(name, 1)
    if times is None:
        # The probability that both outputs are right is compared with how often they are.
        assert -1 <= two <= 0
    else:
        assert two == pytest.approx(times * one, rel=1e-12)


def test_a_score_of_ones_own_is_taken_as_it_is():
    own = Score("mine", "mine", "a constant", False, lambda _: lambda W, total: total / total)
    assert find_score(own) is own and own.upwards == "minus mine"
    params, batch, _ = example(3)
    assert float(score_held_out(own, params, batch, MULTINOMIAL)) == -1
