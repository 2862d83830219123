"""The examples spread over several devices: the answers of one, up to the order of the sums."""

import re
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from cases import COUNTS, FACTORS, FAMILIES, PENALTY_FACTORS, WEIGHTS, Case, precision
from numpy.testing import assert_allclose

from jax_logreg import (
    L2,
    LBFGS,
    ElasticNet,
    GradientDescent,
    Newton,
    Optax,
    Proximal,
    Status,
    backprop,
    check_gradients,
    fit,
)
from jax_logreg.errors import InputError
from jax_logreg.loop.body import Loop, body
from jax_logreg.loop.initial import initialise
from jax_logreg.matrix import (
    Standardised,
    blocked,
    compressed,
    examples,
    extremes,
    features,
    gram,
    is_array,
    mean_absolute,
    operations,
    shard,
    squares,
)
from jax_logreg.placement.devices import make_mesh
from jax_logreg.problem.options import complete
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.goal import Goal
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

X, (n, m) = COUNTS, COUNTS.shape
Y = FAMILIES["binomial"]
# Steps without an end, whose number rounding cannot change; and those to an end.
EXACT = {"dtype": "float64", "steps": 12, "tolerance": 0, "gradient_check": "off"}


PROVEN = {"dtype": "float64", "tolerance": 1e-10}
# How far from the optimum a cost is that is 0.05-convex in w, and 1e-10 above its least.
NEAR = (2e-10 / 0.05) ** 0.5


def standardised_dense(X, case):
    return Standardised(*(jnp.asarray(a, case.dtype) for a in (X, *_ABOUT_ONE)))


_ABOUT_ONE = np.full((n, 1), 1.0), np.full((n, 1), 2.0)
# name: (X, case) -> the matrix, and the dense array that it stands for
MATRICES = {
    "numpy": (lambda X, case: X, X),
    "scipy": (lambda X, case: scipy.sparse.coo_array(X.astype("int8")), X),
    "standardised dense": (standardised_dense, (X - 1) / 2),
    # A stream lies on one device.
    **{name: made for name, made in FACTORS["matrix"].items() if name != "streamed"},
}


def make(matrix, dtype):
    of_array, dense = MATRICES[matrix]
    case = Case("Newton", "L2", "alike", "binomial", matrix, dtype, True, "none")
    with precision(dtype):
        return of_array(X, case), dense


def same_fit(found, expected, atol=1e-10):
    """The same in every number; `atol` allows for the rounding that the steps enlarge."""
    assert found.status == expected.status and found.steps == expected.steps
    assert found.solver == expected.solver and found.classes == expected.classes
    assert found.notes == expected.notes
    for name in ("params", "certificate", "history"):
        for a, b in zip(getattr(found, name), getattr(expected, name), strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            assert_allclose(a, b, rtol=atol, atol=atol)


def over_and_by_one(devices, call, *arguments, **settings):
    return [call(*arguments, devices=d, **settings) for d in (devices, None)]


@cache
def optimum():
    return fit(X, Y, penalty=L2(0.05), solver=Newton(), **EXACT)


# 60 examples over 8 devices are filled up to 64.
@pytest.mark.parametrize("solver", [Newton(), LBFGS()])
def test_every_solver_that_ends(solver):
    found = fit(X, Y, penalty=L2(0.05), solver=solver, devices="all", **EXACT | {"steps": 60})
    for a, b in zip(found.params, optimum().params, strict=True):
        assert len(a.devices()) == 8 and a.sharding.is_fully_replicated
        assert_allclose(a, b, rtol=0, atol=1e-9)
    assert abs(found.certificate.cost - optimum().certificate.cost) < 1e-14


@pytest.mark.parametrize(
    ("solver", "devices"),
    [*((GradientDescent(0.3), d) for d in (1, 2, 4, 8)), (Optax(optax.adam(0.1)), 8)],
)
def test_every_solver_that_goes_on(solver, devices):
    settings = {"penalty": L2(0.05), "solver": solver, **EXACT}
    found, expected = over_and_by_one(devices, fit, X, Y, **settings)
    same_fit(found, expected, 1e-12)
    assert len(found.params.w.devices()) == devices


@pytest.mark.parametrize(
    "matrix", ["scipy", "transposed", "compressed", "standardised sparse", "categorical"]
)
def test_matrices_of_every_kind(matrix):
    settings = {"penalty": L2(0.05), "solver": GradientDescent(0.1), **EXACT}
    given, dense = make(matrix, "float64")
    same_fit(fit(given, Y, devices=7, **settings), fit(dense, Y, **settings))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(compressed, "_BLOCK", 64)
    monkeypatch.setattr(blocked, "_CACHED", 20)
    monkeypatch.setattr(operations, "_BLOCK", 20)
    monkeypatch.setattr(operations, "_FEWEST", 3)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("matrix", "dtype"),
    [*((matrix, "float64") for matrix in MATRICES), ("numpy", "float32"), ("scipy", "float32")],
)
def test_answers_of_the_dense_array(matrix, dtype, rng):
    """Of the columns that fill the last parts up nothing is seen where their weight is 0."""
    given, dense = make(matrix, dtype)
    with precision(dtype):
        sharded = shard(given, dtype, make_mesh(7))
        assert not is_array(sharded) and sharded.dtype == dtype and sharded.shape == (n, 63)
        left, d = rng.standard_normal((2, n)), np.pad(rng.random((1, m)), ((0, 0), (0, 3)))
        right, centre = d[:, :m].T * rng.standard_normal((m, 2)), rng.random((n, 1))
        columns, rows = np.array([m - 1, 0, m // 2, 0]), np.array([0, n - 1, n - 1])

        @jax.jit
        def answers(X, left, right, d, centre, columns, rows):
            few = features(X, rows)
            return (
                (left @ X)[:, :m],
                X @ right,
                squares(X, d, centre),
                mean_absolute(X, d, centre),
                gram(X, d),
                examples(X, columns),
                few @ right,
                gram(few, d),
            )

        floats = (left, np.pad(right, ((0, 3), (0, 0))), d, centre)
        found = answers(
            sharded, *(jnp.asarray(a, dtype) for a in floats), jnp.array(columns), jnp.array(rows)
        )
        least, most = extremes(sharded)
        assert (np.asarray(least) <= dense.min(axis=1, keepdims=True)).all()
        assert_allclose(
            np.maximum(np.abs(least), np.abs(most)), np.abs(dense).max(axis=1, keepdims=True)
        )
    d, few = d[:, :m], dense[rows]
    expected = (
        left @ dense,
        dense @ right,
        (dense - centre) ** 2 @ d.T,
        np.abs(dense - centre) @ d.T / d.sum(),
        (dense * d) @ dense.T,
        dense[:, columns],
        few @ right,
        (few * d) @ few.T,
    )
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        assert_allclose(a, b, rtol=0, atol=100 * np.finfo(dtype).eps * max(np.abs(b).max(), 1))


PROBLEMS = {
    "multinomial": {"Y": FAMILIES["multinomial"], "solver": GradientDescent(0.3)},
    "independent": {"Y": FAMILIES["independent"], "family": "binomial", "solver": Newton()},
    "weights": {"s": WEIGHTS["some 0"], "class_weight": "balanced"},
    "no penalty": {"penalty": None, "tolerance": 1e-8},
    "more devices than examples": {
        "X": X[:, :5],
        "Y": [0, 1, 0, 1, 1],
        "solver": GradientDescent(0.3),
    },
    "wide": {"X": np.tile(X[:, :9], (20, 1)), "Y": [0, 1, 0] * 3, "solver": GradientDescent(0.1)},
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem(problem):
    settings = {"X": X, "Y": Y, "penalty": L2(0.05), **EXACT, **PROBLEMS[problem]}
    same_fit(*over_and_by_one(8, fit, **settings))


def test_an_elastic_net_on_a_working_set(compilations):
    """As many steps are several chunks, whose program takes what it hands back."""
    penalty, solver = ElasticNet(0.04, 0.7, PENALTY_FACTORS), Proximal(working_set=4)
    settings = {"penalty": penalty, "solver": solver, "fit_intercept": False, **EXACT}
    expected = fit(X, Y, **settings | {"steps": 250})
    fit(X, Y, devices=8, **settings)
    first = len(compilations)
    same_fit(fit(X, Y, devices=8, **settings | {"steps": 250}), expected)
    assert len(compilations) == first


def test_separable_examples_are_seen(compilations):
    found = fit(np.tile(X[:, :9], (3, 1)), [0, 1, 0] * 3, devices=4, gradient_check="off")
    assert found.status == Status.SEPARABLE and "separable" in found.notes[0]
    # Every reading of some examples compiled a program of its own: 320.
    assert len(compilations) < 20


def test_float32_refined_and_sharpened():
    settings = {"penalty": L2(0.05), "solver": Newton(), "devices": 8, "gradient_check": "off"}
    found = fit(X, Y, **settings, sharpen=True)
    assert found.params.w.dtype == np.float32
    distance = found.certificate.cost - optimum().certificate.cost
    # Where both are a few roundings of the cost, that alone distinguishes them.
    rounding = 4 * np.finfo(float).eps * found.certificate.cost
    assert 0 <= distance <= found.certificate.gap + rounding
    assert found.certificate.gap <= 10 * distance + rounding
    refined = fit(X, Y, **settings, refine=True)
    assert_allclose(refined.params.w, optimum().params.w, rtol=0, atol=NEAR)


def test_gradients_are_checked():
    task = prepare(X, Y, complete(devices=8), params=optimum().params)
    assert check_gradients(task.params, task.objective.batch).passed


def test_many_models_at_once(compilations):
    s = np.random.default_rng(0).integers(0, 3, (3, m))
    settings = {"penalty": L2(0.05), "s": s, "class_weight": "balanced", **PROVEN}
    expected = fit_many(X, Y, **settings)
    fit_many(X, Y, devices=7, steps=1, **settings)
    first = len(compilations)
    # Later steps run by the program of the first.
    found = fit_many(X, Y, devices=7, **settings)
    assert len(compilations) == first and max(found.steps) > 2
    assert found.status == expected.status
    for a, b in zip(found.params, expected.params, strict=True):
        assert_allclose(a, b, rtol=0, atol=NEAR)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("balanced_accuracy", "log_loss")]


# In every run the score that looks at the most, an order of all examples.
@pytest.mark.parametrize("scoring", ["roc_auc", *SLOW])
def test_cross_validation(scoring):
    settings = {"strengths": [0.2, 0.05], "folds": 3, "scoring": scoring, "solver": "newton"}
    settings |= {"class_weight": "balanced", "s": WEIGHTS["some 0"], **PROVEN}
    found, expected = over_and_by_one(7, cross_validate, X, Y, **settings)
    assert found.held_out.shape == (3, m) and found.best == expected.best
    assert_allclose(found.scores, expected.scores, rtol=0, atol=NEAR)


@pytest.mark.slow
def test_resamples():
    settings = {"resamples": 3, "penalty": L2(0.05), "at": X[:, :2], **PROVEN}
    found, expected = over_and_by_one(7, bootstrap, X, Y, **settings)
    for a, b in zip(found.probabilities, expected.probabilities, strict=True):
        assert_allclose(a, b, rtol=0, atol=NEAR)


def test_a_path():
    settings = {"strengths": 3, "penalty": L2, "smallest": 0.1, "solver": "newton", **PROVEN}
    found, expected = over_and_by_one(7, path, X, Y, **settings)
    assert found.status == expected.status
    assert_allclose(found.strengths, expected.strengths, rtol=1e-12)
    assert_allclose(found.w, expected.w, rtol=0, atol=NEAR)


def collectives(f, *arguments):
    """Return the arrays that the collectives of the compiled program exchange: kinds and sizes.

    Several arrays in one collective are as many exchanges to gloo, which connects hosts.
    """
    text = jax.jit(f).lower(*arguments).compile().as_text()
    found = re.findall(r"= (.*?) (all-\w+|collective-\w+|reduce-scatter)(?:-start)?\(", text)
    return [
        (kind, prod(map(int, filter(None, dims.split(",")))))
        for shapes, kind in found
        for dims in re.findall(r"\w\[([\d,]*)\]", shapes)
    ]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("matrix", ["numpy", "transposed", "compressed", "sparse", "scipy"])
def test_only_sums_are_exchanged(matrix):
    """X stays where it is: gradients take (n, k) numbers over the wire, Gram matrices (n, n)."""
    given, _ = make(matrix, "float32")
    for k, labels in ((1, Y), (3, FAMILIES["multinomial"])):
        task = prepare(given, labels, complete(devices=8))
        batch, family = task.objective.batch, task.objective.family
        seen = collectives(
            lambda p, b, family=family: backprop(p, b, None, family), task.params, batch
        )
        assert seen and {kind for kind, _ in seen} == {"all-reduce"}
        assert sum(size for _, size in seen) <= (n + 1) * k + 3
    seen = collectives(gram, batch.X, batch.s)
    assert {kind for kind, _ in seen} == {"all-reduce"} and sum(s for _, s in seen) == n * n


@pytest.mark.parametrize("matrix", ["numpy", "standardised dense"])
def test_a_step_of_lbfgs_exchanges_little(matrix):
    """Three vectors: J with its gradient, the sum of a sharp gap, a trial of the line search.

    The others are those of a renewed preconditioner, which is rare: a sample of X and its weights.
    """
    given, _ = make(matrix, "float32")
    task = prepare(given, Y, complete(devices=8), penalty=L2(0.05))
    loop, carry = initialise(Loop(task.objective, LBFGS(), 9, Goal(0.0)), task.params, None)
    seen = collectives(partial(body, wanted=True, branch=True), loop, carry)
    step, renewed = [n + 1 + 1 + 2, 1, 2], [64 * n, 64, 1]
    assert sorted(seen) == sorted(("all-reduce", size) for size in step + renewed)


@jax.tree_util.register_dataclass
@dataclass
class Other:
    """A matrix that nobody here knows how to split."""

    rows: Any
    shape = (n, m)

    def __rmatmul__(self, left):
        return left @ self.rows


def spoiled(value):
    wrong = X.copy()
    wrong[2, 3] = value
    return wrong


WRONG = {
    "too many": (
        dict(devices=9),
        r"devices is 9, but .* 8 cpu devices: expected 'all' or 1 to 8; ",
    ),
    "none": (dict(devices=0), r"devices is 0, but .*: expected 'all' or 1 to 8; .*NUM_CPU_DEVICES"),
    "some": (dict(devices="some"), r"devices is 'some', but this machine has 8 cpu devices"),
    "a bool": (dict(devices=True), r"devices is True, but this machine has 8 cpu devices"),
    "a list": (dict(devices=[0, 1]), r"devices is \[0, 1\], but this machine has 8"),
    "no such kind": (dict(devices=2, device="tpu"), r"device is 'tpu', but this JAX sees cpu only"),
    "NaN": (dict(X=spoiled(np.nan)), r"X\[2, 3\] is nan \(feature 2, example 3\)"),
    "sparse infinity": (dict(X=scipy.sparse.csr_array(spoiled(np.inf))), r"X\[2, 3\] is inf"),
    "a matrix of another kind": (dict(X=Other(X)), r"X is a Other, .*: expected an array, a SciPy"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_line_says_what_came_and_what_was_expected(wrong):
    settings, message = WRONG[wrong]
    with pytest.raises(InputError, match=message) as error:
        fit(**{"X": X, "Y": Y, "devices": 8, **settings})
    assert "\n" not in str(error.value)
