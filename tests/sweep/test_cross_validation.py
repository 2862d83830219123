"""Penalties x folds: the models, their scores on what was held out, and the choice."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from jax_logreg import L1, L2, Status, fit
from jax_logreg.sweep import cross_validate, path

assert_allclose = np.testing.assert_allclose
X = (COUNTS - 1) / 1.2
STRENGTHS = np.array([1.0, 0.1, 0.01])
LABELS = {"binomial": FAMILIES["binomial"][0], "multinomial": FAMILIES["multinomial"].argmax(0)}
# A gap of g leaves w within the root of 2g / strength of the optimum: 4e-6 at the weakest.
EXACT = {"dtype": "float64", "tolerance": 1e-13}


@pytest.mark.parametrize("family", LABELS)
def test_models_and_scores_are_scikit_learns(family):
    labels = LABELS[family]
    pairs = list(StratifiedKFold(3).split(X.T, labels))
    found = cross_validate(X, labels, strengths=STRENGTHS, folds=pairs, **EXACT)
    assert found.scores.shape == (3, 3) and found.held_out.shape == (3, X.shape[1])
    assert set(found.models.status) | set(found.fold_models.status) == {Status.CONVERGED}
    for i, strength in enumerate(STRENGTHS):
        for j, (train, test) in enumerate(pairs):
            C = 1 / (strength * len(train))
            theirs = LogisticRegression(C=C, tol=1e-10, max_iter=10000)
            theirs.fit(X.T[train], labels[train])
            assert_allclose(found.fold_models.params.w[3 * i + j].T, theirs.coef_, atol=1e-5)
            score = -log_loss(labels[test], theirs.predict_proba(X.T[test]))
            assert_allclose(found.scores[i, j], score, rtol=1e-5)
        one = fit(X, labels, penalty=L2(strength), **EXACT)
        assert_allclose(found.models.params.w[i], one.params.w, atol=1e-4)


def test_the_choice():
    found = cross_validate(X, LABELS["binomial"], strengths=8, smallest=1e-3, seed=3)
    assert (np.diff(found.strengths) < 0).all() and found.scores.shape == (8, 5)
    assert_allclose(found.mean, found.scores.mean(axis=1))
    assert_allclose(found.error, found.scores.std(axis=1, ddof=1) / np.sqrt(5))
    assert found.best == found.mean.argmax()
    within = found.mean >= found.mean[found.best] - found.error[found.best]
    # The strongest of those, the strengths falling.
    assert found.one_standard_error == within.argmax() <= found.best


@pytest.mark.parametrize("standardise", [False, True])
def test_of_weights_the_held_out_and_the_others(standardise):
    """Integer weights are repeated examples, in training and in the score, groups kept."""
    labels, s = LABELS["binomial"], np.random.default_rng(0).integers(1, 3, X.shape[1])
    number = np.arange(X.shape[1]) % 3
    settings = {"strengths": STRENGTHS, "scoring": "accuracy", "class_weight": "balanced", **EXACT}
    settings |= {"standardise": standardise}
    weighted = cross_validate(X, labels, s=s, folds=number, **settings)
    repeated = cross_validate(
        np.repeat(X, s, 1), np.repeat(labels, s), folds=np.repeat(number, s), **settings
    )
    assert_allclose(weighted.scores, repeated.scores)
    assert_allclose(weighted.fold_models.params.w, repeated.fold_models.params.w, atol=1e-5)


def test_one_part_held_out():
    """One score has no standard error."""
    done = []
    found = cross_validate(
        X,
        LABELS["multinomial"],
        strengths=STRENGTHS,
        folds=0.3,
        callback=lambda *now: done.append(now),
    )
    assert found.scores.shape == (3, 1) and np.isnan(found.error).all()
    assert found.one_standard_error == found.best == found.mean.argmax()
    assert done[-1] == (6, 6) and done == sorted(done)


@pytest.mark.slow
def test_a_grid_begins_where_the_penalised_features_enter():
    """Features without penalty are in the model at any strength."""
    penalty = L2(1.0, np.array([0, 1, 1, 0, 1, 1.0]))
    settings = {"strengths": 3, "smallest": 0.1, "penalty": penalty, **EXACT, "tolerance": 1e-9}
    found = cross_validate(X, LABELS["binomial"], **settings)
    assert_allclose(found.strengths, path(X, LABELS["binomial"], **settings).strengths, rtol=1e-6)


def test_an_L1_penalty():
    found = cross_validate(X, LABELS["binomial"], strengths=4, smallest=0.05, penalty=L1, **EXACT)
    zeros = [np.count_nonzero(w == 0) for w in found.models.params.w]
    assert zeros[0] == len(X) and zeros[-1] < len(X) / 2
    assert set(found.fold_models.status) == {Status.CONVERGED}


WRONG = {
    "scoring": ({"scoring": "f1"}, "scoring is 'f1'"),
    "several": ({"scoring": ["log_loss"]}, r"scoring is \['log_loss'\]: expected 'log_loss',"),
    "seed": ({"seed": 0.5}, r"seed is 0\.5: expected an integer of at least 0"),
    "folds": ({"folds": 1}, "folds is 1: expected from 2 to"),
    "a fold without a class": (
        {"folds": FAMILIES["binomial"][0].astype(int)},
        r"s\[0\] of 2 models: class 0.* has no examples where s > 0",
    ),
    "a fold of one class, ranked": (
        {
            "folds": np.where(LABELS["binomial"] > 0, np.arange(X.shape[1]) % 2, 2),
            "scoring": "roc_auc",
        },
        "fold 0 does not hold out some of every class, which 'roc_auc' ranks",
    ),
    "a fold without weight": (
        {"folds": np.arange(X.shape[1]) % 2, "s": np.arange(X.shape[1]) % 2},
        "fold 0 holds out no example with a positive weight",
    ),
    "strengths": ({"strengths": "many"}, "strengths is 'many'"),
    "memory": ({"memory": 10}, r"memory is 10 bytes, but one of the \d+ models needs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        cross_validate(X, LABELS["binomial"], **arguments)
