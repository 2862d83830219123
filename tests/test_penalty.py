"""Penalties against scikit-learn's coefficients, and the exact zeros of L1."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from cases import COUNTS, FAMILIES, PENALTY_FACTORS, Plain
from sklearn.linear_model import LogisticRegression

from jax_logreg import L1, L2, ElasticNet, Status, fit
from jax_logreg import penalty as module
from jax_logreg.pytree import pytree

assert_allclose = np.testing.assert_allclose
X = (COUNTS - COUNTS.mean(axis=1, keepdims=True)) / COUNTS.std(axis=1, keepdims=True)
LABELS = {"binomial": FAMILIES["binomial"][0], "multinomial": FAMILIES["multinomial"].argmax(0)}
S = np.random.default_rng(3).random(X.shape[1]) + 0.1
SETTINGS = {"dtype": "float64", "gradient_check": "off", "tolerance": 1e-14}


def sklearn_model(labels, penalty, C, intercept=True, s=None, **settings):
    """Scikit-learn's coefficients (n, k) and intercepts (k, 1), as far as its solvers go."""
    ratio = {"L2": 0.0, "L1": 1.0, "ElasticNet": 0.5, "none": 0.0}[penalty]
    solver = "newton-cg" if ratio == 0 else "saga"
    model = LogisticRegression(
        C=np.inf if penalty == "none" else C,
        l1_ratio=ratio,
        solver=solver,
        fit_intercept=intercept,
        tol=1e-10 if ratio == 0 else 1e-12,
        max_iter=100_000,
        random_state=0,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X.T, labels, sample_weight=s)
    return model.coef_.T, np.reshape(model.intercept_, (-1, 1))


def penalty_of(name, C, total):
    strength = 1 / (C * total)
    return {
        "none": None,
        "L2": L2(strength),
        "L1": L1(strength),
        "ElasticNet": ElasticNet(strength, 0.5),
    }[name]


# penalty, family, intercept, weights: each level of each once at least
AGAINST_SKLEARN = [
    ("none", "binomial", True, None),
    ("none", "multinomial", False, S),
    ("L2", "binomial", True, S),
    ("L2", "multinomial", True, None),
    ("L2", "multinomial", False, S),
    ("L1", "binomial", True, S),
    ("L1", "binomial", False, None),
    ("L1", "multinomial", True, None),
    ("ElasticNet", "binomial", True, S),
    ("ElasticNet", "multinomial", False, S),
]


@pytest.mark.parametrize(("penalty", "family", "intercept", "s"), AGAINST_SKLEARN)
def test_the_coefficients_of_scikit_learn(penalty, family, intercept, s):
    labels, C = LABELS[family], 0.7
    total = X.shape[1] if s is None else s.sum()
    result = fit(
        X,
        labels,
        s=s,
        penalty=penalty_of(penalty, C, total),
        fit_intercept=intercept,
        **SETTINGS,
    )
    w, b = sklearn_model(labels, penalty, C, intercept, s)
    found = np.asarray(result.params.w), np.asarray(result.params.b)
    if family == "multinomial":
        # Adding a number to every class changes no prediction.
        b, found = b - b.mean(), (found[0], found[1] - found[1].mean())
        if penalty == "none":
            w, found = (
                w - w.mean(1, keepdims=True),
                (found[0] - found[0].mean(1)[:, None], found[1]),
            )
        if penalty == "L2":
            assert_allclose(found[0].sum(axis=1), 0, atol=1e-9)
    assert_allclose(found[0], w, atol=1e-6)
    assert_allclose(found[1], b if intercept else 0, atol=1e-6)


@pytest.mark.parametrize("family", LABELS)
@pytest.mark.parametrize("weights", ["balanced", "dict", "dict and s"])
def test_class_weight_of_scikit_learn(weights, family):
    labels, C = LABELS[family], 2.0
    class_weight = "balanced" if weights == "balanced" else {0: 0.5, 1: 3.0}
    s = S if weights == "dict and s" else None
    base = np.ones(X.shape[1]) if s is None else s
    count = len(set(labels))
    if weights == "balanced":
        factors = base.sum() / (count * np.bincount(labels.astype(int), base))
    else:
        factors = np.array([0.5, 3.0, 1.0])
    total = (base * factors[labels.astype(int)]).sum()
    settings = SETTINGS | {"penalty": penalty_of("L2", C, total)}
    result = fit(X, labels, s=s, class_weight=class_weight, **settings)
    w, _ = sklearn_model(labels, "L2", C, s=s, class_weight=class_weight)
    assert_allclose(result.params.w, w, atol=1e-6)
    plain = fit(X, labels, s=base * factors[labels.astype(int)], **settings)
    assert_allclose(plain.params.w, result.params.w, rtol=1e-9)


ZEROS = {
    "L1": L1(0.03),
    "ElasticNet": ElasticNet(0.04, 0.8),
    "factors": L1(0.02, PENALTY_FACTORS + 0.5),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("penalty", ZEROS)
def test_what_is_zero_at_the_optimum_is_zero(penalty, family):
    Y, chosen = FAMILIES[family], ZEROS[penalty]
    plain = Plain(X, Y, None, chosen.l1, chosen.l2, classes=family == "multinomial")
    optimum = plain.optimum()
    assert (optimum.w == 0).any() and (optimum.w != 0).any()
    kind = "multinomial" if family == "multinomial" else "binomial"
    dtype, tolerance = ("float64", 1e-10) if penalty == "ElasticNet" else ("float32", 1e-5)
    settings = SETTINGS | {"dtype": dtype, "tolerance": tolerance}
    result = fit(X, Y, family=kind, penalty=chosen, **settings)
    assert result.status is Status.CONVERGED
    assert ((np.asarray(result.params.w) != 0) == (optimum.w != 0)).all()


def test_values_and_prox_by_hand():
    w = jnp.array([[-2.0], [0.0], [0.5]])
    factors = jnp.array([[1.0], [5.0], [2.0]])
    assert module.value(L2(0.5), w) == 0.25 * 4.25
    assert module.value(L1(0.5, factors), w) == 0.5 * (2 + 1)
    assert module.value(ElasticNet(0.5, 0.25), w) == 0.5 * (0.25 * 2.5 + 0.75 / 2 * 4.25)
    assert module.soft_threshold(w, 1.0).ravel().tolist() == [-1, 0, 0]
    assert module.soft_threshold(w, 0.25).ravel().tolist() == [-1.75, 0, 0.25]


def test_the_smallest_subgradient_by_hand():
    w, gradient = jnp.array([[-2.0], [0.0], [0.0], [1.0]]), jnp.array([[1.0], [0.5], [-3.0], [1.0]])
    found = module.stationarity(L1(1.0), w, gradient)
    assert found.ravel().tolist() == [0, 0, -2, 2]


@pytree
@dataclass(frozen=True)
class Coefficients:
    """A penalty that is nothing but its coefficients."""

    l1: Any
    l2: Any
    smooth: ClassVar[bool] = False


def test_a_penalty_is_its_coefficients():
    factors = np.arange(1.0, 7.0)[:, None]
    own = fit(X, LABELS["binomial"], penalty=Coefficients(0.01 * factors, 0.02), **SETTINGS)
    both = fit(X, LABELS["binomial"], penalty=Coefficients(0.005, 0.005), **SETTINGS)
    net = fit(X, LABELS["binomial"], penalty=ElasticNet(0.01, 0.5), **SETTINGS)
    assert own.status is Status.CONVERGED
    assert module.value(Coefficients(1.0, 2.0), jnp.full((2, 1), -3.0)) == 2 * (3 + 9)
    assert_allclose(both.params.w, net.params.w, atol=1e-12)


def test_elastic_net_meets_L1_and_L2():
    fits = {}
    for name, penalty in {
        "L1": L1(0.02),
        "ratio 1": ElasticNet(0.02, 1.0),
        "L2": L2(0.02),
        "ratio 0": ElasticNet(0.02, 0.0),
        "factors 1": L2(0.04, np.full(6, 0.5)),
    }.items():
        fits[name] = fit(X, LABELS["binomial"], penalty=penalty, **SETTINGS).params.w
    assert_allclose(fits["ratio 1"], fits["L1"], atol=1e-7)
    assert_allclose(fits["ratio 0"], fits["L2"], atol=1e-7)
    assert_allclose(fits["factors 1"], fits["L2"], atol=1e-12)
