"""NumPy computes what XLA compiles: one text, one answer, and which of them computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    Batch,
    ElasticNet,
    GradientDescent,
    Newton,
    Params,
    Proximal,
    Status,
    fit,
    forward,
)
from jax_logreg.evaluation.scores import SCORES
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, backprop, cost
from jax_logreg.matrix import Standardised
from jax_logreg.problem import executor
from jax_logreg.problem.placing import find_place
from jax_logreg.solver import basis
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

FAMILIES = {"binomial": (BINOMIAL, 1), "targets": (BINOMIAL, 3), "classes": (MULTINOMIAL, 3)}


def problem(k, n=4, m=60, family="binomial"):
    rng = np.random.default_rng([n, m, k])
    X, Z = rng.standard_normal((n, m)), rng.standard_normal((k, m))
    if family == "classes":
        return X, (Z.max(axis=0) == Z).astype(float)
    return X, (Z > 0).astype(float)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_hearts_text_runs_on_numpys_arrays(family, dtype):
    kind, k = FAMILIES[family]
    X, Y = problem(k, family=family)
    rng = np.random.default_rng(1)
    params = Params(30 * rng.standard_normal((4, k)), rng.standard_normal((k, 1)))
    params, batch = jax.tree.map(
        lambda a: a.astype(dtype), (params, Batch(X, Y, rng.random((1, 60))))
    )
    mine = backprop(params, batch, family=kind)
    with jax.enable_x64(dtype == "float64"):
        theirs = jax.jit(lambda *both: backprop(*both, family=kind))(params, batch)
    eps = np.finfo(dtype).eps
    for one, other in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert isinstance(one, np.ndarray | np.generic)
        assert one.dtype == other.dtype == dtype
        np.testing.assert_allclose(one, other, rtol=100 * eps, atol=100 * eps)
    assert cost(params, batch, family=kind) == mine[0]


@pytest.mark.parametrize("solver", [Newton(), LBFGS(), LBFGS(largest_gram=0)], ids=repr)
@pytest.mark.parametrize("penalty", [None, L2(1e-2), L2(1e-2, [1.0, 0.0, 2.0, 1.0])], ids=repr)
@pytest.mark.parametrize("family", FAMILIES)
def test_one_answer(family, penalty, solver):
    """The same steps to the same answer, in the dtype that was asked for."""
    _, k = FAMILIES[family]
    X, Y = problem(k, family=family)
    asked = {"penalty": penalty, "solver": solver, "gradient_check": "off"}
    asked["family"] = "multinomial" if family == "classes" else "binomial"
    mine, theirs = (fit(X, Y, executor=name, **asked) for name in ("numpy", "xla"))
    assert (mine.executor, theirs.executor) == ("numpy", "xla")
    assert mine.status == theirs.status == Status.CONVERGED
    assert abs(int(mine.steps) - int(theirs.steps)) <= 2
    np.testing.assert_allclose(mine.certificate.cost, theirs.certificate.cost, rtol=1e-5)
    for one, other in zip(mine.params, theirs.params, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=2e-3)
    rows = (mine.history, mine.certificate)
    assert {np.asarray(one).dtype for one in jax.tree.leaves(rows)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("family", "penalty", "size"),
    [
        ("binomial", L1(2e-2), 512),
        ("binomial", L1(2e-2, [1.0, 0.0] * 5), 4),
        ("targets", ElasticNet(2e-2, 0.5), 4),
        ("classes", L1(2e-2), 4),
        ("classes", ElasticNet(2e-2, 0.5), 512),
    ],
)
def test_one_answer_of_penalties_that_leave_features_out(family, penalty, size):
    _, k = FAMILIES[family]
    X, Y = problem(k, n=10, family=family)
    asked = {"penalty": penalty, "solver": Proximal(size), "gradient_check": "off"}
    asked["family"] = "multinomial" if family == "classes" else "binomial"
    mine, theirs = (fit(X, Y, executor=name, **asked) for name in ("numpy", "xla"))
    assert (mine.executor, theirs.executor) == ("numpy", "xla")
    assert mine.status == theirs.status == Status.CONVERGED
    np.testing.assert_allclose(mine.certificate.cost, theirs.certificate.cost, rtol=1e-5)
    np.testing.assert_allclose(mine.params.w, theirs.params.w, atol=2e-3)
    assert mine.params.w.dtype == np.float32


SWEEPS = {
    "many": lambda **given: fit_many(penalty=L2(np.array([1e-2, 1e-3, 1e-1])), **given),
    "weights": lambda s, **given: fit_many(penalty=L2(1e-2), s=s, **given),
    "path": lambda **given: path(strengths=4, smallest=0.1, **given).models,
    "smooth path": lambda **given: path(strengths=[0.1, 0.01], penalty=L2, **given).models,
    "folds": lambda **given: cross_validate(strengths=[0.1, 0.01], folds=2, **given).fold_models,
    "scaled": lambda **given: (
        cross_validate(strengths=[0.1], folds=2, standardise=True, **given).fold_models
    ),
    "resamples": lambda **given: bootstrap(resamples=3, penalty=L2(1e-2), **given).models,
}


@pytest.mark.parametrize(
    ("sweep", "family"),
    [(sweep, "binomial") for sweep in SWEEPS]
    + [(sweep, "classes") for sweep in ("many", "path", "folds")],
)
def test_one_answer_of_sweeps(sweep, family):
    _, k = FAMILIES[family]
    X, Y = problem(k, n=10, family=family)
    given = {"X": X, "Y": Y}
    if sweep == "weights":
        given["s"] = np.random.default_rng(0).integers(0, 3, (3, 60))
    mine, theirs = (SWEEPS[sweep](executor=name, **given) for name in ("numpy", "xla"))
    assert (mine.executor, theirs.executor) == ("numpy", "xla")
    assert mine.result(0).executor == "numpy"
    assert mine.status == theirs.status
    np.testing.assert_allclose(mine.certificate.cost, theirs.certificate.cost, rtol=1e-5)
    np.testing.assert_allclose(mine.params.w, theirs.params.w, atol=2e-3)
    assert mine.params.w.dtype == np.float32


@pytest.mark.parametrize("scoring", SCORES)
def test_one_score(scoring):
    X, Y = problem(3, family="classes")
    given = {"strengths": [0.01], "folds": 2, "scoring": scoring}
    mine, theirs = (cross_validate(X, Y, executor=name, **given) for name in ("numpy", "xla"))
    np.testing.assert_allclose(mine.scores, theirs.scores, rtol=1e-4)


def test_a_large_sweep_is_xlas(monkeypatch):
    X, Y = problem(1)
    strengths = L2(np.array([1e-2, 1e-3]))
    assert fit_many(X, Y, penalty=strengths).executor == "numpy"
    monkeypatch.setattr(executor, "_COMPILED", 1e-3)
    assert fit_many(X, Y, penalty=strengths).executor == "xla"


def test_a_sweep_of_very_many_features_is_xlas():
    """Its models take more steps, and NumPy may end a weak penalty at its rounding too soon."""
    place = find_place(None, None, one_model=False, executor="auto")

    def by_numpy(n, m):
        X = np.empty((n, m), np.float32)
        return executor.computes_in_numpy(X, (n, m, 1), BINOMIAL, place, models=60)

    assert by_numpy(200, 20_000) and by_numpy(executor._WHOLE, 1_000)
    assert not by_numpy(5_000, 2_000)
    assert executor._WHOLE == basis._LARGEST


@pytest.mark.parametrize("m", [60, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_features_than_examples_and_back(dtype, m):
    X, Y = problem(1, n=8, m=m)
    Y[0, :2] = 0, 1
    asked = {"penalty": L2(1e-2), "solver": LBFGS(), "dtype": dtype, "tolerance": 1e-6}
    mine, theirs = (fit(X, Y, executor=name, **asked) for name in ("numpy", "xla"))
    np.testing.assert_allclose(mine.params.w, theirs.params.w, atol=1e-3)
    assert mine.params.w.dtype == dtype
    assert mine.gradient_check.passed


def test_nothing_is_compiled(compilations):
    X, Y = problem(1)
    fit_many(X, Y, penalty=L2(np.array([1e-2, 1e-3])))
    cross_validate(X, Y, strengths=2, folds=2, standardise=True)
    path(X, Y, strengths=3)
    fit(X, Y, penalty=L1(1e-2), gradient_check="off")
    fit(X, Y, penalty=L2(1e-2), gradient_check="off")
    fit(X, Y, solver="lbfgs", penalty=L2(1e-2), gradient_check="off", dtype="float64")
    assert not compilations
    # `jax.grad` is JAX's: one program for both ends.
    found = fit(X, Y, penalty=L2(1e-2))
    assert len(compilations) == 1
    found.predict_proba(X)
    found.predict(X.tolist())
    assert len(compilations) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", FAMILIES)
def test_one_prediction(family, dtype):
    kind, k = FAMILIES[family]
    X, _ = problem(k)
    rng = np.random.default_rng(1)
    params = Params(rng.standard_normal((4, k)), rng.standard_normal((k, 1)))
    params = jax.tree.map(lambda part: part.astype(dtype), params)
    mine = forward(params, X, kind)
    with jax.enable_x64(dtype == "float64"):
        theirs = forward(jax.tree.map(jnp.asarray, params), X, kind)
    assert isinstance(mine, np.ndarray) and isinstance(theirs, jax.Array)
    assert mine.dtype == theirs.dtype == dtype
    np.testing.assert_allclose(mine, theirs, rtol=100 * np.finfo(dtype).eps)


def test_a_wrong_gradient_is_found(monkeypatch):
    def wrong(params, batch, total=None, family=BINOMIAL):
        J, (dw, db) = backprop(params, batch, total, family)
        return J, Params(1.01 * dw, db)

    monkeypatch.setattr("jax_logreg.proof.gradient_check.backprop", wrong)
    found = fit(*problem(1), penalty=L2(1e-2), executor="numpy")
    assert found.status == Status.GRADIENT_CHECK_FAILED


def test_refined_and_sharpened():
    X, Y = problem(1)
    found = fit(X, Y, penalty=L2(1e-3), refine=True, sharpen=True, executor="numpy")
    assert found.params.w.dtype == np.float64
    assert found.certificate.gap < 1e-9


def test_separable_and_collinear_data_are_named():
    X, Y = problem(1)
    X[0] = Y[0]
    found = fit(X, Y, executor="numpy")
    assert found.status == Status.SEPARABLE
    X[0] = X[1]
    assert "Feature 1" in fit(X, Y, executor="numpy").message


X, Y = problem(1)
OTHERS = {
    "descent": {"solver": GradientDescent(0.1)},
    "device": {"device": "cpu"},
    "devices": {"devices": 1},
    "sparse": {"X": scipy.sparse.csr_matrix(X)},
    "of JAX": {"X": jnp.asarray(X)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_numpy_does_not_compute(other):
    given = {"X": X, "Y": Y, "steps": 2, **OTHERS[other]}
    assert fit(**given).executor == "xla"
    with pytest.raises(ValueError, match=r"^executor is 'numpy', but .*: expected 'auto' or 'xla'"):
        fit(**given, executor="numpy")


@pytest.mark.parametrize("wrong", ["jax", None, 1])
def test_no_executor(wrong):
    with pytest.raises(ValueError, match=r"^executor is .*: expected 'auto', 'numpy' or 'xla'"):
        fit(X, Y, executor=wrong)


@pytest.mark.parametrize(
    "same",
    [lambda X: X.tolist(), np.asfortranarray, lambda X: Standardised(X, *np.zeros((2, 4, 1)) + 1)],
    ids=["list", "columns", "view"],
)
def test_what_numpy_does(same):
    X = np.random.default_rng(0).standard_normal((4, 60))
    found = fit(same(X), Y, penalty=L2(1e-2))
    assert found.executor == "numpy"
    other = fit(same(X), Y, penalty=L2(1e-2), executor="xla")
    np.testing.assert_allclose(found.params.w, other.params.w, atol=1e-4)


def test_many_examples_are_xlas(monkeypatch):
    monkeypatch.setattr(executor, "_FEW", 59)
    assert fit(X, Y, steps=1).executor == "xla"
    monkeypatch.setattr(executor, "_FEW", 60)
    assert fit(X, Y, steps=1).executor == "numpy"


def test_many_examples_of_classes_are_xlas(monkeypatch):
    labels = np.arange(60) % 3
    monkeypatch.setattr(executor, "_FEW_OF_CLASSES", 179)
    assert fit(X, labels, steps=1).executor == "xla"
    monkeypatch.setattr(executor, "_FEW_OF_CLASSES", 180)
    assert fit(X, labels, steps=1).executor == "numpy"


def test_what_was_given_stays_as_it_was():
    given = np.ascontiguousarray(X), Y.copy()
    fit(*given, dtype="float64", penalty=L2(1e-2), executor="numpy")
    np.testing.assert_array_equal(given[0], X)
    np.testing.assert_array_equal(given[1], Y)
