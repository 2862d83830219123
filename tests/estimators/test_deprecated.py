"""Arguments that scikit-learn deprecates, and defaults that it changes, with its warnings."""

import warnings

import numpy as np
import pytest
from sklearn import linear_model

from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

RNG = np.random.default_rng(8)
ROWS = RNG.standard_normal((40, 3))
LABELS = (ROWS[:, 0] + RNG.logistic(size=40) > 0).astype(int)
QUIET = {"l1_ratios": (0,), "scoring": "accuracy", "use_legacy_attributes": False}
# Settings, what they mean, and the warnings as scikit-learn's users filter them.
GONE = "'penalty' was deprecated"
ONE = {
    "l2": ({"penalty": "l2"}, {}, [GONE]),
    "l1": (
        {"penalty": "l1"},
        {"l1_ratio": 1},
        [GONE, "Inconsistent values: penalty=l1 with l1_ratio=0.0"],
    ),
    "l1 and its ratio": ({"penalty": "l1", "l1_ratio": 1}, {"l1_ratio": 1}, [GONE]),
    "a ratio that is not read": (
        {"penalty": "l1", "l1_ratio": 0.5},
        {"l1_ratio": 1},
        [
            GONE,
            "l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty=l1)",
            "Inconsistent values: penalty=l1 with l1_ratio=0.5",
        ],
    ),
    "elastic net": ({"penalty": "elasticnet", "l1_ratio": 0.5}, {"l1_ratio": 0.5}, [GONE]),
    "none": ({"penalty": None}, {"C": np.inf}, [GONE]),
    "none of a C": (
        {"penalty": None, "C": 4},
        {"C": np.inf},
        [GONE, "Setting penalty=None will ignore the C"],
    ),
    "no ratio": ({"l1_ratio": None}, {}, ["'l1_ratio=None' was deprecated"]),
    "jobs": ({"n_jobs": 2}, {}, ["'n_jobs' has no effect"]),
}
SEARCH = {
    "l2": ({"penalty": "l2", "l1_ratios": "warn"}, {}, [GONE, "default value for l1_ratios"]),
    "l1": (
        {"penalty": "l1", "l1_ratios": (0.5,)},
        {"l1_ratios": (1,)},
        [GONE, "l1_ratios parameter is only used when penalty is 'elasticnet'"],
    ),
    "elastic net": (
        {"penalty": "elasticnet", "l1_ratios": (0.5, 1)},
        {"l1_ratios": (0.5, 1)},
        [GONE],
    ),
    "no ratios": ({"l1_ratios": None}, {}, ["'l1_ratios=None' was deprecated"]),
    "scoring": ({"scoring": "warn"}, {}, ["default value of the parameter 'scoring' will change"]),
    "attributes": (
        {"use_legacy_attributes": "warn"},
        {"use_legacy_attributes": True},
        ["default value of use_legacy_attributes will change from True"],
    ),
}


def fitted(kind, settings):
    """The estimator, and the first of its warnings, those of convergence aside."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = kind(**settings).fit(ROWS, LABELS)
    assert all(warning.filename == __file__ for warning in caught if "jax_logreg" in str(kind))
    return model, [w for w in caught if w.category.__name__ != "ConvergenceWarning"]


@pytest.mark.parametrize("name", ONE)
def test_a_fit(name):
    settings, meaning, expected = ONE[name]
    for kind in (LogisticRegression, linear_model.LogisticRegression):
        model, caught = fitted(kind, {"solver": "saga", "tol": 1e-6, **settings})
        assert len(caught) == len(expected)
        for text in expected:
            assert any(text in str(warning.message) for warning in caught), (kind, text)
        if kind is LogisticRegression:
            categories = [warning.category for warning in caught]
            plain, silence = fitted(kind, {"tol": 1e-6, **meaning})
            np.testing.assert_array_equal(model.coef_, plain.coef_)
            assert not silence
        else:
            assert [warning.category for warning in caught] == categories


@pytest.mark.parametrize("name", SEARCH)
def test_a_search(name):
    settings, meaning, expected = SEARCH[name]
    common = {"Cs": [0.1, 1.0], "cv": 2, "solver": "saga", "max_iter": 200, "random_state": 0}
    mine, caught = fitted(LogisticRegressionCV, {**common, **QUIET, **settings})
    assert len(caught) == len(expected)
    for text in expected:
        assert any(text in str(warning.message) for warning in caught), text
    plain, silence = fitted(LogisticRegressionCV, {**common, **QUIET, **meaning})
    assert not silence
    np.testing.assert_array_equal(mine.coef_, plain.coef_)
    theirs, _ = fitted(linear_model.LogisticRegressionCV, {**common, **QUIET, **settings})
    for attribute in ("coefs_paths_", "scores_", "n_iter_", "C_", "coef_", "intercept_"):
        assert _shape(getattr(mine, attribute)) == _shape(getattr(theirs, attribute)), attribute


def _shape(value):
    if isinstance(value, dict):
        return {key: np.shape(one) for key, one in value.items()}
    return np.shape(value)


def len_of(ratios):
    return "none" if ratios is None else str(len(ratios))


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("ratios", [None, np.array([0.5]), np.array([0.0, 1.0])], ids=len_of)
@pytest.mark.parametrize("classes", [2, 3])
def test_attributes_have_scikit_learns_shapes(legacy, ratios, classes):
    settings = {"Cs": 2, "cv": 3, "l1_ratios": ratios, "use_legacy_attributes": legacy}
    settings |= {"scoring": "neg_log_loss", "solver": "saga", "refit": not legacy, "tol": 0.1}
    labels = LABELS if classes == 2 else np.arange(40) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (
            kind(**settings).fit(ROWS, labels)
            for kind in (LogisticRegressionCV, linear_model.LogisticRegressionCV)
        )
    for name, value in vars(theirs).items():
        if name.endswith("_") and not name.startswith("_"):
            assert _shape(getattr(ours, name)) == _shape(value), name
            if isinstance(value, np.ndarray) and value.dtype.kind in "fi":
                assert getattr(ours, name).dtype == value.dtype, name


def test_a_penalty_without_its_ratio():
    for kind, name in ((LogisticRegression, "l1_ratio"), (LogisticRegressionCV, "l1_ratios")):
        model = kind(penalty="elasticnet", **{name: None})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match="l1_ratio"):
                model.fit(ROWS, LABELS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (LogisticRegression, linear_model.LogisticRegression),
        (LogisticRegressionCV, linear_model.LogisticRegressionCV),
    ],
)
def test_parameters_are_those_of_scikit_learn(ours, theirs):
    """Parameters beyond scikit-learn's are shown where they are given, and then cloned."""
    assert ours().get_params() == theirs().get_params()
    assert theirs(**ours().get_params()).get_params() == ours().get_params()
    model = ours().set_params(device="cpu", C=2) if ours is LogisticRegression else ours()
    model.set_params(device="cpu")
    assert model.get_params()["device"] == "cpu"
    with pytest.raises(ValueError, match="Invalid parameter 'devise'"):
        ours().set_params(devise="cpu")
