"""Held-out scores of default settings beside those of exact models, where penalties are weak."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from jax_logreg.sklearn import LogisticRegressionCV
from jax_logreg.sweep import cross_validate

CS = np.logspace(-4, 4, 10)
# Minus log loss of fold 0 at these, by Newton's method on the features that matter.
PUBLISHED = [0.62623, 0.62657, 0.70789, 0.88238, 1.11300, 1.37677, 1.66108, 1.95878, 2.26567]
PUBLISHED += [2.57916]


def wide(m, n):
    """Rows (m, n) with a factor that all features share, and labels of a logistic model."""
    rng = np.random.default_rng(22)
    X = rng.standard_normal((m, n))
    X += 0.5 * rng.standard_normal((m, 1))
    w = rng.standard_normal(n) / np.sqrt(n) * 2
    return X, (rng.random(m) < 1 / (1 + np.exp(-(X @ w)))).astype(int)


def exact(X, y, folds):
    """Scores (Cs, folds) by Newton's method in float64, each from the stronger penalty before.

    The optimum lies in the span of the examples: with X = LQᵀ it is Q times that of L.
    """
    scores = np.empty((len(CS), len(folds)))
    for j, (train, test) in enumerate(folds):
        Q, R = np.linalg.qr(X[train].T)
        design = np.column_stack([R.T, np.ones(len(train))])
        ridge = np.append(np.ones(len(R)), 0)
        point = np.zeros(len(ridge))
        for i, C in enumerate(CS):
            point = newton(design, y[train], ridge / C, point)
            Z = X[test] @ (Q @ point[:-1]) + point[-1]
            scores[i, j] = -np.mean(np.logaddexp(0, Z) - y[test] * Z)
    return scores


def newton(design, y, ridge, point):
    """The minimum of Σ loss + ridge/2·w², damped until the decrement is below 1e-8."""

    def cost(point):
        Z = design @ point
        return np.sum(np.logaddexp(0, Z) - y * Z) + ridge @ point**2 / 2

    for _ in range(200):
        A = 1 / (1 + np.exp(-(design @ point)))
        gradient = design.T @ (A - y) + ridge * point
        hessian = (design.T * (A * (1 - A))) @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step < 1e-8:
            return point
        t = 1.0
        while cost(point - t * step) > cost(point) - t / 4 * (gradient @ step) and t > 1e-8:
            t /= 2
        point = point - t * step
    raise AssertionError("Newton's method did not arrive")


def by_function(X, y, folds, **settings):
    strengths = 1 / (CS * len(folds[0][0]))
    return cross_validate(X.T, y, strengths=strengths, folds=folds, **settings).scores


def by_estimator(X, y, folds, **settings):
    model = LogisticRegressionCV(
        Cs=CS,
        cv=folds,
        l1_ratios=(0.0,),
        scoring="neg_log_loss",
        use_legacy_attributes=False,
        **settings,
    )
    with warnings.catch_warnings():
        # 100 steps may be too few.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y).scores_[:, 0].T


WAYS = {
    # Penalties so weak that the cost is below 1e-3 are beyond float32 here.
    "default settings": (by_function, 7, {}),
    "float64": (by_function, 10, {"dtype": "float64", "steps": 2000}),
    "the estimator": (by_estimator, 10, {"max_iter": 2000}),
}


@pytest.fixture(scope="module")
def small():
    """Rows, labels, folds, and the exact scores."""
    X, y = wide(200, 400)
    folds = list(StratifiedKFold(5).split(X, y))
    # Threads of BLAS that wait for a core take longer than these small systems.
    with threadpool_limits(1):
        return X, y, folds, exact(X, y, folds)


@pytest.mark.parametrize("name", WAYS)
def test_scores_of_weak_penalties_are_those_of_the_exact_models(name, small):
    """More features than examples: a model that had seen the fold would score near 0 there."""
    by, penalties, settings = WAYS[name]
    *data, best = small
    scores = by(*data, **settings)
    np.testing.assert_allclose(scores[:penalties], best[:penalties], rtol=5e-3)
    assert scores.mean(axis=1).argmax() == best.mean(axis=1).argmax()
    assert best[-1].max() < 2 * best[1].max()


@pytest.mark.slow
@pytest.mark.parametrize("by", [by_function, by_estimator])
def test_scores_of_2000_x_5000(by):
    X, y = wide(2000, 5000)
    folds = list(StratifiedKFold(5).split(X, y))
    scores = by(X, y, folds)
    np.testing.assert_allclose(-scores[:, 0], PUBLISHED, rtol=5e-3)
    assert scores.mean(axis=1).argmax() == 1
