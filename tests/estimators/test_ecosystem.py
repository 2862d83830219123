"""The estimators where people use them: tables, pipelines, searches, pickles, routing."""

import pickle
import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from cases import COUNTS, FAMILIES
from scipy import sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jax_logreg import Status
from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

assert_allclose = np.testing.assert_allclose
ROWS = ((COUNTS - 1) / 1.2).T
M, N = ROWS.shape
Y = np.where(FAMILIES["binomial"][0] > 0, "yes", "no")
NAMES = [f"pixel {i}" for i in range(N)]
NEW = {"l1_ratios": (0,), "scoring": "accuracy", "use_legacy_attributes": False}
CV = {"Cs": 3, "cv": 3, **NEW}


class Exported:
    """An object that only offers `__array__`, as torch's tensors do."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


CONTAINERS = {
    "lists": lambda rows: rows.tolist(),
    "pandas": lambda rows: pd.DataFrame(rows, columns=NAMES),
    "polars": lambda rows: pl.DataFrame(rows, schema=NAMES),
    "CSR": sparse.csr_array,
    "CSC": sparse.csc_matrix,
    "JAX": lambda rows: jnp.asarray(rows),
    "an export": Exported,
    "Fortran order": np.asfortranarray,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_takes(name):
    with jax.enable_x64(True):
        rows = CONTAINERS[name](ROWS)
    ours = LogisticRegression(tol=1e-8).fit(rows, Y)
    plain = LogisticRegression(tol=1e-8).fit(ROWS, Y)
    assert_allclose(ours.coef_, plain.coef_, atol=1e-3)
    np.testing.assert_array_equal(ours.predict(rows), plain.predict(ROWS))
    assert ours.classes_.tolist() == ["no", "yes"] == list(ours.result_.classes)
    assert ours.result_.params.w.shape == (N, 1) and ours.result_.status is Status.CONVERGED
    if name in ("pandas", "polars"):
        assert ours.feature_names_in_.tolist() == NAMES


def test_float32_stays_float32():
    ours = LogisticRegression().fit(ROWS.astype(np.float32), Y)
    assert ours.coef_.dtype == np.float32 == ours.predict_proba(ROWS.astype(np.float32)).dtype


def test_in_a_pipeline_of_tables():
    table = pd.DataFrame(3 * ROWS + 5, columns=NAMES)
    steps = make_pipeline(StandardScaler().set_output(transform="pandas"), LogisticRegression())
    assert steps.fit(table, Y).score(table, Y) > 0.7
    assert steps[-1].feature_names_in_.tolist() == NAMES


def test_in_searches():
    search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0], "l1_ratio": [0, 1]}, cv=3)
    theirs = GridSearchCV(linear_model.LogisticRegression(solver="saga", max_iter=1000, tol=1e-6),
                          search.param_grid, cv=3)  # fmt: skip
    assert_allclose(
        search.fit(ROWS, Y).cv_results_["mean_test_score"],
        theirs.fit(ROWS, Y).cv_results_["mean_test_score"],
        atol=0.02,
    )
    assert cross_val_score(LogisticRegression(), ROWS, Y, cv=3).mean() > 0.6


@pytest.mark.parametrize("kind", [LogisticRegression, LogisticRegressionCV])
def test_cloned_pickled_and_deployed(kind):
    ours = kind(class_weight="balanced", **(CV if kind is LogisticRegressionCV else {}))
    assert clone(ours).get_params() == ours.get_params()
    ours.fit(pd.DataFrame(ROWS, columns=NAMES), Y)
    table = pd.DataFrame(ROWS, columns=NAMES)
    expected = ours.predict_proba(table)
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.predict_proba(table), expected)
    assert again.result_.status is ours.result_.status
    theirs = ours.to_sklearn()
    assert type(theirs) is linear_model.LogisticRegression
    np.testing.assert_array_equal(theirs.predict_proba(table), expected)
    assert clone(theirs).fit(ROWS, Y).score(ROWS, Y) > 0.6
    assert b"jax" not in pickle.dumps(theirs)


def test_what_is_deployed_needs_no_jax(tmp_path):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(LogisticRegression().fit(ROWS, Y).to_sklearn()))
    code = (
        f"import pickle, sys; pickle.load(open({str(path)!r}, 'rb')); print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_sparsified_and_back():
    ours = LogisticRegression(C=0.05, l1_ratio=1).fit(ROWS, Y)
    dense = ours.predict_proba(ROWS)
    assert sparse.issparse(ours.sparsify().coef_)
    assert_allclose(ours.predict_proba(ROWS), dense)
    assert_allclose(ours.densify().predict_proba(ROWS), dense)


def test_a_warm_start_goes_on():
    cold = LogisticRegression(solver="newton-cg", tol=1e-10).fit(ROWS, Y)
    warm = LogisticRegression(solver="newton-cg", tol=1e-10, warm_start=True).fit(ROWS, Y)
    assert warm.fit(ROWS, Y).n_iter_[0] == 0 < cold.n_iter_[0]
    assert_allclose(warm.coef_, cold.coef_)


def test_sample_weights_are_routed():
    s = np.arange(M) % 3 + 1.0
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression(tol=1e-9).set_fit_request(sample_weight=True)
        inner.set_score_request(sample_weight=False)
        steps = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), inner)
        steps.fit(ROWS, Y, sample_weight=s)
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        search = LogisticRegressionCV(**{**CV, "scoring": scorer})
        search.set_fit_request(sample_weight=True).fit(ROWS, Y, sample_weight=s)
    plain = LogisticRegression(tol=1e-9).fit(StandardScaler().fit_transform(ROWS), Y, s)
    assert_allclose(steps[-1].coef_, plain.coef_)


def test_an_end_without_an_answer_is_reported():
    with pytest.warns(ConvergenceWarning, match="steps_exhausted after 1 steps"):
        LogisticRegression(max_iter=1, tol=1e-9).fit(ROWS, Y)
    line, labels = np.arange(12.0)[:, None], np.arange(12) > 5
    with pytest.warns(ConvergenceWarning, match="separable after .* feature 0"):
        LogisticRegression(C=np.inf).fit(line, labels)
    with pytest.warns(ConvergenceWarning, match="of 12 models did not converge"):
        LogisticRegressionCV(max_iter=1, tol=1e-9, **CV).fit(ROWS, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "converged" in LogisticRegression().fit(ROWS, Y).result_.message


WRONG = {
    "C": (LogisticRegression(C=-1), {}, "The 'C' parameter"),
    "penalty": (LogisticRegression(l1_ratio=2), {}, "The 'l1_ratio' parameter"),
    "a class weight": (
        LogisticRegression(class_weight={"maybe": 2}),
        {},
        r"classes, \['no', 'yes'\], are not in class_weight",
    ),
    "liblinear": (
        LogisticRegression(solver="liblinear"),
        {"y": np.arange(M) % 3},
        "'liblinear' solver does not support multiclass classification",
    ),
    "one class": (LogisticRegression(), {"y": np.ones(M)}, "only one class: 1.0"),
    "Cs": (LogisticRegressionCV(**{**CV, "Cs": [-1.0]}), {}, "Cs must"),
    "folds": (LogisticRegressionCV(**{**CV, "cv": M + 1}), {}, "n_splits=61 greater than"),
    "a fold without weight": (
        LogisticRegressionCV(**{**CV, "cv": [(np.arange(9), np.arange(9, M))]}),
        {"sample_weight": np.arange(M) >= 9},
        "fold 0 trains on no example with a weight",
    ),
    "scoring": (LogisticRegressionCV(**{**CV, "scoring": "f3"}), {}, "The 'scoring' parameter"),
    "memory": (
        LogisticRegressionCV(memory=10, **CV),
        {},
        r"memory is 10 bytes, but one of the \d+ models needs \d+: pass memory=",
    ),
    "parameters of a fit": (
        LogisticRegressionCV(**CV),
        {"groups": np.arange(M)},
        "is only supported if enable_metadata_routing=True",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input(name):
    estimator, given, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        estimator.fit(ROWS, **{"y": Y, **given})
