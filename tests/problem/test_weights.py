"""Weights of which only ratios count: any scale, any dtype, by every route."""

from itertools import product

import jax
import numpy as np
import pytest
import scipy.sparse
from cases import COUNTS, DTYPES, FAMILIES, Pieces

from jax_logreg import L1, L2, Status, fit
from jax_logreg.matrix import compress, stream
from jax_logreg.matrix.spread import power_of_two
from jax_logreg.problem.labels import encode
from jax_logreg.problem.weights import weigh
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

X, Y = COUNTS, FAMILIES["binomial"][0].astype(int)
S = np.random.default_rng(4).integers(1, 9, X.shape[1]).astype(float)
SETTINGS = {"penalty": L2(0.1), "tolerance": 1e-4}
# Powers of 2, and others, as far as float64 goes.
EXACT = (2.0**-1000, 2.0**-133, 2.0**133, 2.0**1000)
ROUNDED = (1e-300, 1e-40, 1e-6, 3.0, 1e40, 1e300)


def of_fit(s, dtype):
    return fit(X, Y, s=s, dtype=dtype, **SETTINGS)


def of_kind(make):
    return lambda s, dtype: fit(make(X.astype(dtype)), Y, s=s, dtype=dtype, **SETTINGS)


ROUTES = {
    "fit": of_fit,
    "class_weight": lambda s, dtype: fit(
        X, Y, s=s, dtype=dtype, class_weight="balanced", **SETTINGS
    ),
    "sparse": of_kind(scipy.sparse.csr_array),
    "compressed": of_kind(lambda X: compress(X, "float32")),
    "streamed": of_kind(lambda X: stream(Pieces(X), 16)),
    "devices": lambda s, dtype: fit(X, Y, s=s, dtype=dtype, devices=2, **SETTINGS),
    "fit_many": lambda s, dtype: fit_many(X, Y, s=np.stack([s, s[::-1]]), dtype=dtype, **SETTINGS),
    "cross_validate": lambda s, dtype: (
        cross_validate(X, Y, s=s, dtype=dtype, strengths=2, folds=2).scores
    ),
    "bootstrap": lambda s, dtype: bootstrap(X, Y, s=s, dtype=dtype, resamples=2, **SETTINGS),
    "path": lambda s, dtype: path(X, Y, s=s, dtype=dtype, strengths=2, penalty=L1).w,
}


def numbers(found):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found) if np.ndim(leaf)]


@pytest.mark.parametrize(
    ("route", "dtype"),
    [
        (route, dtype)
        for route, dtype in product(ROUTES, DTYPES)
        if route == "fit" or dtype == "float32"
    ],
)
def test_any_scale_is_the_same_model(route, dtype):
    """To the same bits where it is a power of 2, as nothing but exponents differ."""
    expected = numbers(ROUTES[route](S, dtype))
    some = slice(None) if route == "fit" else slice(None, None, 3)
    for scale in EXACT[some]:
        for one, other in zip(numbers(ROUTES[route](scale * S, dtype)), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    for scale in ROUNDED[some]:
        eps = np.finfo(dtype).eps
        for one, other in zip(numbers(ROUTES[route](scale * S, dtype)), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=2000 * eps, atol=2000 * eps)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float16", "float32"])
def test_weights_of_any_dtype_are_those_numbers(dtype):
    """Sums of uint8 wrapped round, and those of booleans were no counts."""
    s = (S > 3) if dtype == "bool" else (20 * S)
    given = encode(Y, *X.shape, "auto")
    for class_weight in (None, "balanced", {0: 3, 1: 1}):
        expected = weigh(s.astype(float), class_weight, *given)
        np.testing.assert_array_equal(weigh(s.astype(dtype), class_weight, *given), expected)
    rows = np.stack([s, s[::-1]])
    many = [
        fit_many(X, Y, s=part, class_weight="balanced", **SETTINGS).params.w
        for part in (rows.astype(float), rows.astype(dtype))
    ]
    np.testing.assert_array_equal(*many)


@pytest.mark.parametrize("factors", [{0: 1e-300, 1: 2e-300}, {0: 1e300, 1: 2e300}])
def test_the_scale_of_class_weights_changes_nothing(factors):
    expected = weigh(S, {0: 1, 1: 2}, *encode(Y, *X.shape, "auto"))
    found = weigh(1e-10 * S, factors, *encode(Y, *X.shape, "auto"))
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), rtol=1e-14)


def test_a_target_that_is_always_1_is_refused_under_any_weights(rng):
    """Two sums of the same numbers in another order may differ by rounding."""
    rows = np.stack([Y, np.ones_like(Y)])
    for _ in range(20):
        with pytest.raises(ValueError, match=r"Y\[1\] is the same for every example"):
            weigh(rng.random(Y.size), None, *encode(rows, X.shape[0], Y.size, "binomial"))


def test_powers_of_two():
    values = np.array([0, 5e-324, 0.75, 1, 1.5, 2, 3, 1e308])
    np.testing.assert_array_equal(power_of_two(values), [1, 5e-324, 0.5, 1, 1, 2, 2, 2.0**1023])


# Coupons redeemed of 500 at each of eleven reductions of a price.
REDUCTION = np.arange(5, 26, 2)
REDEEMED = np.array([100, 122, 147, 176, 211, 244, 277, 310, 343, 372, 391])


def grouped():
    """X (1, 22), Y (22,) and counts (22,)."""
    counts = np.concatenate([REDEEMED, 500 - REDEEMED])
    return np.tile(REDUCTION, 2)[None], np.repeat([1, 0], 11), counts


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1, 1e-40, 1e40])
def test_counts_as_weights(scale, dtype):
    """The log likelihoods that Stata prints for the grouped data."""
    X, Y, counts = grouped()
    found = fit(X, Y, s=scale * counts, dtype=dtype, tolerance=1e-7)
    assert found.status in (Status.CONVERGED, Status.PRECISION_FLOOR)
    digits = {"float32": 1e-5, "float64": 1e-7}[dtype]
    np.testing.assert_allclose(found.params.w[0, 0], 0.1357274, atol=10 * digits)
    np.testing.assert_allclose(found.params.b[0, 0], -2.0847543, atol=100 * digits)
    np.testing.assert_allclose(5500 * found.certificate.cost, 3375.6653, rtol=digits)
    share = counts[:11].sum() / 5500
    null = -5500 * (share * np.log(share) + (1 - share) * np.log(1 - share))
    np.testing.assert_allclose(null, 3811.128, atol=1e-3)


def test_counts_are_repeated_examples():
    X, Y, counts = grouped()
    settings = {"dtype": "float64", "penalty": L2(0.01), "tolerance": 1e-10}
    weighted = fit(X, Y, s=counts, **settings)
    repeated = fit(np.repeat(X, counts, axis=1), np.repeat(Y, counts), **settings)
    np.testing.assert_allclose(weighted.params.w, repeated.params.w, rtol=1e-9)
    np.testing.assert_allclose(weighted.certificate.cost, repeated.certificate.cost, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e40])
def test_an_estimator_of_as_much_smaller_C(scale):
    """C weighs a sum of losses, so that only C times the weights counts."""
    from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

    given = (X.T, Y, S)
    expected = LogisticRegression(C=0.1).fit(*given).coef_
    found = LogisticRegression(C=0.1 / scale).fit(X.T, Y, scale * S).coef_
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    settings = {"cv": 2, "scoring": "neg_log_loss", "use_legacy_attributes": False}
    settings["l1_ratios"] = (0,)
    expected = LogisticRegressionCV(Cs=[0.1, 10], **settings).fit(*given).scores_
    Cs = np.array([0.1, 10]) / scale
    found = LogisticRegressionCV(Cs=Cs, **settings).fit(X.T, Y, scale * S).scores_
    np.testing.assert_allclose(found, expected, rtol=1e-9)
