"""The derivative of an optimum is that of the optimum, whatever led there, in every mode."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from cases import COUNTS, DTYPES, FAMILIES, PROBLEMS, WEIGHTS, Plain, precision

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    Batch,
    ElasticNet,
    GradientDescent,
    Newton,
    Optax,
    Params,
    Proximal,
    solve,
)
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.matrix import Standardised, Transposed, compress, from_scipy
from jax_logreg.solver import implicit

assert_allclose = np.testing.assert_allclose
X = (COUNTS - 1) / 1.2
N, M = X.shape
FACTORS = np.array([1, 0, 2, 0.5, 1, 3.0])[:, None]
# solver, family, penalty from a strength, an l1_ratio and factors, whether with intercept
CASES = {
    "Newton, L2": (Newton(), "binomial", lambda a, r, f: L2(a, f), True),
    "Newton, no penalty": (Newton(), "binomial", lambda *_: None, True),
    "Newton, classes, L2 of some": (Newton(), "multinomial", lambda a, r, f: L2(a, f), True),
    "LBFGS, independent": (LBFGS(), "independent", lambda a, r, f: L2(a), False),
    "Proximal, L1 of some": (Proximal(), "binomial", lambda a, r, f: L1(a, f), True),
    "Proximal, elastic net": (Proximal(), "independent", lambda a, r, f: ElasticNet(a, r, f), True),
    "Proximal, classes": (Proximal(), "multinomial", lambda a, r, f: ElasticNet(a, r), True),
}
STEPS = 100


def start(k=1, n=N, dtype="float64"):
    return Params(jnp.zeros((n, k), dtype), jnp.zeros((k, 1), dtype))


def answer(case, numbers):
    """Params by (X, Y, s, strength, ratio, factors)."""
    solver, family, penalty, intercept = CASES[case]
    data, rest = Batch(*numbers[:3]), numbers[3:]
    kind = MULTINOMIAL if family == "multinomial" else BINOMIAL
    settings = {"penalty": penalty(*rest), "family": kind, "fit_intercept": intercept}
    return solve(start(len(data.Y)), data, solver=solver, steps=STEPS, **settings).params


def by_hand(case, numbers):
    """The optimum in NumPy, of classes without the shift that nothing penalises."""
    _, family, penalty, intercept = CASES[case]
    X, Y, s, *rest = numbers
    chosen = penalty(*rest)
    l1, l2 = (0, 0) if chosen is None else (chosen.l1, chosen.l2)
    classes = family == "multinomial"
    plain = Plain(X, Y, s, l1, l2, classes=classes, intercept=intercept)
    theta = plain.minimise()
    if classes:
        theta = np.where(plain.l1 + plain.l2 == 0, theta - theta.mean(1, keepdims=True), theta)
    return theta if intercept else np.vstack([theta, np.zeros((1, len(Y)))])


def directions(case, rng):
    """The numbers of a case and how they move; labels of classes keep their sum."""
    Y = FAMILIES[CASES[case][1]]
    numbers = (X, Y, WEIGHTS["some 0"], 0.05, 0.4, FACTORS)
    moves = [rng.standard_normal(np.shape(a)) for a in numbers]
    if CASES[case][1] == "multinomial":
        moves[1] -= moves[1].mean(axis=0)
    # Weights and factors that are 0 stay 0.
    moves[2], moves[5] = moves[2] * numbers[2], moves[5] * numbers[5]
    moves[3] = 0.05
    return numbers, moves


@pytest.mark.parametrize("case", CASES)
def test_both_modes_against_finite_differences_of_an_optimum_by_hand(case, rng):
    """By all numbers of the batch and the penalty at once; the reverse is the transpose."""
    numbers, moves = directions(case, rng)
    h = 1e-5
    ahead, behind = (
        by_hand(
            case, [np.asarray(a) + t * np.asarray(d) for a, d in zip(numbers, moves, strict=True)]
        )
        for t in (h, -h)
    )
    expected = (ahead - behind) / (2 * h)
    k = len(numbers[1])
    along = Params(rng.standard_normal((N, k)), rng.standard_normal((k, 1)))
    with precision("float64"):
        numbers, moves = jax.tree.map(jnp.float64, (tuple(numbers), tuple(moves)))

        @jax.jit
        def both(numbers, moves, along):
            _, forward = jax.jvp(lambda *numbers: answer(case, numbers), numbers, moves)
            _, back = jax.vjp(lambda *numbers: answer(case, numbers), *numbers)
            return forward, back(along)

        forward, back = jax.device_get(both(numbers, moves, along))
    found = np.vstack([forward.w, forward.b.T])
    assert np.abs(expected).max() > 0.1
    assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    ends = sum(np.sum(a * b) for a, b in zip(forward, along, strict=True))
    starts = sum(np.sum(a * np.asarray(b)) for a, b in zip(back, moves, strict=True))
    assert_allclose(starts, ends, rtol=1e-9)


def slopes(solver, penalty=L2, dtype="float64", data=None, at=0.05, begin=None, **settings):
    """Strength -> Σ params, and the derivative of that by the strength and by the weights."""
    X_, Y, s = (X, FAMILIES["binomial"], WEIGHTS["none"]) if data is None else data
    rows = tuple(jnp.asarray(a, dtype) for a in (Y, s))
    begin = start(n=X_.shape[0], dtype=dtype) if begin is None else begin
    whole = jnp.asarray(X_, dtype) if isinstance(X_, np.ndarray) else X_

    def total(strength, s):
        data, settings_ = Batch(whole, rows[0], s), {"steps": STEPS, **settings}
        w, b = solve(begin, data, solver=solver, penalty=penalty(strength), **settings_).params
        return jnp.sum(w) + jnp.sum(b)

    return total, jax.device_get(jax.jit(jax.grad(total, (0, 1)))(jnp.asarray(at, dtype), rows[1]))


ROUTES = {
    "Newton": (Newton(), {}),
    "LBFGS": (LBFGS(), {}),
    "Proximal": (Proximal(), {}),
    "gradient descent": (GradientDescent(1.0), {"tolerance": 1e-13, "steps": 3000}),
    "momentum": (
        Optax(optax.sgd(0.3, momentum=0.9, nesterov=True)),
        {"tolerance": 1e-13, "steps": 3000},
    ),
}


@pytest.fixture(scope="module")
def exact():
    with precision("float64"):
        return slopes(Newton())[1]


@pytest.mark.parametrize("route", ROUTES)
def test_it_does_not_depend_on_the_solver_and_the_start(route, exact, rng):
    solver, settings = ROUTES[route]
    with precision("float64"):
        begin = Params(jnp.asarray(rng.standard_normal((N, 1))), jnp.ones((1, 1)))
        _, found = slopes(solver, begin=begin, **settings)
    assert_allclose(found[0], exact[0], rtol=1e-5)
    assert_allclose(found[1], exact[1], atol=1e-5 * np.abs(exact[1]).max())


def test_more_steps_change_nothing(exact):
    """The derivative through so many steps of L-BFGS had no digit right."""
    with precision("float64"):
        _, found = slopes(LBFGS(), steps=400)
    assert_allclose(found[0], exact[0], rtol=1e-9)


MATRICES = {
    "transposed": (lambda X: Transposed(jnp.asarray(X.T)), X),
    "sparse": (lambda X: from_scipy(scipy.sparse.csr_array(COUNTS), "float64"), COUNTS),
    "compressed": (lambda X: compress(COUNTS, "float32", "float64"), COUNTS),
    "standardised sparse": (
        lambda X: Standardised(
            from_scipy(scipy.sparse.csr_array(COUNTS), "float64"),
            jnp.ones((N, 1)),
            jnp.full((N, 1), 1.2),
        ),
        X,
    ),
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_every_matrix_has_the_derivative_of_the_array(matrix):
    make, plain = MATRICES[matrix]
    Y, s = FAMILIES["binomial"], WEIGHTS["some 0"]
    with precision("float64"):
        _, expected = slopes(Newton(), data=(plain, Y, s))
        _, found = slopes(Newton(), data=(make(plain), Y, s))
    assert_allclose(found[0], expected[0], rtol=1e-9)
    assert_allclose(found[1], expected[1], atol=1e-9 * np.abs(expected[1]).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tall", "shifted and scaled"])
def test_features_of_any_scale(name, dtype):
    """Against the same features without scale, whose penalty is of the same size."""
    raw, Y, s = PROBLEMS[name]
    mean, scale = raw.mean(1, keepdims=True), raw.std(1, keepdims=True)
    with precision("float64"):
        begin, penalty = start(n=len(raw)), lambda a: L2(a, jnp.asarray(scale**2))
        _, (by_strength, _) = slopes(
            Newton(), data=((raw - mean) / scale, Y, s), penalty=L2, begin=begin
        )

        def raw_total(strength):
            data = Batch(*(jnp.asarray(a) for a in (raw, Y, s)))
            w, b = solve(begin, data, solver=Newton(), steps=30, penalty=penalty(strength)).params
            return jnp.sum(w * scale) + jnp.sum(b + w.T @ jnp.asarray(mean))

        expected = jax.jit(jax.grad(raw_total))(0.05)
    assert_allclose(by_strength, expected, rtol=1e-6)
    if dtype == "float32":
        _, (found, _) = slopes(LBFGS(), data=((raw - mean) / scale, Y, s), dtype=dtype)
        assert_allclose(found, expected, rtol=1e-3)


def test_many_features_go_without_factors(exact, monkeypatch):
    monkeypatch.setattr(implicit, "_LARGEST_GRAM", 0)
    with precision("float64"):
        _, found = slopes(Newton())
    assert_allclose(found[0], exact[0], rtol=1e-8)
    assert_allclose(found[1], exact[1], atol=1e-8 * np.abs(exact[1]).max())


def test_second_derivatives_and_many_at_once(exact):
    strengths, h = np.array([0.02, 0.05, 0.3]), 1e-5
    with precision("float64"):
        total, _ = slopes(Newton())
        one = jnp.ones((1, M))
        slope = jax.jit(jax.grad(total))
        many = jax.device_get(jax.jit(jax.vmap(jax.grad(total), (0, None)))(strengths, one))
        curvature = jax.device_get(jax.jit(jax.grad(jax.grad(total)))(0.05, one))
        ahead, behind = float(slope(0.05 + h, one)), float(slope(0.05 - h, one))
        assert_allclose(many[1], exact[0], rtol=1e-9)
        assert_allclose(many[2], slope(0.3, one), rtol=1e-9)
    assert_allclose(curvature, (ahead - behind) / (2 * h), rtol=1e-6)


def test_the_cost_at_the_optimum_and_all_that_has_no_derivative():
    """By the envelope theorem dJ*/dλ = Σ w²/2; its own derivative is w·dw/dλ."""
    with precision("float64"):
        rows = [jnp.asarray(a) for a in (X, FAMILIES["binomial"], WEIGHTS["none"])]

        def found(strength, begin):
            return solve(begin, Batch(*rows), solver=Newton(), steps=20, penalty=L2(strength))

        def cost(strength):
            return found(strength, start()).certificate.cost

        ones = jax.tree.map(jnp.ones_like, start())

        @jax.jit
        def seen(strength, begin):
            result, dots = jax.jvp(lambda a: found(a, begin), (strength,), (1.0,))
            _, by_start = jax.jvp(lambda begin: found(strength, begin), (begin,), (ones,))
            slopes = jax.grad(cost)(strength), jax.grad(jax.grad(cost))(strength)
            return result, dots, by_start.params, slopes

        result, dots, by_start, (slope, curvature) = jax.device_get(seen(0.05, start()))
    w, w_dot = result.params.w, dots.params.w
    assert_allclose(dots.certificate.cost, np.sum(w**2) / 2, rtol=1e-9)
    assert_allclose(slope, np.sum(w**2) / 2, rtol=1e-9)
    assert_allclose(curvature, np.sum(w * w_dot), rtol=1e-8)
    others = (dots.history, dots.certificate[1:])
    assert all(not np.any(leaf[np.isfinite(leaf)]) for leaf in jax.tree.leaves(others))
    assert not by_start.w.any() and not by_start.b.any()


def test_steps_without_tolerance_are_differentiated_one_by_one():
    """Few steps of gradient descent are no optimum: their number matters."""
    with precision("float64"):
        few, many = (slopes(GradientDescent(1.0), steps=steps) for steps in (3, 6))
        one, h = jnp.ones((1, M)), 1e-5
        for total, (found, _) in (few, many):
            slope = (total(0.05 + h, one) - total(0.05 - h, one)) / (2 * h)
            assert_allclose(found, slope, rtol=1e-6)
    assert abs(few[1][0] / many[1][0] - 1) > 0.1
