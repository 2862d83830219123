"""Predictions of a result: its own family, dtype and classes, for an X of any kind."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from cases import COUNTS, DTYPES, FAMILIES, Pieces

from jax_logreg import L2, Batch, Newton, Params, fit, forward, solve
from jax_logreg.errors import InputError
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.matrix import Standardised, Transposed, compress, stack, standardise, stream
from jax_logreg.sweep import bootstrap, fit_many

X = COUNTS
SETTINGS = {"penalty": L2(0.1), "solver": Newton(), "gradient_check": "off"}
# name: labels, the argument family, and what the classes are
TASKS = {
    "two classes": (np.array(["no", "yes"])[FAMILIES["binomial"][0].astype(int)], "auto"),
    "booleans": (FAMILIES["binomial"][0] > 0, "auto"),
    "a row": (FAMILIES["binomial"], "auto"),
    "two of a softmax": (FAMILIES["binomial"][0].astype(int) + 5, "multinomial"),
    "three classes": (np.array(["a", "b", "c"])[FAMILIES["multinomial"].argmax(axis=0)], "auto"),
    "targets": (FAMILIES["independent"], "binomial"),
}


def reference(result, X):
    """Logits, probabilities and predictions in NumPy's float64."""
    w, b = (np.asarray(part, np.float64) for part in result.params)
    Z = w.T @ X + b
    classes = np.array(result.classes)
    if result.family is MULTINOMIAL:
        E = np.exp(Z - Z.max(axis=0))
        return Z, E / E.sum(axis=0), classes[Z.argmax(axis=0)]
    A = 1 / (1 + np.exp(-Z))
    return Z, A, classes[(Z[0] > 0).astype(int)] if len(Z) == 1 else (Z > 0).astype(int)


def agrees(result, X, rows, dtype):
    Z, A, labels = reference(result, rows)
    found = result.decision_function(X), result.predict_proba(X)
    for one, expected in zip(found, (Z, A), strict=True):
        assert isinstance(one, np.ndarray) and one.dtype == dtype
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(one, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(result.predict(X), labels)
    assert result.predict(X).dtype.kind == labels.dtype.kind


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("task", TASKS)
def test_of_every_family_in_its_dtype(task, dtype):
    Y, family = TASKS[task]
    result = fit(X, Y, family=family, dtype=dtype, **SETTINGS)
    agrees(result, X, X, dtype)
    agrees(result, X[:, :7].tolist(), X[:, :7], dtype)
    if result.family is MULTINOMIAL:
        np.testing.assert_allclose(result.predict_proba(X).sum(axis=0), 1, rtol=1e-6)
    of_each = fit_many(X, Y, family=family, dtype=dtype, penalty=L2(np.array([0.1, 0.2])))
    agrees(of_each.result(1), X, X, dtype)


KINDS = {
    "int64": lambda X: X.astype("int64"),
    "beyond int32": lambda X: X.astype("int64") * 2**40,
    "float32": lambda X: X.astype("float32"),
    "jax": jnp.asarray,
    "SciPy": scipy.sparse.csc_array,
    "transposed": lambda X: Transposed(X.T),
    "compressed": lambda X: compress(X, "uint8"),
    "streamed": lambda X: stream(Pieces(X), 16),
    "stacked": lambda X: stack([X[:2], compress(X[2:], "uint8")]),
    "standardised": lambda X: Standardised(X, np.ones((6, 1)), np.full((6, 1), 2)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_of_an_X_of_every_kind(kind, dtype):
    """Outside of enable_x64 too: w in float64 and X in float64 make Z in float64."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(dtype == "float64"):
        params = Params(jnp.asarray(rng.standard_normal((6, 3)), dtype), jnp.ones((3, 1), dtype))
    rows = {"beyond int32": X * 2.0**40, "standardised": (X - 1) / 2}.get(kind, X)
    Z = np.asarray(params.w, float).T @ rows + 1
    for family in (BINOMIAL, MULTINOMIAL):
        A = forward(params, KINDS[kind](X), family)
        E = np.exp(Z - Z.max(axis=0))
        expected = (
            E / E.sum(axis=0) if family is MULTINOMIAL else 1 / (1 + np.exp(-np.clip(Z, -700, 700)))
        )
        assert A.dtype == dtype
        np.testing.assert_allclose(A, expected, atol=2e-5 if dtype == "float32" else 1e-12)


def test_of_new_examples_of_a_standardised_fit():
    view = standardise(X, np.ones(60))
    Y = FAMILIES["binomial"][0].astype(int)
    result = fit(view, Y, dtype="float64", **SETTINGS)
    later = Standardised(X[:, 20:30], view.mean, view.scale)
    agrees(result, later, (X[:, 20:30] - view.mean) / view.scale, "float64")


def test_of_solve_and_in_a_trace():
    Y = FAMILIES["multinomial"]
    batch = Batch(*(jnp.asarray(a, "float32") for a in (X, Y, np.ones((1, 60)))))
    start = Params(jnp.zeros((6, 3)), jnp.zeros((3, 1)))

    @jax.jit
    def predicted(batch):
        result = solve(start, batch, solver=Newton(), steps=3, penalty=L2(0.1), family=MULTINOMIAL)
        return result, result.predict_proba(batch.X), result.predict(batch.X)

    result, A, numbers = predicted(batch)
    np.testing.assert_allclose(A, result.predict_proba(X), rtol=1e-4)
    np.testing.assert_array_equal(numbers, result.predict(X))
    np.testing.assert_array_equal(numbers, A.argmax(axis=0))


def test_of_a_bootstrap_and_over_devices():
    Y = np.array(["a", "b", "c"])[FAMILIES["multinomial"].argmax(axis=0)]
    found = bootstrap(X, Y, resamples=2, penalty=L2(0.1), tolerance=1e-3)
    agrees(found.result, X, X, "float32")
    agrees(found.models.result(0), X, X, "float32")
    agrees(fit(X, Y, devices=2, **SETTINGS), X, X, "float32")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (X.T, r"X has shape \(60, 6\): expected \(6, m\).*did you mean X\.T\?"),
        (X[0], r"X has shape \(60,\): expected \(6, m\)"),
        (X[:, 0], r"one example is X\.reshape\(-1, 1\)"),
        (np.where(np.arange(60) == 7, np.nan, X), r"X\[0, 7\] is nan"),
    ],
)
def test_what_is_no_X_of_this_model(given, message):
    result = fit(X, FAMILIES["binomial"], **SETTINGS)
    for method in (result.predict, result.predict_proba, result.decision_function):
        with pytest.raises(InputError, match=message) as caught:
            method(given)
        assert "\n" not in str(caught.value)


def test_a_result_is_pickled():
    """Its family has functions that no pickle takes."""
    labels, family = TASKS["three classes"]
    result = fit(X, labels, family=family, **SETTINGS)
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.predict_proba(X), result.predict_proba(X))
