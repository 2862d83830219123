"""Classes without weight, in all the data or in a fold: fitted as if they were not there."""

import warnings

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from jax_logreg import Status
from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

assert_allclose = np.testing.assert_allclose
EXACT = {"tol": 1e-12, "max_iter": 1000}
SEARCH = {"l1_ratios": (0,), "use_legacy_attributes": False}
RNG = np.random.default_rng(123)
ROWS, LABELS = RNG.random((30, 3)), RNG.integers(3, size=30)
WEIGHTS = RNG.standard_gamma(1, size=30)
NEVER = 1e-16


def test_a_class_of_weight_0_has_the_published_probabilities():
    """scikit-learn#34139."""
    s = np.where(LABELS == 1, 0, WEIGHTS)
    ours = LogisticRegression(**EXACT).fit(ROWS, LABELS, s)
    found = ours.predict_proba(ROWS[:5])
    expected = [0.6229539, 0.5719628, 0.5689620, 0.6295693, 0.5757781]
    assert_allclose(found[:, 0], expected, atol=1e-7)
    assert np.all(found[:, 1] < NEVER)
    assert ours.classes_.tolist() == [0, 1, 2] == list(ours.result_.classes)
    assert_allclose(ours.coef_.sum(axis=0), 0, atol=1e-12)
    assert_allclose(ours.intercept_.sum(), 0, atol=1e-12)
    assert "No example of 1 has a weight" in ours.result_.message


@pytest.mark.parametrize("how", ["sample_weight", "class_weight"])
@pytest.mark.parametrize("l1_ratio", [0, 0.5])
@pytest.mark.parametrize("gone", [0, 2])
def test_it_is_as_if_the_class_were_not_there(how, l1_ratio, gone):
    """The others' probabilities are those of scikit-learn, whatever takes the weight away."""
    given = {"l1_ratio": l1_ratio, "C": 0.7}
    s, weights = WEIGHTS, {gone: 0.0}
    if how == "sample_weight":
        s, weights = np.where(gone == LABELS, 0, WEIGHTS), None
    ours = LogisticRegression(**given, **EXACT, class_weight=weights).fit(ROWS, LABELS, s)
    found = ours.predict_proba(ROWS)
    assert np.all(found[:, gone] < NEVER)
    assert not ours.coef_[gone].any()
    theirs = linear_model.LogisticRegression(
        **given, solver="saga" if l1_ratio else "lbfgs", tol=1e-11, max_iter=100_000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(ROWS, LABELS, np.where(gone == LABELS, 0, WEIGHTS))
    assert_allclose(found, theirs.predict_proba(ROWS), atol=1e-5)


@pytest.mark.parametrize("gone", ["no", "yes"])
def test_one_class_of_two_that_has_no_weight(gone):
    labels = np.where(LABELS > 0, "yes", "no")
    ours = LogisticRegression().fit(ROWS, labels, (labels != gone).astype(float))
    assert ours.coef_.shape == (1, 3) and not ours.coef_.any()
    assert set(ours.predict(ROWS)) == {"no", "yes"} - {gone}
    assert ours.predict_proba(ROWS).min(axis=1).max() < NEVER
    assert ours.result_.status is Status.CONVERGED and ours.n_iter_ == 0


def test_a_warm_start_after_a_class_is_gone():
    ours = LogisticRegression(warm_start=True, **EXACT).fit(ROWS, LABELS)
    s = np.where(LABELS == 1, 0, WEIGHTS)
    cold = LogisticRegression(**EXACT).fit(ROWS, LABELS, s)
    assert_allclose(ours.fit(ROWS, LABELS, s).coef_, cold.coef_, atol=1e-5)
    assert_allclose(ours.fit(ROWS, LABELS, s).coef_, cold.coef_, atol=1e-5)


def test_every_fold_of_a_class_of_its_own():
    """scikit-learn#28178: iris by KFold unshuffled tests on the class that it does not train on."""
    iris = load_iris()
    ours = LogisticRegressionCV(cv=KFold(3), Cs=[1e-6, 1.0], scoring="accuracy", **SEARCH)
    assert np.all(ours.fit(iris.data, iris.target).scores_ == 0)
    theirs, ours = (
        kind(cv=KFold(3), Cs=[1e-6, 0.01], scoring="neg_brier_score", tol=1e-9, **SEARCH).fit(
            iris.data, iris.target
        )
        for kind in (linear_model.LogisticRegressionCV, LogisticRegressionCV)
    )
    assert ours.C_ == theirs.C_ == 1e-6
    assert_allclose(ours.scores_, theirs.scores_, atol=1e-4)
    assert_allclose(ours.coefs_paths_[..., :-1], theirs.coefs_paths_[..., :-1], atol=1e-4)


def test_a_class_of_one_example():
    """scikit-learn#15389, #32748."""
    rows, labels = np.zeros((10, 1)), np.repeat([1, 2, 3], [5, 4, 1])
    with pytest.warns(UserWarning, match="least populated class"):
        ours = LogisticRegressionCV(cv=5, scoring="neg_log_loss", **SEARCH, **EXACT)
        ours.fit(rows, labels)
    assert_allclose(ours.predict_proba(rows[:1]), [[0.5, 0.4, 0.1]], atol=1e-6)
    assert not ours.coef_.any()
    assert np.all(np.isfinite(ours.scores_))


@pytest.mark.parametrize("scoring", ["neg_log_loss", "jaccard_micro"])
@pytest.mark.parametrize("l1_ratio", [0, 1])
def test_a_fold_is_fitted_as_its_examples_are_alone(scoring, l1_ratio):
    """A fold that lacks a class, beside one that does not."""
    folds = [(np.flatnonzero(LABELS != 1), np.flatnonzero(LABELS == 1))]
    folds += [(np.arange(5, 30), np.arange(5))]
    settings = {"Cs": [0.1, 2.0], "cv": folds, "l1_ratios": (l1_ratio,), "scoring": scoring}
    ours = LogisticRegressionCV(**settings, use_legacy_attributes=False, **EXACT)
    ours.fit(ROWS, LABELS)
    for i, (train, _) in enumerate(folds):
        s = np.zeros(30)
        s[train] = 1
        for j, C in enumerate(settings["Cs"]):
            alone = LogisticRegression(C=C, l1_ratio=l1_ratio, **EXACT).fit(ROWS, LABELS, s)
            found = ours.coefs_paths_[i, 0, j]
            assert_allclose(found[:, :-1], alone.coef_, atol=1e-5)
            assert_allclose(found[:, -1], alone.intercept_, atol=1e-5)
    assert [fits.classes for fits in ours.fold_models_] == [(0, 1, 2)]
    assert ours.fold_models_[0].status == (Status.CONVERGED,) * 4


def test_two_classes_of_which_a_fold_has_one():
    labels = LABELS > 0
    folds = [(np.flatnonzero(labels), np.flatnonzero(~labels)), (np.arange(20), np.arange(20, 30))]
    ours = LogisticRegressionCV(cv=folds, Cs=[1.0], scoring="accuracy", **SEARCH)
    ours.fit(ROWS, labels)
    assert ours.scores_[0] == 0 < ours.scores_[1]
    assert not ours.coefs_paths_[0][..., :-1].any()


def test_without_weight_in_any_fold():
    s = np.where(LABELS == 1, 0, WEIGHTS)
    ours = LogisticRegressionCV(cv=3, Cs=[1.0], scoring="neg_log_loss", **SEARCH, **EXACT)
    with np.errstate(all="raise"):
        ours.fit(ROWS, LABELS, s)
    alone = LogisticRegression(**EXACT).fit(ROWS, LABELS, s)
    assert_allclose(ours.coef_, alone.coef_, atol=1e-5)
    assert ours.coef_.shape == (3, 3) and np.all(np.isfinite(ours.scores_))


@pytest.mark.parametrize("labels", [LABELS, LABELS > 0], ids=["three classes", "two"])
def test_without_an_intercept_there_is_an_optimum_over_all_classes(labels):
    s, gone = np.where(labels == 1, 0, WEIGHTS), {"fit_intercept": False}
    ours = LogisticRegression(**gone, **EXACT).fit(ROWS, labels, s)
    theirs = linear_model.LogisticRegression(**gone, tol=1e-10, max_iter=10_000)
    assert_allclose(ours.coef_, theirs.fit(ROWS, labels, s).coef_, atol=1e-6)
    assert ours.predict_proba(ROWS)[:, 1].min() > 0.01
    folds = [(np.flatnonzero(labels != 1), np.flatnonzero(labels == 1))]
    search = LogisticRegressionCV(
        cv=folds, Cs=[1.0], scoring="neg_log_loss", **SEARCH, **gone, **EXACT
    ).fit(ROWS, labels, WEIGHTS)
    assert_allclose(search.coefs_paths_[0, 0, 0], ours.coef_, atol=1e-5)
