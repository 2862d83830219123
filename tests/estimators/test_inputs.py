"""The containers that people have: nullable pandas, every format of SciPy, weights of classes."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model
from sklearn.model_selection import TimeSeriesSplit
from sklearn.multiclass import OneVsRestClassifier

from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV
from jax_logreg.sklearn.border import read

assert_allclose = np.testing.assert_allclose
RNG = np.random.default_rng(5)
ROWS = np.where(RNG.random((40, 4)) < 0.5, RNG.standard_normal((40, 4)), 0.0)
LABELS = (ROWS @ [1, -1, 0.5, 0] + 0.3 * RNG.standard_normal(40) > 0).astype(int)
PLAIN = {"tol": 1e-10}


@pytest.fixture(scope="module")
def plain():
    return LogisticRegression(**PLAIN).fit(ROWS, LABELS)


FORMATS = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_sparse_format(name, kind, plain):
    rows = getattr(sparse, f"{name}_{kind}")(ROWS)
    ours = LogisticRegression(**PLAIN).fit(rows, LABELS)
    assert_allclose(ours.coef_, plain.coef_, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(rows), plain.predict(ROWS))


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "bsr"])
def test_indices_of_64_bits(name, plain):
    rows = getattr(sparse, f"{name}_array")(ROWS)
    for attribute in ("indices", "indptr", "row", "col"):
        if hasattr(rows, attribute) and not isinstance(getattr(type(rows), attribute, 0), property):
            setattr(rows, attribute, getattr(rows, attribute).astype(np.int64))
    ours = LogisticRegression(**PLAIN).fit(rows, LABELS)
    assert_allclose(ours.coef_, plain.coef_, atol=1e-6)


TABLE = pd.DataFrame(
    {"a": [True, False, True, False] * 3, "b": [1, 2, 3, 4, 2, 3, 1, 5, 4, 1, 2, 2]}
)
TARGET = np.array([1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1])
NULLABLE = {
    "columns of their own": lambda t: t.astype({"a": "boolean", "b": object}),
    "convert_dtypes": lambda t: t.astype({"b": float}).convert_dtypes(),
    "Float64": lambda t: t.astype("Float64"),
    "Int64": lambda t: t.astype("Int64"),
}


@pytest.mark.parametrize("name", NULLABLE)
@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "category", "string"])
def test_nullable_tables(name, dtype):
    """scikit-learn#25953, #19889, #17675."""
    labels = pd.Series(TARGET).astype(bool if dtype == "boolean" else int).astype(dtype)
    expected = LogisticRegression(**PLAIN).fit(TABLE.to_numpy(float), TARGET)
    ours = LogisticRegression(**PLAIN).fit(NULLABLE[name](TABLE), labels)
    assert_allclose(ours.coef_, expected.coef_)
    found = ours.predict(NULLABLE[name](TABLE))
    assert set(found.tolist()) <= set(labels.tolist())
    np.testing.assert_array_equal(found == ours.classes_[1], expected.predict(TABLE.to_numpy()))


@pytest.mark.parametrize("kind", [LogisticRegression, LogisticRegressionCV])
@pytest.mark.parametrize("where", ["X", "y"])
def test_a_missing_value_is_reported(kind, where):
    settings = {} if kind is LogisticRegression else {"l1_ratios": (0,), "scoring": "accuracy"}
    if kind is LogisticRegressionCV:
        settings["use_legacy_attributes"] = False
    rows, labels = TABLE.astype("Int64"), pd.Series(TARGET).astype("Int64")
    if where == "X":
        rows.loc[2, "a"] = pd.NA
    else:
        labels[2] = pd.NA
    with pytest.raises(ValueError, match=rf"(?i)(input {where} contains|missing|NaN)") as caught:
        kind(**settings).fit(rows, labels)
    assert "ambiguous" not in str(caught.value)


def test_surplus_keys_of_class_weight():
    """scikit-learn#22413, #16050: a part of the data may lack a class that has a weight."""
    surplus = LogisticRegression(class_weight={0: 1, 1: 3, 2: 5, 3: 6}, **PLAIN)
    exact = LogisticRegression(class_weight={0: 1, 1: 3}, **PLAIN)
    assert_allclose(surplus.fit(ROWS, LABELS).coef_, exact.fit(ROWS, LABELS).coef_)
    four = np.arange(40) % 4
    weights = {0: 1, 1: 3, 2: 5, 3: 6}
    ours, theirs = (
        OneVsRestClassifier(kind(class_weight=weights, tol=1e-9)).fit(ROWS, four)
        for kind in (LogisticRegression, linear_model.LogisticRegression)
    )
    for mine, other in zip(ours.estimators_, theirs.estimators_, strict=True):
        assert_allclose(mine.coef_, other.coef_, atol=1e-4)


def test_a_class_of_y_without_a_weight_beside_surplus_keys():
    message = re.escape("classes, [1], are not in class_weight")
    for kind in (LogisticRegression, linear_model.LogisticRegression):
        with pytest.raises(ValueError, match=message):
            kind(class_weight={0: 1, 2: 5}).fit(ROWS, LABELS)


def test_splits_in_time_that_lack_a_class():
    labels = np.repeat([0, 1, 2], [16, 14, 10])
    search = LogisticRegressionCV(
        cv=TimeSeriesSplit(3),
        class_weight={0: 1, 1: 2, 2: 3},
        Cs=[0.1, 1.0],
        l1_ratios=(0,),
        scoring="accuracy",
        use_legacy_attributes=False,
    ).fit(ROWS, labels)
    assert search.scores_.shape == (3, 1, 2) and search.coef_.shape == (3, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_class_weight_that_is_none(value):
    with pytest.raises(ValueError, match=r"class_weight is .*finite numbers of at least 0"):
        LogisticRegression(class_weight={0: 1.0, 1: value}).fit(ROWS, LABELS)


def test_weights_that_leave_nothing():
    with pytest.raises(ValueError, match="at least one non-zero"):
        LogisticRegression().fit(ROWS, LABELS, np.zeros(40))
    with pytest.raises(ValueError, match="leave no example with a weight"):
        LogisticRegression(class_weight={0: 0, 1: 0}).fit(ROWS, LABELS)


def test_weights_of_zero_are_as_rows_left_out():
    s = (np.arange(40) % 3 > 0).astype(float)
    ours = LogisticRegression(**PLAIN).fit(ROWS, LABELS, s)
    expected = LogisticRegression(**PLAIN).fit(ROWS[s > 0], LABELS[s > 0])
    assert_allclose(ours.coef_, expected.coef_, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [linear_model.LogisticRegression, LogisticRegression])
def test_attributes_have_the_dtype_of_the_rows_and_can_be_written_to(kind, dtype):
    model = kind().fit(ROWS.astype(dtype), LABELS)
    assert model.coef_.dtype == model.intercept_.dtype == dtype
    assert model.predict_proba(ROWS.astype(dtype)).dtype == dtype
    model.coef_[:], model.intercept_[:] = 0, 0
    assert_allclose(model.predict_proba(ROWS.astype(dtype)), 0.5)
    model.coef_ = np.ones((1, 4), dtype)
    assert_allclose(model.decision_function(ROWS), ROWS.sum(axis=1), atol=1e-6)


@pytest.mark.parametrize("kind", [linear_model.LogisticRegressionCV, LogisticRegressionCV])
@pytest.mark.parametrize("refit", [True, False])
def test_attributes_of_a_search_can_be_written_to(kind, refit):
    search = kind(
        Cs=[1.0], cv=2, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False, refit=refit
    ).fit(ROWS.astype(np.float32), LABELS)
    search.coef_[:], search.intercept_[:], search.scores_[:], search.coefs_paths_[:] = 0, 0, 0, 0
    assert search.coef_.dtype == np.float64 == search.coefs_paths_.dtype


def test_a_smaller_tol_never_gives_a_worse_answer():
    """Published by glmnet, as in scikit-learn's own tests: the default has it to 1e-8."""
    rows = np.array([[-4, -3, -2, -1, 0, 1, 2, 3, 4], [0, 0, 1, 0, 1, 1, 1, 0, 0]]).T
    labels = [0, 0, 0, 1, 1, 1, 1, 1, 1]
    for tol in (1e-4, 1e-5, 1e-8, 1e-12):
        ours = LogisticRegression(C=1 / 9, tol=tol).fit(rows, labels)
        assert_allclose(ours.intercept_, 0.89230405539, rtol=1e-7)
        assert_allclose(ours.coef_, [[0.44464569182, 0.01457563448]], rtol=1e-7)
        assert ours.result_.certificate.relative_gap <= tol


@pytest.mark.parametrize(
    ("device", "kind", "shape"),
    [
        (None, np.array, (4, 40)),
        (None, sparse.csr_array, (4, 64)),
        ("cpu", np.array, (4, 64)),
    ],
)
def test_only_what_is_compiled_is_padded(device, kind, shape):
    rows = read(LogisticRegression(device=device), kind(ROWS), LABELS, None, one_model=True)
    assert rows.X.shape == shape and rows.weights.shape == rows.number.shape == shape[1:]
