"""The estimators beside scikit-learn's: the same coefficients, scores and choice."""

import warnings

import numpy as np
import pytest
from cases import COUNTS, FAMILIES
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold

from jax_logreg import Status
from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

assert_allclose = np.testing.assert_allclose
ROWS = ((COUNTS - 1) / 1.2).T
M = len(ROWS)
LABELS = {2: FAMILIES["binomial"][0].astype(int), 3: FAMILIES["multinomial"].argmax(axis=0)}
WEIGHTS = np.random.default_rng(3).integers(0, 4, M).astype(float)
WEIGHTS[:12] = 1
EXACT = {"tol": 1e-12, "max_iter": 1000}


def theirs_of(**settings):
    solver = "saga" if settings.get("l1_ratio") else "lbfgs"
    return linear_model.LogisticRegression(
        **{"solver": solver, "tol": 1e-11, "max_iter": 100_000, **settings}
    )


@pytest.mark.parametrize("k", LABELS)
@pytest.mark.parametrize("l1_ratio", [0, 0.3, 1])
@pytest.mark.parametrize("C", [0.05, 1, 20])
def test_coefficients(k, l1_ratio, C):
    """Weights and class weights are in some of them, so that all meet all."""
    number = [0.05, 1, 20].index(C) + [0, 0.3, 1].index(l1_ratio) + k
    settings = {
        "C": C,
        "l1_ratio": l1_ratio,
        "class_weight": [None, "balanced", {0: 2.0}][number % 3],
        "fit_intercept": number % 4 != 1,
    }
    s = WEIGHTS if number % 2 else None
    ours = LogisticRegression(**settings, **EXACT).fit(ROWS, LABELS[k], s)
    # Some of saga's do not reach its tolerance, but come near enough; with weights it does not.
    repeats = np.ones(M, int) if s is None else s.astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = theirs_of(**settings).fit(
            np.repeat(ROWS, repeats, 0), np.repeat(LABELS[k], repeats)
        )
    assert ours.result_.status in (Status.CONVERGED, Status.PRECISION_FLOOR)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    if theirs.coef_.any():
        # Without coefficients saga does not move the intercept on to its optimum.
        assert_allclose(ours.predict_proba(ROWS), theirs.predict_proba(ROWS), atol=1e-5)
    if l1_ratio == 1:
        np.testing.assert_array_equal(ours.coef_ == 0, np.abs(theirs.coef_) < 1e-6)


def test_without_penalty():
    ours = LogisticRegression(C=np.inf, tol=1e-9).fit(ROWS, LABELS[2])
    theirs = theirs_of(C=np.inf).fit(ROWS, LABELS[2])
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("solver", ["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag"])
def test_every_solvers_name_reaches_the_optimum(solver):
    ours = LogisticRegression(solver=solver, **EXACT).fit(ROWS, LABELS[2])
    assert_allclose(ours.coef_, theirs_of().fit(ROWS, LABELS[2]).coef_, atol=1e-5)
    assert ours.result_.solver.split(":")[0].split(",")[0] in ("Newton", "LBFGS")


CHOICES = {
    "default scoring": (2, {}),
    "three classes, log loss": (3, {"scoring": "neg_log_loss"}),
    "class weights, Brier": (2, {"scoring": "neg_brier_score", "class_weight": {0: 2.0}}),
    "AUC, no refit": (2, {"scoring": "roc_auc", "refit": False}),
    "f1, a score of theirs alone": (2, {"scoring": "f1"}),
    "no intercept, weights": (3, {"fit_intercept": False, "s": WEIGHTS}),
    "groups": (2, {"cv": list(GroupKFold(3).split(ROWS, LABELS[2], np.arange(M) % 9))}),
    "attributes of today": (3, {"use_legacy_attributes": True}),
}


@pytest.mark.parametrize("name", CHOICES)
def test_cross_validation(name):
    k, settings = CHOICES[name]
    settings = {"use_legacy_attributes": False, "scoring": "accuracy", **settings}
    s = settings.pop("s", None)
    settings = {"Cs": np.array([0.01, 0.3, 10]), "cv": 4, "l1_ratios": (0,), **settings}
    ours = LogisticRegressionCV(**settings, **EXACT).fit(ROWS, LABELS[k], s)
    theirs = linear_model.LogisticRegressionCV(**settings, tol=1e-11, max_iter=10_000)
    theirs.fit(ROWS, LABELS[k], s)
    assert_allclose(ours.C_, theirs.C_)
    assert_allclose(ours.l1_ratio_, theirs.l1_ratio_)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert np.shape(ours.n_iter_) == np.shape(theirs.n_iter_)
    pairs = [(ours.scores_, theirs.scores_), (ours.coefs_paths_, theirs.coefs_paths_)]
    if settings["use_legacy_attributes"]:
        assert ours.scores_.keys() == theirs.scores_.keys()
        pairs = [(mine[c], other[c]) for mine, other in pairs for c in other]
    for mine, other in pairs:
        # Of several classes only differences of intercepts are determined.
        assert mine.shape == other.shape
        assert_allclose(mine[..., : ROWS.shape[1]], other[..., : ROWS.shape[1]], atol=2e-5)
    for fits in (*ours.models_, *ours.fold_models_):
        assert set(fits.status) <= {Status.CONVERGED, Status.PRECISION_FLOOR}


def test_l1_ratios():
    settings = {
        "Cs": [0.5, 5.0],
        "l1_ratios": [0, 0.5],
        "cv": 3,
        "scoring": "neg_log_loss",
        "use_legacy_attributes": False,
    }
    ours = LogisticRegressionCV(**settings, **EXACT).fit(ROWS, LABELS[2])
    theirs = linear_model.LogisticRegressionCV(
        **settings, solver="saga", tol=1e-10, max_iter=100_000
    ).fit(ROWS, LABELS[2])
    assert (ours.C_, ours.l1_ratio_) == (theirs.C_, theirs.l1_ratio_)
    assert_allclose(ours.scores_, theirs.scores_, atol=1e-6)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ours.result_.certificate.relative_gap <= 1e-12
