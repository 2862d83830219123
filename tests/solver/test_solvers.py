"""Every solver, penalty, family, matrix and dtype reaches one optimum, computed without JAX."""

from functools import cache
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import (
    COUNTS,
    FACTORS,
    FAMILIES,
    WEIGHTS,
    Case,
    Plain,
    centred,
    close,
    covering,
    precision,
)
from sklearn.datasets import load_breast_cancer, load_iris

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    Batch,
    ElasticNet,
    Newton,
    Params,
    Proximal,
    Status,
    fit,
    solve,
)
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.objective import Objective
from jax_logreg.solver import working_set
from jax_logreg.solver.basis import Basis
from jax_logreg.solver.line_search import search
from jax_logreg.solver.preconditioner import spaced
from jax_logreg.solver.proximal import _shifted

assert_allclose = np.testing.assert_allclose
TOLERANCE = {"float32": 1e-5, "float64": 1e-8}
CASES = covering()


@cache
def reference(case):
    """The problem of a case in NumPy, and its optimum."""
    penalty = FACTORS["penalty"][case.penalty](FACTORS["factors"][case.factors])
    l1, l2 = (0, 0) if penalty is None else (penalty.l1, penalty.l2)
    plain = Plain(
        FACTORS["matrix"][case.matrix][1],
        FAMILIES[case.family],
        WEIGHTS[case.weights],
        l1,
        l2,
        classes=case.family == "multinomial",
        intercept=case.intercept,
    )
    return plain, plain.optimum()


def answer(case, **changed):
    make, _ = FACTORS["matrix"][case.matrix]
    with precision(case.dtype):
        X = make(COUNTS, case)
    settings = {
        "s": WEIGHTS[case.weights],
        "family": "multinomial" if case.family == "multinomial" else "binomial",
        "penalty": FACTORS["penalty"][case.penalty](FACTORS["factors"][case.factors]),
        "fit_intercept": case.intercept,
        "solver": FACTORS["solver"][case.solver],
        "steps": 5000,
        "tolerance": TOLERANCE[case.dtype],
        "dtype": case.dtype,
        "gradient_check": "off",
    }
    return fit(X, FAMILIES[case.family], **settings | changed)


def test_the_table_holds_every_possible_pair():
    seen = {pair for case in CASES for pair in combinations(enumerate(case), 2)}
    for (i, first), (j, second) in combinations(enumerate(FACTORS), 2):
        for a in FACTORS[first]:
            for b in FACTORS[second]:
                impossible = {a, b} in ({"none", "one 0"},) or (
                    {a, b} & {"L1", "ElasticNet"}
                    and first == "solver"
                    and not a.startswith("Proximal")
                )
                batches = a == "MiniBatch" and second == "matrix" and b != "compressed"
                assert impossible or batches or ((i, a), (j, b)) in seen
    assert len(CASES) < 60


def often(case):
    """In every run; the matrices left to -m slow are compared with the dense one elsewhere."""
    return case.matrix not in ("streamed", "categorical") or case.solver == "LBFGS"


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if often(case) else pytest.mark.slow) for case in CASES],
    ids=lambda case: "-".join(map(str, case)),
)
def test_every_case_reaches_the_optimum(case):
    result = answer(case)
    plain, optimum = reference(case._replace(solver="", dtype=""))
    assert result.status is Status.CONVERGED, result.message
    assert result.params.w.dtype == result.history.cost.dtype == case.dtype
    theta = plain.pack(*(np.asarray(part, float) for part in result.params))
    _, norm, gap, relative_gap, error = map(float, result.certificate)
    rounding = close(case.dtype)["atol"]
    excess = plain.cost(theta) - optimum.cost
    # Near the optimum the curvature is at least half of what it is there: with it, the gap or the
    # gradient bounds the distance, and the gradient the cost too.
    mu, length = optimum.curvature / 2, theta.size**0.5 * norm
    if case.penalty == "none" or case.factors == "one 0":
        assert gap == relative_gap == error == np.inf and norm <= TOLERANCE[case.dtype]
        gap, distance = length**2 / (2 * mu), length / mu
    else:
        assert relative_gap <= TOLERANCE[case.dtype]
        count = np.count_nonzero(plain.s)
        assert error == pytest.approx(np.sqrt(2 * count * max(gap, 0)), rel=1e-5)
        distance = (2 * (gap + rounding) / mu) ** 0.5
    assert -1e-14 < excess <= gap + rounding
    apart = theta - plain.pack(optimum.w, optimum.b)
    apart = centred(apart) if plain.classes else apart
    assert np.linalg.norm(apart) <= distance + rounding / mu
    assert abs(float(result.certificate.cost) - plain.cost(theta)) <= rounding


# solver, and a penalty of a strength
TRACED = {"Newton": (Newton(), L2), "LBFGS": (LBFGS(), L2), "Proximal": (Proximal(), L1)}
LABELS = FAMILIES["binomial"]


@pytest.mark.parametrize("solver", TRACED)
def test_another_strength_compiles_nothing(solver, compilations):
    method, penalty = TRACED[solver]
    settings = {"solver": method, "gradient_check": "off"}
    fit(COUNTS, LABELS, penalty=penalty(0.1), **settings)
    compilations.clear()
    strong = fit(COUNTS, LABELS, penalty=penalty(0.3), tolerance=1e-5, **settings)
    weak = fit(COUNTS, LABELS, s=WEIGHTS["some 0"], penalty=penalty(0.01), steps=50, **settings)
    assert not compilations
    assert np.abs(weak.params.w).sum() > np.abs(strong.params.w).sum()


def trained(solver, strength, s, X=COUNTS, steps=10):
    method, penalty = TRACED[solver]
    start = Params(jnp.zeros((6, 1)), jnp.zeros((1, 1)))
    batch = Batch(jnp.asarray(X), jnp.asarray(LABELS), s)
    return solve(start, batch, solver=method, steps=steps, penalty=penalty(strength))


@pytest.mark.parametrize("solver", TRACED)
def test_solve_under_jit_and_vmap(solver):
    """Models of every strength and weight at once, each the optimum of its own problem."""
    strengths, weights = np.array([0.01, 0.03, 0.1]), np.random.default_rng(0).random((3, 1, 60))
    with precision("float64"):
        steps = 30 if solver == "Proximal" else 10

        @jax.jit
        def both(strengths, weights):
            one = jnp.ones((1, 60))
            by_strength = jax.vmap(lambda a: trained(solver, a, one, steps=steps))(strengths)
            by_weight = jax.vmap(lambda s: trained(solver, 0.03, s, steps=steps))(weights)
            return by_strength, by_weight

        by_strength, by_weight = jax.device_get(both(strengths, weights))
    for i in range(3):
        for found, strength, s in (
            (by_strength, strengths[i], None),
            (by_weight, 0.03, weights[i]),
        ):
            _, penalty = TRACED[solver]
            plain = Plain(COUNTS, LABELS, s, penalty(strength).l1, penalty(strength).l2)
            theta = plain.pack(found.params.w[i], found.params.b[i])
            assert abs(plain.cost(theta) - plain.optimum().cost) < 1e-9
            assert found.certificate.relative_gap[i] < 1e-4


@pytest.mark.parametrize("solver", ["newton", "lbfgs", Newton(), LBFGS()], ids=str)
def test_a_nonsmooth_penalty_is_refused_by_solvers_of_smooth_costs(solver):
    for penalty in (L1(0.1), ElasticNet(0.1, 0.5)):
        with pytest.raises(ValueError, match=r"cannot take the penalty .* expected Proximal"):
            fit(COUNTS, LABELS, solver=solver, penalty=penalty)


def test_a_bad_number_of_a_solver_is_named():
    """The line had its value, and not the field that it stands in."""
    solver = LBFGS(basis=Basis(*[float("nan")] * 5))
    with pytest.raises(ValueError, match=r"LBFGS\.basis\.vectors is nan: expected a finite number"):
        fit(COUNTS, LABELS, solver=solver)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("k", [3, 4])
def test_the_outputs_of_a_softmax_stand_where_their_penalty_is_smallest(ratio, k, rng):
    """No shift of a feature's outputs, which the cross-entropy does not see, has a smaller one."""
    w = jnp.asarray(rng.standard_normal((6, k)) * rng.integers(0, 2, (6, k)))
    with precision("float64"):
        batch = Batch(jnp.zeros((6, 1)), jnp.zeros((k, 1)), jnp.ones((1, 1)))
        objective = Objective(batch, ElasticNet(0.7, ratio), MULTINOMIAL)
        shifted = np.asarray(_shifted(objective, jnp.asarray(w, "float64"), jnp.arange(6)))

    def penalty(w):
        return np.sum(ratio * np.abs(w) + (1 - ratio) / 2 * w**2, axis=1)

    assert_allclose(np.ptp(shifted - w, axis=1), 0, atol=1e-6)
    for shift in np.linspace(-2, 2, 401):
        assert (penalty(shifted) <= penalty(w + shift) + 1e-6).all()


def test_a_weak_elastic_net_of_a_softmax_takes_few_steps():
    """Steps along the outputs' common shift alone were as short as the penalty is weak: 1000."""
    settings = {"dtype": "float64", "tolerance": 1e-10, "family": "multinomial"}
    penalty = ElasticNet(1e-3, 0.3)
    found = fit((COUNTS - 1) / 1.2, FAMILIES["multinomial"], penalty=penalty, **settings)
    assert found.status is Status.CONVERGED and found.steps < 50


@pytest.mark.parametrize("strength, most", [(1 / 150, 20), (1e-4, 40)])
@pytest.mark.parametrize("scale", ["raw", "standardised"])
def test_l1_of_several_classes_takes_few_steps(scale, strength, most):
    """Without the blocks between classes 462 of raw iris at 1/150, and more than 1,000 at 1e-4."""
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0) if scale == "standardised" else X
    settings = {"dtype": "float64", "tolerance": 1e-9, "gradient_check": "off"}
    found = fit(X.T, y, penalty=L1(strength), **settings)
    assert found.status is Status.CONVERGED and found.steps < most
    plain = Plain(X.T, y == np.arange(3)[:, None], None, strength, classes=True)
    theta = plain.pack(*(np.asarray(part) for part in found.params))
    assert abs(plain.cost(theta) - found.certificate.cost) < 1e-12


@pytest.mark.parametrize(
    "penalty", [L1(0.02), ElasticNet(0.02, 0.5)], ids=lambda p: type(p).__name__
)
def test_the_blocks_between_classes_do_not_change_the_answer(penalty, monkeypatch):
    X, Y = (COUNTS - 1) / 1.2, FAMILIES["multinomial"]
    settings = {"dtype": "float64", "tolerance": 1e-10, "penalty": penalty, "solver": Proximal(4)}
    found = fit(X, Y, **settings)
    monkeypatch.setattr(working_set, "_LARGEST_COUPLED", 0)
    jax.clear_caches()
    without = fit(X, Y, **settings)
    jax.clear_caches()
    assert found.status is without.status is Status.CONVERGED
    assert_allclose(found.certificate.cost, without.certificate.cost, rtol=1e-9)
    assert_allclose(found.params.w, without.params.w, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_curvature_that_few_examples_have_is_kept_up_to_date(dtype):
    """A rare feature's changed a hundredfold, which moved the sum by 1 in 200: 1,000 steps."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.standard_normal((2, 1500)), np.arange(1500) < 6])
    Y = X[0] + X[1] + rng.logistic(size=1500) > 0
    Y[:6] = np.arange(6) % 2
    start = Params(np.array([[1.0], [1.0], [8.0]]), np.zeros((1, 1)))
    settings = {"penalty": L1(1e-5), "tolerance": 1e-4, "dtype": dtype}
    found = fit(X, Y.astype(int), params=start, **settings)
    assert found.status is Status.CONVERGED and found.steps < 30


@pytest.mark.parametrize(("C", "most"), [(1e-2, 5), (1, 7), (1e2, 9), (1e4, 12)])
def test_newton_takes_few_steps(C, most):
    """Trials of t cost no Hessian: half of the slope left at each step cost 6, 10, 13 and 16."""
    rows, labels = load_breast_cancer(return_X_y=True)
    X = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).T
    settings = {"solver": Newton(), "gradient_check": "off", "dtype": "float64"}
    found = fit(X, labels, penalty=L2(1 / (C * labels.size)), **settings)
    assert found.status is Status.CONVERGED and found.steps <= most


def test_a_wrong_line_search_is_seen(monkeypatch):
    """Steps of ten times the length do not reach the optimum that the reference names."""
    from jax_logreg.solver import newton

    monkeypatch.setattr(newton, "search", lambda *args, **named: jnp.full((1, 1), 10.0))
    case = Case("Newton", "L2", "alike", "binomial", "array", "float64", True, "none")
    with precision("float64"):
        found = jax.device_get(jax.jit(lambda s: trained("Newton", 0.05, s))(jnp.ones((1, 60))))
    plain, optimum = reference(case)
    theta = plain.pack(*(np.asarray(part, float) for part in found.params))
    assert not plain.cost(theta) - optimum.cost < 1e-3


@pytest.mark.parametrize(("slope", "t"), [(1e-8, 1.0), (1e-6, 0.0)])
def test_a_line_search_takes_a_slope_of_rounding_for_none(slope, t):
    """Where the slope at 0 is less than the rounding of one at t, no t would ever halve it."""

    class Line:
        family = BINOMIAL

        def dot(self, a, b):
            return jnp.full((1, 1), -1e-12)

        def along(self, *_):
            return lambda t: (jnp.full((1, 1), slope), jnp.ones((1, 1)))

    zero = Params(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    assert search(Line(), zero, zero, zero, jnp.zeros((1, 1)), jnp.zeros((1, 1))) == t


@pytest.mark.parametrize("factors", [1.0, 0.0])
def test_a_metric_of_low_rank_that_has_all_examples(factors):
    """Nothing is left of the intercept, and of an unpenalised feature, for its diagonal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 70))
    Y = X[:5].sum(axis=0) + rng.logistic(size=70) > 1
    penalty = L2(0.01, np.where(np.arange(80) == 3, factors, 1))
    result = fit(X, Y, penalty=penalty, solver=LBFGS(largest_gram=8), steps=40, tolerance=1e-5)
    assert result.status == Status.CONVERGED and result.steps < 20


@pytest.mark.parametrize("m", [1, 5, 2000, 2**24 + 3, 2**31 - 1])
def test_examples_of_a_sample_are_spread_evenly(m):
    """float32 would round the last of 2**24 + 3 to m, and know no odd number beyond 2**24."""
    size = min(m, 2000)
    index = spaced(m, size)
    assert index.shape == (size,) and index.dtype == np.int32
    assert index[0] == 0 and index[-1] == m - 1
    gaps = np.diff(index.astype("int64"))
    assert size == 1 or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)
