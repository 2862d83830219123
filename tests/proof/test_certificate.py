"""The duality gap is never below the true distance from the optimal cost, and close to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import COUNTS, DTYPES, FAMILIES, WEIGHTS, Plain, precision

from jax_logreg import L1, L2, Batch, ElasticNet, GradientDescent, Params, Proximal, Status, fit
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.objective import Objective
from jax_logreg.proof import certificate as module

assert_allclose = np.testing.assert_allclose
certify = jax.jit(module.certify)
N, M = 3, 12
# The rounding is that of sums of M and of N terms, in the scale of the costs and the products.
ROUNDING = 4 * (N + M)


def labels_of(family, rng):
    k = 2 if family == "binomial" else 3
    if family == "multinomial":
        index = np.concatenate([[0, 1, 2], rng.integers(0, 3, M - 3)])
        return (index == np.arange(k)[:, None]).astype(float)
    return np.hstack([np.zeros((k, 1)), np.ones((k, 1)), rng.integers(0, 2, (k, M - 2))])


def problem(seed, family, ratio, spread, strength, far, intercept):
    """A random problem that float32 holds exactly, and parameters `far` from its optimum."""
    rng = np.random.default_rng(seed)
    X = spread * (rng.standard_normal((N, M)) + rng.choice([0, 3]))
    s = rng.random((1, M)) * (rng.random((1, M)) < 0.7)
    s[0, :3] = 1
    factors = rng.choice([0.25, 1, 2], (N, 1))
    X, s, strength, ratio = (
        np.asarray(a, "float32").astype(float) for a in (X, s, strength, ratio)
    )
    Y = labels_of(family, rng)
    l1, l2 = strength * factors * ratio, strength * factors * (1 - ratio)
    plain = Plain(X, Y, s, l1, l2, classes=family == "multinomial", intercept=intercept)
    best = plain.minimise(tries=(100, 500))
    theta = best + far * rng.standard_normal(best.shape)
    penalty = ElasticNet(strength, ratio, factors) if ratio else L2(strength, factors)
    return plain, plain.cost(best), theta, penalty, Batch(X, Y, s)


def certified(plain, theta, penalty, batch, dtype, certify=certify):
    """The certificate at theta in this dtype, and the parameters that it is of, in float64."""
    w, b = (theta[:-1], theta[-1:].T) if plain.intercept else (theta, np.zeros_like(theta[:1].T))
    with precision(dtype):
        batch, penalty, params = jax.tree.map(
            lambda a: jnp.asarray(a, dtype), (batch, penalty, Params(w, b))
        )
        family = MULTINOMIAL if plain.classes else BINOMIAL
        found = certify(Objective(batch, penalty, family, plain.intercept), params)
        return jax.device_get(found), plain.pack(*(np.asarray(part, float) for part in params))


def shortfall(seed, family, kind, spread, strength, far, intercept, dtype, **changed):
    """Return how far the gap is below the suboptimality, in roundings; and whether it is finite."""
    ratio = {"L2": 0.0, "ElasticNet": 0.6, "L1": 1.0}[kind]
    plain, best, theta, penalty, batch = problem(
        seed, family, ratio, spread, strength, far, intercept
    )
    found, theta = certified(plain, theta, penalty, batch, dtype, **changed)
    excess = plain.cost(theta) - best
    products = float((plain.s * (np.abs(theta).T @ np.abs(plain.X))).sum())
    scale = np.finfo(dtype).eps * ROUNDING * (1 + plain.cost(theta) + products)
    return (excess - float(found.gap)) / scale, np.isfinite(found.gap)


EXAMPLES = [
    {
        "seed": seed,
        "family": "binomial",
        "kind": kind,
        "spread": spread,
        "strength": strength,
        "far": 3.0,
        "intercept": kind == "L2",
        "dtype": "float64",
    }
    for seed in range(4)
    # Where the gap is almost the distance: the penalty is all, or far from the optimum.
    for kind, spread, strength in (("L2", 0.03, 1.0), ("L1", 1.0, 1e-2))
]
WRONG = {
    "half of the penalty's part": ("_penalty_gap", lambda right, *args: right(*args) / 2),
    "an intercept not balanced": (
        "_balance",
        lambda right, objective, at, of: jax.tree.map(jnp.zeros_like, right(objective, at, of)),
    ),
    "no pull towards y": ("_pulls", lambda right, objective, v: [jnp.ones_like(v, shape=())]),
    "nothing between p and A": (
        "_divergence",
        lambda right, objective, *args: 0 * right(objective, *args),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_formula_is_below_it(wrong, monkeypatch):
    name, changed = WRONG[wrong]
    right = getattr(module, name)
    assert all(shortfall(**example)[0] <= 1 for example in EXAMPLES)
    monkeypatch.setattr(module, name, lambda *args: changed(right, *args))
    certify = jax.jit(lambda objective, params: module.certify(objective, params))
    assert any(shortfall(**example, certify=certify)[0] > 1 for example in EXAMPLES)


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_lost_in_rounding(dtype):
    """Every A is 0 to the last digit, the mean of Y is not: nothing is divided by 0."""
    plain, best, theta, penalty, batch = problem(0, "binomial", 0.0, 1.0, 0.01, 0.0, True)
    for b in (-200.0, 200.0, -2000.0, 2000.0):
        theta[-1] = b
        found, at = certified(plain, theta, penalty, batch, dtype)
        assert np.isfinite(found.gap) and found.gap >= plain.cost(at) - best


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("far", [1e-5, 1e-2, 1.0])
def test_the_gap_of_L2_is_as_tight_as_the_condition_number(family, far, rng):
    """Without intercept it is |g|²/2λ: the cost being L-smooth, at most L/λ of the distance."""
    Y, k = FAMILIES[family], len(FAMILIES[family])
    for strength in (1e-3, 0.2):
        plain = Plain(COUNTS, Y, None, 0, strength, classes=family == "multinomial", intercept=0)
        best = plain.minimise()
        theta = best + far * rng.standard_normal(best.shape)
        found, theta = certified(plain, theta, L2(strength), Batch(COUNTS, Y, plain.s), "float64")
        excess = plain.cost(theta) - plain.cost(best)
        # A·(1 - A) and the eigenvalues of diag(A) - AAᵀ are at most 1/4 and 1/2.
        steepest = np.linalg.eigvalsh(plain.X @ plain.X.T / plain.X.shape[1])[-1]
        L = steepest / (2 if family == "multinomial" else 4) + strength
        rounding = 1e-15 * (1 + plain.cost(theta)) * k
        assert excess - rounding <= found.gap <= L / strength * excess + rounding


PENALTIES = {"L2": L2(0.02), "L1": L1(0.02), "ElasticNet": ElasticNet(0.02, 0.5)}


def between(found, plain, best):
    """The gap over the true distance of the same parameters, and what rounding leaves open."""
    excess = plain.cost(plain.pack(*(np.asarray(part, float) for part in found.params))) - best
    return float(found.certificate.gap) / excess, 1e-14 / excess


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
@pytest.mark.parametrize("family, kind", list(zip(FAMILIES, PENALTIES, strict=True)))
def test_a_sharpened_gap_is_tight_at_convergence(family, kind, tolerance):
    Y, s = FAMILIES[family], WEIGHTS["some 0"]
    classes, penalty = family == "multinomial", PENALTIES[kind]
    asked = {"tolerance": tolerance, "gradient_check": "off", "penalty": penalty, "s": s}
    asked["family"] = "multinomial" if classes else "binomial"
    l1, l2 = (np.asarray(part) for part in (penalty.l1, penalty.l2))
    plain = Plain(COUNTS, Y, s, l1, l2, classes=classes)
    best = plain.cost(plain.minimise())
    given = fit(COUNTS, Y, **asked)
    found = fit(COUNTS, Y, sharpen=True, **asked)
    ratio, rounding = between(found, plain, best)
    assert 1 - rounding <= ratio <= 10 + rounding
    assert found.certificate.gap <= given.certificate.gap
    assert_allclose(found.params.w, given.params.w, rtol=0, atol=0)
    assert found.status == given.status and found.steps == given.steps


def test_an_early_stop_can_be_sharpened_and_the_lecture_too():
    """Gradient descent, stopped long before: the distance is known almost to the digit."""
    Y, plain = FAMILIES["binomial"], Plain(COUNTS, FAMILIES["binomial"], None, 0, 0.02)
    stopped = {"solver": GradientDescent(0.1), "steps": 20, "tolerance": 0, "penalty": L2(0.02)}
    found = fit(COUNTS, Y, sharpen=True, **stopped)
    ratio, _ = between(found, plain, plain.cost(plain.minimise()))
    assert 1 <= ratio <= 1.01 and found.status is Status.STEPS_EXHAUSTED


def test_nothing_sharpens_what_is_infinite():
    found = fit(COUNTS, FAMILIES["binomial"], penalty=L2(0.1, ONE_FREE), sharpen=True)
    assert np.isinf(found.certificate.gap) and np.isinf(found.certificate.relative_gap)


def test_a_gap_of_0_is_as_sharp_as_it_gets():
    """Zeros in place of X leave the start optimal: no step could lower a gap of 0."""
    Y = np.arange(30) % 2
    for start in (None, Params(np.zeros((2, 1)), np.zeros((1, 1)))):
        found = fit(np.zeros((2, 30)), Y, penalty=L2(1.0), params=start, sharpen=True)
        assert found.certificate.gap == found.certificate.relative_gap == 0


ONE_FREE = np.array([1, 1, 0, 1, 1, 1.0])[:, None]
UNPENALISED = {
    "none": None,
    "strength 0": L2(0.0),
    "one factor 0, L2": L2(0.1, ONE_FREE),
    "one factor 0, L1": L1(0.1, ONE_FREE),
    "one factor 0, both": ElasticNet(0.1, 0.5, ONE_FREE),
}


@pytest.mark.parametrize("penalty", UNPENALISED)
def test_infinite_where_a_feature_is_unpenalised(penalty):
    Y, chosen = FAMILIES["binomial"], UNPENALISED[penalty]
    plain = Plain(COUNTS, Y)
    for theta in (np.zeros(plain.shape), np.ones(plain.shape)):
        found, _ = certified(plain, theta, chosen, Batch(COUNTS, Y, plain.s), "float64")
        assert found.gap == found.relative_gap == np.inf


def test_a_fit_with_an_unpenalised_feature_ends_by_its_gradient():
    penalty = L1(0.1, ONE_FREE)
    settings = {"solver": Proximal(), "tolerance": 1e-3, "gradient_check": "off"}
    result = fit(COUNTS, FAMILIES["binomial"], penalty=penalty, **settings)
    assert result.status is Status.CONVERGED
    assert np.isinf(result.history.relative_gap).all() and np.isinf(result.certificate.gap)
    assert result.certificate.gradient_norm <= 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_relative_gap_is_the_gap_over_the_cost_at_zero(family):
    Y = FAMILIES[family]
    plain = Plain(COUNTS, Y, None, 0, 0.5, classes=family == "multinomial")
    found, _ = certified(plain, np.ones(plain.shape), L2(0.5), Batch(COUNTS, Y, plain.s), "float64")
    assert_allclose(found.relative_gap * plain.cost(np.zeros(plain.shape)), found.gap, rtol=1e-12)


@pytest.mark.parametrize("penalty", [L1(0.0123), ElasticNet(0.0123, 0.7), ElasticNet(0.0123, 0.01)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_gap_is_below_0_where_coefficients_are_at_their_optimum(penalty, dtype, optimised, rng):
    """l1·|w| + w·v is 0 there, and below 0 where the two products are fused into one rounding."""
    with precision(dtype):
        batch = Batch(*(jnp.ones((rows, 2), dtype) for rows in (300, 1, 1)))
        objective = Objective(batch, jax.tree.map(lambda a: jnp.asarray(a, dtype), penalty))

        @jax.jit
        def gap(w):
            v = -(objective.l1(w) * jnp.sign(w) + objective.l2(w) * w)
            return module._penalty_gap(objective, w, v)

        for _ in range(20):
            w = jnp.asarray(rng.standard_normal((300, 1)), dtype)
            assert 0 <= gap(w) < 300 * jnp.finfo(dtype).eps
