"""The ends of runs, and the messages on data that have no finite or no single optimum."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, LBFGS, ElasticNet, GradientDescent, Newton, Status, fit
from jax_logreg.proof import diagnosis as module
from jax_logreg.sweep import fit_many, path

assert_allclose = np.testing.assert_allclose
X, Y = COUNTS, FAMILIES["binomial"]
CLASSES = FAMILIES["multinomial"].argmax(axis=0)
SETTINGS = {"gradient_check": "off"}


def complete():
    """Feature 2 alone determines the labels."""
    X = COUNTS.copy()
    X[2] = np.where(Y[0] > 0, 1, -1) * (1 + np.arange(60) % 3)
    return X, Y[0], (2,)


def quasi():
    """Feature 4 is above 0 for some examples of class 1 and for none of class 0."""
    X = COUNTS.copy()
    X[4] = (Y[0] > 0) * (np.arange(60) % 2)
    return X, Y[0], (4,)


def multinomial():
    """Feature 1 separates class 2 from the others, which overlap."""
    X = COUNTS.copy()
    X[1] = np.where(CLASSES == 2, 5, 0) + np.arange(60) % 2
    return X, CLASSES, (1,)


SEPARABLE = {
    "complete": (complete, "ompletely"),
    "quasi-complete": (quasi, "uasi-completely"),
    "multinomial": (multinomial, "completely"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", SEPARABLE)
def test_separable_classes_are_reported_with_their_features(kind, dtype):
    make, word = SEPARABLE[kind]
    X, labels, features = make()
    for tolerance in (1e-4, 1e-6):
        result = fit(X, labels, solver=Newton(), tolerance=tolerance, dtype=dtype, **SETTINGS)
        assert result.status is Status.SEPARABLE
        assert word in result.message and f"feature {features[0]}" in result.message
        assert "\n" not in result.message and "L2(1e-4)" in result.message


def test_features_are_called_by_their_names():
    X, labels, features = complete()
    names = [f"a name\nof {j}" for j in range(len(X))]
    separable = fit(X, labels, solver=Newton(), feature_names=names, **SETTINGS)
    assert f"feature a name of {features[0]}." in separable.message
    doubled = fit(np.vstack([X, X[0]]), np.arange(60) % 2, feature_names=[*names, "x"], **SETTINGS)
    assert any(
        "Feature x is a linear combination of feature a name of 0" in n for n in doubled.notes
    )


def test_rows_of_a_data_frame_are_called_by_their_names():
    pandas = pytest.importorskip("pandas")
    X, labels, features = complete()
    names = [f"column {j}" for j in range(len(X))]
    table = pandas.DataFrame(X.T, columns=names)
    assert f"feature column {features[0]}." in fit(table.T, labels, **SETTINGS).message
    other = fit(table.T, labels, feature_names=[f"x{j}" for j in range(len(X))], **SETTINGS)
    assert f"feature x{features[0]}." in other.message
    free = np.ones(6)
    free[2] = 0
    settings = {"penalty": L2(1.0, free), "steps": 30}
    found = path(table.T, labels, strengths=[0.1], **settings)
    assert found.notes == (("The classes are completely separable by feature column 2.",),)
    (notes,) = fit_many(table.T, labels, **settings).notes
    assert notes == found.notes[0]
    # Rows that are numbered have no names.
    assert "by feature 2." in fit(pandas.DataFrame(X), labels, **SETTINGS).message


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], "feature_names has 1 names: expected {n}, one for each row of X"),
        ("abc", "feature_names is 'abc': expected a list of names"),
        (7, "feature_names is 7: expected a list of names"),
    ],
)
def test_names_that_do_not_fit(names, words):
    X, labels, _ = complete()
    with pytest.raises(ValueError, match=words.format(n=len(X))):
        fit(X, labels, feature_names=names, **SETTINGS)


@pytest.mark.parametrize("kind", SEPARABLE)
def test_never_separable_with_a_penalty_or_without_a_tolerance(kind):
    X, labels, _ = SEPARABLE[kind][0]()
    penalised = fit(X, labels, penalty=L2(0.01), solver=Newton(), **SETTINGS)
    assert penalised.status is Status.CONVERGED and not penalised.notes
    endless = fit(X, labels, solver=Newton(), tolerance=0, steps=5, **SETTINGS)
    assert endless.status is Status.STEPS_EXHAUSTED and not endless.notes


def test_separable_by_a_feature_without_penalty():
    X, labels, _ = complete()
    free, other = np.ones(6), np.ones(6)
    free[2], other[3] = 0, 0
    separable = fit(X, labels, penalty=L2(0.1, free), solver=Newton(), steps=50, **SETTINGS)
    assert separable.status is Status.SEPARABLE and "feature 2" in separable.message
    kept = fit(X, labels, penalty=L2(0.1, other), solver=Newton(), steps=50, **SETTINGS)
    assert kept.status is Status.CONVERGED


def test_not_separable_where_the_examples_that_overlap_do_count():
    X, labels, _ = complete()
    labels, few = labels.copy(), slice(3, 60, 7)
    labels[few] = 1 - labels[few]
    assert fit(X, labels, solver=Newton(), **SETTINGS).status is Status.CONVERGED
    s = np.ones(60)
    s[few] = 0
    assert fit(X, labels, s=s, solver=Newton(), **SETTINGS).status is Status.SEPARABLE


def test_without_the_search_separation_goes_unseen(monkeypatch):
    monkeypatch.setattr(module, "find_separation", lambda *args, **settings: None)
    X, labels, _ = complete()
    assert fit(X, labels, solver=Newton(), **SETTINGS).status is not Status.SEPARABLE


def duplicated():
    X = COUNTS.copy()
    X[5] = X[1]
    return X


def constant():
    X = COUNTS.copy()
    X[3] = 2.5
    return X


def combined():
    X = COUNTS.copy()
    X[4] = 2 * X[0] - X[2] + 3
    return X


def several():
    X = combined()
    X[5], X[3] = 2.5, -1
    return X


UNIQUE = "single coefficients are not unique, predictions are."
COLLINEAR = {
    "duplicated": (
        duplicated,
        f"Feature 5 is a linear combination of feature 1: {UNIQUE}",
        f"Feature 5 is a linear combination of feature 1: {UNIQUE}",
    ),
    "constant": (
        constant,
        "Feature 3 is constant and belongs to the intercept, with which it is collinear: the data "
        "do not determine its own coefficient.",
        None,
    ),
    "combined": (
        combined,
        f"Feature 4 is a linear combination of features 0 and 2 and the intercept: {UNIQUE}",
        None,
    ),
    "several": (
        several,
        "Features 3 and 5 are constant and belong to the intercept, with which they are collinear: "
        "the data do not determine their own coefficients. Feature 4 is a linear combination of "
        f"features 0 and 2 and the intercept: {UNIQUE}",
        f"Features 4 and 5 are linear combinations of features 0, 2 and 3: {UNIQUE}",
    ),
}


@pytest.mark.parametrize("kind", COLLINEAR)
def test_collinear_features_are_named(kind):
    make, *expected = COLLINEAR[kind]
    for intercept, words in zip((True, False), expected, strict=True):
        result = fit(make(), Y, solver=Newton(), fit_intercept=intercept, **SETTINGS)
        assert result.status is Status.CONVERGED
        assert " ".join(result.notes) == (words or "")
        assert result.message.endswith(words or "") and np.isfinite(result.params.w).all()
    assert not fit(make(), Y, penalty=L2(0.01), solver=Newton(), **SETTINGS).notes
    assert not fit(X, Y, solver=Newton(), **SETTINGS).notes


def test_collinear_features_among_those_without_penalty():
    factors = np.array([0, 1, 0, 1, 0, 1.0])
    settings = {"penalty": L2(0.1, factors), "solver": Newton(), **SETTINGS}
    (note,) = fit(combined(), Y, **settings).notes
    assert note.startswith("Feature 4 is a linear combination of features 0 and 2 and the inter")
    assert not fit(duplicated(), Y, **settings).notes


# Of statsmodels#659: separable, and collinear beside it.
BOTH = np.array([[1, 0, 1], [1, 0, 1], [1, 2, 1], [1, 1, 1.0]]).T


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "auto", GradientDescent(0.5)])
@pytest.mark.parametrize("intercept", [True, False])
def test_collinear_features_are_named_beside_separation(intercept, solver):
    for steps in (3, 1000):
        settings = {"solver": solver, "fit_intercept": intercept, "steps": steps, **SETTINGS}
        result = fit(BOTH, [1, 1, 0, 0], **settings)
        assert result.status is Status.SEPARABLE
        separation, note = result.notes
        assert "eparable by feature" in separation and "1" in separation.split(":")[0]
        if intercept:
            assert note.startswith("Features 0 and 2 are constant and belong to the intercept")
        else:
            assert note.startswith("Feature 2 is a linear combination of feature 0: single coeff")
        # Separable data have no final predictions.
        assert "predictions are" not in note
    names = ["one", "dose", "one too"]
    named = fit(BOTH, [1, 1, 0, 0], feature_names=names, fit_intercept=intercept, **SETTINGS)
    assert "dose" in named.notes[0] and "one too" in named.notes[1]


def test_steps_exhausted():
    result = fit(X, Y, solver=GradientDescent(0.1), tolerance=1e-6, steps=20, **SETTINGS)
    assert result.status is Status.STEPS_EXHAUSTED and result.steps == 20


FLOORS = {
    "Newton, none": (Newton(), None),
    "Newton, L2": (Newton(), L2(0.05)),
    "LBFGS, L2": (LBFGS(), L2(0.05)),
    "Proximal, L1": ("proximal", L1(0.02)),
    "Proximal, ElasticNet": ("proximal", ElasticNet(0.02, 0.5)),
}


@pytest.mark.parametrize("floor", FLOORS)
def test_float32_ends_at_its_floor(floor):
    solver, penalty = FLOORS[floor]
    result = fit(X, Y, solver=solver, penalty=penalty, tolerance=1e-30, **SETTINGS)
    # A gap of exactly 0 is below every tolerance.
    assert result.status is Status.PRECISION_FLOOR or result.certificate.gap == 0, result.message
    assert result.steps <= 100
    if result.status is Status.PRECISION_FLOOR:
        assert "float64" in result.message


def test_a_tolerance_of_zero_has_no_floor():
    result = fit(X, Y, solver=Newton(), tolerance=0, steps=60, **SETTINGS)
    assert result.status is Status.STEPS_EXHAUSTED and result.steps == 60


REFINED = {
    "L2": (Y[0], "newton", L2(0.05)),
    "L1": (Y[0], "proximal", L1(0.02)),
    "multinomial": (CLASSES, "newton", L2(0.05)),
    "none": (Y[0], "newton", None),
}


@pytest.mark.parametrize("kind", REFINED)
def test_refined_to_ten_digits(kind):
    labels, solver, penalty = REFINED[kind]
    settings = SETTINGS | {"solver": solver, "penalty": penalty, "tolerance": 1e-2}
    rough = fit(X, labels, **settings)
    result = fit(X, labels, refine=True, **settings)
    assert result.status is Status.CONVERGED and result.params.w.dtype == "float64"
    assert result.steps > rough.steps and len(result.history.cost) == result.steps
    assert_allclose(result.history.cost[: rough.steps], rough.history.cost, rtol=1e-6)
    measure = (
        result.certificate.gradient_norm if penalty is None else result.certificate.relative_gap
    )
    assert measure <= 1e-10 < 1e-4
    assert "refined" in result.solver
    exact = fit(X, labels, **settings | {"dtype": "float64", "tolerance": 1e-12})
    assert_allclose(result.params.w, exact.params.w, atol=1e-4)
    assert_allclose(result.certificate.cost, exact.certificate.cost, rtol=1e-9)


def test_refined_within_the_steps():
    result = fit(X, Y, solver=GradientDescent(0.1), tolerance=1e-2, steps=300, refine=True)
    assert result.status is Status.STEPS_EXHAUSTED and result.steps == 300
    assert len(result.history.cost) == 300
    with pytest.raises(ValueError, match="refine is 1"):
        fit(X, Y, refine=1)
