"""Features scaled by the training part of each fold, as a fold of its own would be."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, fit
from jax_logreg.matrix import from_codes, stack
from jax_logreg.sweep import cross_validate

assert_allclose = np.testing.assert_allclose
M = COUNTS.shape[1]
FOLDS = np.arange(M) % 3
Y = FAMILIES["binomial"]
# Means and scales far from 0 and 1; the last feature is constant unless fold 0 is there.
X = COUNTS * np.array([1, 20, 0.1, 3, 1, 1])[:, None] + np.arange(6)[:, None]
X[5] = np.where((FOLDS == 0) & (np.arange(M) % 2 == 0), 7.0, 0.3)
EXACT = {"dtype": "float64", "tolerance": 1e-12}


def by_hand(X, penalty, fold, **settings):
    """Score, and parameters of X, of a fit to the training part as it is scaled alone."""
    train, test = fold != FOLDS, fold == FOLDS
    mean, scale = X[:, train].mean(axis=1, keepdims=True), X[:, train].std(axis=1, keepdims=True)
    scale[np.ptp(X[:, train], axis=1) == 0] = np.inf
    scaled = (X - mean) / scale
    result = fit(
        scaled[:, train], Y[:, train], penalty=penalty, gradient_check="off", **EXACT, **settings
    )
    w, b = (np.asarray(part) for part in result.params)
    Z = w.T @ scaled[:, test] + b
    score = -np.mean(np.logaddexp(0, Z) - Y[:, test] * Z)
    return score, w / scale, b - (w / scale).T @ mean


CASES = {
    "L2": (L2, {}),
    "L1": (L1, {}),
    "no intercept": (L2, {"fit_intercept": False}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fold_is_scaled_by_what_it_trains_on(name):
    penalty, settings = CASES[name]
    strengths = [0.3, 1e-2]
    found = cross_validate(
        X,
        Y,
        penalty=penalty,
        strengths=strengths,
        folds=FOLDS,
        standardise=True,
        **EXACT,
        **settings,
    )
    for i, strength in enumerate(strengths):
        for fold in range(3):
            score, w, b = by_hand(X, penalty(strength), fold, **settings)
            assert_allclose(found.scores[i, fold], score, rtol=1e-6)
            assert_allclose(found.fold_models.params.w[3 * i + fold], w, atol=1e-5)
            assert_allclose(found.fold_models.params.b[3 * i + fold], b, atol=1e-4)
    # A level that no training example shows has no weight.
    assert (found.fold_models.params.w[::3, 5] == 0).all()


def test_a_grid_is_that_of_the_scaled_features():
    settings = {"strengths": 3, "smallest": 0.1, "folds": FOLDS, **EXACT}
    found = cross_validate(X, Y, standardise=True, **settings)
    scaled = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    assert_allclose(found.strengths, cross_validate(scaled, Y, **settings).strengths, rtol=1e-9)
    w = found.models.params.w * X.std(axis=1, keepdims=True)
    assert_allclose(w, cross_validate(scaled, Y, **settings).models.params.w, atol=1e-5)


def test_some_features_alone_and_levels_that_a_fold_has_not():
    """A level that no training example has gets no weight: it counts as none, like any unknown."""
    codes = np.random.default_rng(1).integers(0, 2, M)
    codes[FOLDS == 1] = np.where(np.arange(M)[FOLDS == 1] % 2, 2, codes[FOLDS == 1])
    numbers = np.arange(9) < 6
    found = cross_validate(
        stack([X, from_codes([codes], [3], dtype="float64")]),
        Y,
        strengths=[0.05],
        folds=FOLDS,
        standardise=numbers,
        **EXACT,
    )
    w = found.fold_models.params.w[:, :, 0]
    assert_allclose(w[1, 8], 0, atol=1e-6)
    assert (np.abs(w[[0, 2], 8]) > 1e-3).all()
    one_hot = (np.arange(3)[:, None] == codes).astype(float)
    train = FOLDS != 1
    mean, scale = (f(X[:, train], axis=1, keepdims=True) for f in (np.mean, np.std))
    scaled = np.vstack([(X - mean) / scale, one_hot[:2]])
    alone = fit(scaled[:, train], Y[:, train], penalty=L2(0.05), gradient_check="off", **EXACT)
    Z = np.asarray(alone.params.w).T @ scaled[:, ~train] + np.asarray(alone.params.b)
    score = -np.mean(np.logaddexp(0, Z) - Y[:, ~train] * Z)
    assert_allclose(found.scores[0, 1], score, rtol=1e-6)


WRONG = {
    "a word": ("yes", "standardise is 'yes': expected True"),
    "numbers": (np.ones(6), r"float64 of shape \(6,\): expected True, False, or \(6,\) of them"),
    "too few": (np.ones(5, bool), r"bool of shape \(5,\)"),
    "none": (None, "standardise is None"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    standardise, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        cross_validate(X, Y, standardise=standardise)
    assert "\n" not in str(caught.value)
