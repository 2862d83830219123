"""The entries of X: bad ones are named in any matrix, and sizes change nothing of a view."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from cases import COUNTS, DTYPES, FAMILIES, Pieces, precision

from jax_logreg import L2, LBFGS, Newton, Status, fit
from jax_logreg.errors import InputError
from jax_logreg.matrix import (
    Standardised,
    Transposed,
    arrange,
    compress,
    from_codes,
    from_scipy,
    stack,
    standardise,
    stream,
)

Y = FAMILIES["binomial"][0].astype(int)
ONES = np.ones(Y.size)
NAMES = [f"f{i}" for i in range(len(COUNTS))]
ABOUT = np.full((len(COUNTS), 1), 0.5), np.full((len(COUNTS), 1), 2.0)
SETTINGS = {"penalty": L2(0.1), "solver": Newton(), "tolerance": 1e-5}


def sparse(X):
    return scipy.sparse.csr_array(X)


def stacked(X):
    return stack([X[:2], from_scipy(sparse(X[2:]), "float32")])


# Matrices that hold X (n, m), and whether they take any entry: others refuse some.
HOLDERS = {
    "array": lambda X: X,
    "jax array": jnp.asarray,
    "transposed": lambda X: Transposed(X.T),
    "SciPy": sparse,
    "sparse": lambda X: from_scipy(sparse(X), "float32"),
    "compressed": lambda X: compress(X, "float32"),
    "bfloat16": lambda X: compress(X, "bfloat16"),
    "stacked": stacked,
    "streamed": lambda X: stream(Pieces(X), 16),
    "streamed by rows": lambda X: stream(Pieces(X, True), 16),
}
VIEWS = {name: HOLDERS[name] for name in HOLDERS if name != "transposed"}


def bad(value, where=(3, 7)):
    X = COUNTS.copy()
    X[where] = value
    return X


def refused(make, dtype, **settings):
    with pytest.raises(InputError) as caught:
        fit(make(), Y, dtype=dtype, feature_names=NAMES, **SETTINGS, **settings)
    line = str(caught.value)
    assert "\n" not in line and "gradient" not in line
    return line


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_not_finite_is_named(holder, value, dtype):
    make = HOLDERS[holder]
    views = {
        "as it is": lambda: make(bad(value)),
        "standardised": lambda: standardise(make(bad(value)), ONES),
        "about a mean": lambda: Standardised(make(bad(value)), *ABOUT),
    }
    for view in views.values():
        line = refused(view, dtype)
        assert "X[3, 7]" in line and str(value) in line
        # A compressed X is refused where no names are known yet.
        assert "feature 'f3'" in line or holder in ("compressed", "bfloat16")


@pytest.mark.parametrize("value", [1e30, 1e200])
@pytest.mark.parametrize("holder", [name for name in HOLDERS if name != "jax array"])
def test_what_is_beyond_the_dtype_is_named(holder, value):
    """1e30 is a float32, but its square is not."""
    line = refused(lambda: HOLDERS[holder](bad(value)), "float32")
    assert "X[3" in line
    if "f3" not in line:
        assert holder in ("compressed", "bfloat16") and value == 1e200


@pytest.mark.parametrize("holder", ["array", "SciPy", "streamed"])
def test_what_is_beyond_float64_is_named(holder):
    line = refused(lambda: HOLDERS[holder](bad(1e200)), "float64")
    assert "X[3]" in line and "f3" in line and "pass dtype" not in line


@pytest.mark.parametrize("spoilt", [0, np.nan, np.inf])
def test_a_scale_that_is_none_is_named(spoilt):
    mean, scale = (part.copy() for part in ABOUT)
    scale[3] = spoilt
    if spoilt == np.inf:
        mean, scale = scale, mean
    line = refused(
        lambda: Standardised(from_scipy(sparse(COUNTS), "float32"), mean, scale), "float32"
    )
    assert "feature 'f3' is not finite once it is standardised" in line


@pytest.mark.parametrize("devices", [2, {"features": 2}])
@pytest.mark.parametrize("view", [lambda X: X, lambda X: standardise(X, ONES)])
def test_bad_entries_are_named_over_devices(devices, view):
    line = refused(lambda: view(bad(np.nan)), "float32", devices=devices)
    assert "X[3, 7] is nan (feature 'f3', example 7)" in line


def test_bad_entries_of_features_before_and_after_categories():
    X = stack([from_codes([np.arange(60) % 3], [3]), bad(np.inf)])
    with pytest.raises(InputError, match=r"X\[6, 7\] is inf \(feature 6, example 7\)"):
        fit(X, Y)


def standard(X):
    return (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)


FORMED = standard(COUNTS)


@pytest.fixture(scope="module")
def expected():
    return fit(FORMED, Y, dtype="float64", **SETTINGS)


# Numbers as large as the holder has them: of float32, beyond it, and beyond the squares of float64.
FACTORS = {
    "array": (1e17, 1e-19, 1e150, 1e-150, 1e250, 1e-250),
    "SciPy": (1e17, 1e-19, 1e150, 1e-150),
    "sparse": (1e17, 1e-19, 1e30, 1e-30),
    "compressed": (1e17, 1e-19, 1e30, 1e-30),
    "jax array": (1e17, 1e-19, 1e30, 1e-30),
    "stacked": (1e17, 1e-19, 1e30, 1e-30),
    "streamed": (1e19, 1e-19, 1e150, 1e-150),
    "streamed by rows": (1e19, 1e-19),
}


@pytest.mark.parametrize(
    ("holder", "dtype"),
    [*((holder, "float32") for holder in FACTORS), ("array", "float64"), ("streamed", "float64")],
)
def test_a_view_of_any_size_is_the_same_model(holder, dtype, expected):
    for factor in (1, *FACTORS[holder]):
        view = standardise(HOLDERS[holder](COUNTS * factor), ONES)
        found = fit(view, Y, dtype=dtype, **SETTINGS)
        assert found.status is Status.CONVERGED and found.params.w.dtype == dtype
        # A view of what is float32 has lost some digits of its numbers less their mean.
        tolerance = 2e-5 if dtype == "float32" else 1e-9
        np.testing.assert_allclose(found.params.w, expected.params.w, rtol=0, atol=tolerance)
        np.testing.assert_allclose(found.params.b, expected.params.b, rtol=0, atol=tolerance)


# How far the mean may be above the deviation: as far as the holder has the digits.
FAR = dict.fromkeys(("array", "jax array", "streamed", "sparse", "stacked"), 2.0**20)
FAR |= {"array": 2.0**30, "streamed": 2.0**30, "SciPy": 2.0**30}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("holder", FAR)
def test_a_mean_far_above_the_deviation_costs_no_digits(holder, dtype, expected):
    """Seconds since 1970 in float32, for example."""
    X = COUNTS.copy()
    X[1::2] += FAR[holder]
    view = standardise(HOLDERS[holder](X), ONES)
    found = fit(view, Y, dtype=dtype, **SETTINGS)
    assert found.status is Status.CONVERGED
    tolerance = 2e-5 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(found.params.w, expected.params.w, rtol=0, atol=tolerance)
    found = fit(view, Y, dtype=dtype, penalty=L2(0.1), solver=LBFGS())
    assert found.status is Status.CONVERGED
    optimum = fit(FORMED, Y, dtype="float64", penalty=L2(0.1), solver=Newton())
    np.testing.assert_allclose(found.params.w, optimum.params.w, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", ["csr_array", "csc_array", "coo_array", "csr_matrix", "lil_array"])
def test_of_a_sparse_matrix_only_what_loses_digits_is_formed(make):
    X = np.eye(5, 40)
    X[2] = 1e9 + np.arange(40)
    S = getattr(scipy.sparse, make)(X)
    placed = arrange(standardise(S, np.ones(40)), "float32", None)
    assert placed.X.to_scipy().nnz == 4 + 40
    np.testing.assert_allclose(placed @ np.eye(40, dtype="float32"), standard(X), atol=1e-6)
    np.testing.assert_array_equal(S.toarray(), X)


def test_a_view_that_loses_digits_is_no_wrong_gradient(expected):
    """The sums before the mean is taken off are 10,000 times as large, and so is the rounding."""
    view = standardise(compress(1e4 + COUNTS, "float32"), ONES)
    found = fit(view, Y, dtype="float64", **SETTINGS)
    assert found.status is Status.CONVERGED and found.gradient_check.passed
    np.testing.assert_allclose(found.params.w, expected.params.w, rtol=0, atol=1e-7)


DATES = (
    "2011-03-03 2012-05-05 2014-02-02 2014-11-11 2015-06-06 2016-08-08 2017-06-06 2018-01-01 "
    "2019-12-12"
)
OF_DATES = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1])
# By Newton's method in float64 on years.
PROBABILITIES = [0.1395538, 0.1972704, 0.3131501, 0.3746618, 0.4226864]
PROBABILITIES += [0.5259275, 0.5978081, 0.6453799, 0.7835619]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("view", [False, True])
def test_nanoseconds_since_1970(view, dtype):
    """Integers of 1e18, which JAX's default integers do not hold."""
    X = np.array(DATES.split(), "datetime64[ns]").astype("int64")[None]
    given = standardise(X, np.ones(9)) if view else X
    found = fit(given, OF_DATES, dtype=dtype, tolerance=1e-6)
    rows = (X - X.mean()) / X.std() if view else X.astype(float)
    Z = np.asarray(found.params.w, float).T @ rows + np.asarray(found.params.b, float)
    np.testing.assert_allclose(1 / (1 + np.exp(-Z[0])), PROBABILITIES, atol=2e-5)


def test_the_moments_do_not_depend_on_jax(rng):
    """100,000 dates in float64 had an infinite scale: their squares are beyond float32."""
    X = 1.5e18 + 1e17 * rng.standard_normal((1, 100_000))
    s = rng.random(100_000)
    mean = np.average(X, axis=1, weights=s)
    for dtype in DTYPES:
        with precision(dtype):
            view = standardise(X, s)
            np.testing.assert_allclose(view.mean[:, 0], mean, rtol=1e-14)
            deviation = np.sqrt(np.average((X - mean) ** 2, axis=1, weights=s))
            np.testing.assert_allclose(view.scale[:, 0], deviation, rtol=1e-12)


@pytest.mark.parametrize("holder", VIEWS)
def test_moments_of_every_holder(holder, rng):
    s = np.round(2 * rng.random(60))
    X = COUNTS.copy()
    X[2, s > 0], X[4] = 3, 0
    view = standardise(VIEWS[holder](X), s)
    mean = X @ s / s.sum()
    deviation = np.sqrt((X - mean[:, None]) ** 2 @ s / s.sum())
    deviation[[2, 4]] = 1
    assert view.mean.dtype == view.scale.dtype == np.float64
    np.testing.assert_allclose(view.mean[:, 0], mean, rtol=1e-13)
    np.testing.assert_allclose(view.scale[:, 0], deviation, rtol=1e-13)
    traced = jax.jit(standardise)(jnp.asarray(X, "float32"), jnp.asarray(s[None], "float32"))
    np.testing.assert_allclose(view.scale, traced.scale, rtol=1e-5)


BAD_WEIGHTS = {
    "zeros": (np.zeros(60), "s is 0 for every example: expected a positive weight"),
    "too few": (np.ones(59), r"s has shape \(59,\): expected \(60,\) or \(1, 60\)"),
    "NaN": (np.full(60, np.nan), "s of example 0 is nan: expected a finite weight of at least 0"),
    "negative": (np.where(np.arange(60) == 7, -1.0, 1.0), "s of example 7 is -1.0: expected"),
    "text": (np.full(60, "1"), "s has dtype <U1: expected real numbers"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_of_a_view_that_are_none(name):
    s, message = BAD_WEIGHTS[name]
    with pytest.raises(InputError, match=message):
        standardise(COUNTS, s)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_feature_too_small_to_square_has_no_part(dtype):
    """The optimum is the start; nothing is to be divided by a square that is 0."""
    X, labels = np.zeros((2, 30)), np.repeat([0, 1], 15)
    X[0, 3] = 3.749e-208
    found = fit(X, labels, penalty=L2(1 / 30), dtype=dtype)
    assert found.status is Status.CONVERGED and found.steps == 0
    assert not found.params.w.any() and not found.params.b.any()
    np.testing.assert_allclose(found.certificate.cost, np.log(2), rtol=1e-6)
    free = fit(X, labels, dtype=dtype)
    assert free.status in (Status.CONVERGED, Status.SEPARABLE) and not free.params.w.any()
    swings = fit(np.array([[1, 1, 2, 2] * 2]), [2, 1] * 4, dtype=dtype)
    assert swings.status is Status.CONVERGED and swings.steps == 0 and swings.classes == (1, 2)
