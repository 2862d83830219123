"""The features spread over several devices: the answers of one, and nothing as long as w moves."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from placement.test_devices import collectives, same_fit

from jax_logreg import (
    L2,
    LBFGS,
    ElasticNet,
    GradientDescent,
    Newton,
    Optax,
    Proximal,
    Status,
    fit,
)
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.errors import InputError
from jax_logreg.loop.body import Loop, body
from jax_logreg.loop.initial import initialise
from jax_logreg.matrix import Standardised, Transposed
from jax_logreg.problem.options import complete
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.goal import Goal
from jax_logreg.sweep import fit_many

# 101 features over 8 devices are filled up to 104; 70 examples are enough for a metric of low rank.
n, m = 101, 70
_RNG = np.random.default_rng(0)
X = _RNG.standard_normal((n, m))
Y = (X[:5].sum(axis=0) + _RNG.logistic(size=m) > 0).astype(int)
CLASSES = _RNG.integers(0, 3, m)
ONE_HOT = (np.arange(3)[:, None] == CLASSES).astype(float)
WEIGHTS = _RNG.integers(0, 4, m)
FACTORS = np.where(np.arange(n) == 7, 0.0, _RNG.uniform(0.5, 2, n))


SHARED = {"features": 8}
EXACT = {"dtype": "float64", "steps": 12, "tolerance": 0, "gradient_check": "off"}
LOW_RANK = LBFGS(largest_gram=8)
PROBLEMS = {
    "descent": {"solver": GradientDescent(0.3), "s": WEIGHTS, "class_weight": "balanced"},
    "adam": {"solver": Optax(optax.adam(0.1)), "Y": CLASSES, "gradient_check": "every"},
    "lbfgs": {"solver": LBFGS(), "penalty": L2(0.05, np.maximum(FACTORS, 0.1))},
    "lbfgs of low rank": {"solver": LOW_RANK, "Y": CLASSES, "s": WEIGHTS},
    "lbfgs of independent models": {"solver": LOW_RANK, "Y": ONE_HOT, "family": "binomial"},
    "an elastic net": {
        "solver": Proximal(working_set=9),
        "penalty": ElasticNet(0.05, 0.7, FACTORS),
        "fit_intercept": False,
    },
    "transposed": {"X": Transposed(X.T), "solver": GradientDescent(0.3)},
    "standardised": {
        "X": Standardised(X, np.full((n, 1), 0.5), np.full((n, 1), 2.0)),
        "solver": LOW_RANK,
    },
    "a start": {
        "params": (np.full((n, 1), 0.1), np.zeros((1, 1))),
        "solver": GradientDescent(0.3),
        "steps": 2,
    },
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_answers_of_one_device(problem):
    settings = {"X": X, "Y": Y, "penalty": L2(0.05), **EXACT, **PROBLEMS[problem]}
    found = fit(**settings, devices=SHARED)
    same_fit(found, fit(**settings), 1e-9)
    assert len(found.params.w) == n
    for part in found.params:
        assert len(part.devices()) == 8 and part.sharding.is_fully_replicated


def test_the_certificate_holds():
    settings = {"penalty": L2(0.05, FACTORS + 0.1), "devices": SHARED, "feature_names": range(n)}
    found = fit(X, Y, **settings, refine=True)
    expected = fit(X, Y, penalty=L2(0.05, FACTORS + 0.1), dtype="float64", tolerance=1e-12)
    assert found.status == Status.CONVERGED and found.gradient_check.passed
    distance = found.certificate.cost - expected.certificate.cost
    assert abs(distance) <= found.certificate.gap <= 1e-10
    assert_allclose(found.params.w, expected.params.w, rtol=0, atol=1e-5)


# Fewer than a device each, with a copy; and what separates.
@pytest.mark.parametrize(("columns", "devices"), [(60, 3), (3, 1)])
def test_what_is_said_of_unpenalised_features(columns, devices):
    few, settings = np.vstack([X[5:9], X[5]])[:, :columns], {"gradient_check": "off"}
    found = fit(few, Y[:columns], devices={"features": devices}, **settings)
    expected = fit(few, Y[:columns], solver="lbfgs", **settings)
    assert (found.status, found.notes) == (expected.status, expected.notes) and found.notes
    assert found.solver.startswith("LBFGS: ")


def test_an_x_too_large_to_bring_together(monkeypatch):
    monkeypatch.setattr("jax_logreg.proof.diagnosis._LARGEST_GATHERED", X.size - 1)
    found = fit(X, Y, solver=GradientDescent(0.1), steps=1, devices={"features": "all"})
    assert found.notes == (
        "X is in parts and large: separation and collinearity were not looked for.",
    )


def test_a_run_goes_on_to_the_same_bits(tmp_path, compilations):
    """And its later chunks by the program of the first, which takes what it hands back."""
    settings = {"solver": LOW_RANK, "penalty": L2(1e-3), "devices": SHARED, **EXACT, "steps": 250}
    whole = fit(X, Y, **settings)
    first = len(compilations)
    fit(X, Y, **settings)
    assert len(compilations) == first
    checkpoint = Checkpoint(tmp_path, steps=1)
    with pytest.raises(Stopped):
        fit(X, Y, checkpoint=checkpoint, callback=lambda _: checkpoint.stop(2), **settings)
    found = fit(X, Y, checkpoint=Checkpoint(tmp_path), **settings)
    assert found.steps == whole.steps == 250
    for a, b in zip((*found.params, *found.history), (*whole.params, *whole.history), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("solver", [GradientDescent(0.1), Optax(optax.adam(0.1)), LOW_RANK])
@pytest.mark.parametrize("matrix", [X, Transposed(X.T.astype("float32"))])
def test_only_z_and_sums_are_exchanged(solver, matrix, rng):
    """Nothing that has a number a feature: Z once, and what solvers and certificates sum up."""
    matrix = matrix[:, :20] if isinstance(matrix, np.ndarray) else Transposed(matrix.rows[:20])
    for k, labels in ((1, Y[:20]), (3, CLASSES[:20])):
        task = prepare(matrix, labels, complete(devices=SHARED), penalty=L2(0.1), one_model=True)
        loop, carry = initialise(Loop(task.objective, solver, 9, Goal(0.0)), task.params, None)
        seen = collectives(partial(body, wanted=True, branch=True), loop, carry)
        assert {kind for kind, _ in seen} == {"all-reduce"}
        # A memory of 10 has 100 products.
        assert sum(size == 20 * k for _, size in seen) == 1
        assert all(size in (20 * k, 100) or size <= 10 for _, size in seen)
        whole = [a.shape for a in jax.tree.leaves(carry) if a.size >= n and not in_parts(a)]
        assert not whole
    moved = collectives(lambda p: jnp.sort(p.w, axis=0), task.params)
    assert any("gather" in kind or "all-to-all" in kind for kind, _ in moved)


def in_parts(a):
    return a.addressable_shards[0].data.size * 8 == a.size


WRONG = {
    "too many": (dict(devices={"features": 9}), r"devices is {'features': 9}, but this machine .*"),
    "another axis": (dict(devices={"rows": 2}), r"devices is {'rows': 2}: expected {'features': N"),
    "none": (
        dict(devices={}),
        r"devices is {}: expected {'features': N}, whose devices .*, or N, which",
    ),
    "newton": (dict(solver=Newton()), r"solver Newton .* expected LBFGS\(\) or 'auto', or devices"),
    "sparse": (dict(X=scipy.sparse.csr_array(X)), r"X is a csr_array, whose features devices .*"),
    "infinity": (dict(X=np.where(X[2, 3] == X, np.inf, X)), r"X\[2, 3\] is inf"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_line_says_what_came_and_what_was_expected(wrong):
    settings, message = WRONG[wrong]
    with pytest.raises(InputError, match=message) as error:
        fit(**{"X": X, "Y": Y, "devices": SHARED, **settings})
    assert "\n" not in str(error.value)


def test_many_models_share_the_examples():
    with pytest.raises(InputError, match=r"devices is {'features': 8}, .*: pass devices=8, or"):
        fit_many(X, Y, s=np.ones((2, m)), devices=SHARED)
