"""The working set of proximal steps in NumPy: few features, whose Gram matrix grows by columns."""

import numpy as np
import pytest

from jax_logreg import L1, Batch, ElasticNet, Proximal, Status, matrix
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.matrix.dense import Transposed
from jax_logreg.objective import Objective
from jax_logreg.solver import active_set, working_set
from jax_logreg.sweep import path

KINDS = {
    "an array": lambda X: X,
    "rows of examples": lambda X: Transposed(np.ascontiguousarray(X.T)),
    "a standardised view": lambda X: matrix.Standardised(
        X, X.mean(axis=1, keepdims=True), X.std(axis=1, keepdims=True)
    ),
}


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gram_matrix_grows_to_that_of_all(kind, intercept):
    rng = np.random.default_rng(0)
    X, d = KINDS[kind](rng.standard_normal((20, 30))), rng.random((1, 30))
    objective = Objective(Batch(X, np.zeros((1, 30)), np.ones((1, 30))), intercept=intercept)
    features, more = np.array([3, 11, 7]), np.array([1, 19])
    gram = objective.gram(matrix.features(X, features), d)
    grown = working_set._widened(objective, gram, features, more, d)
    whole = objective.gram(matrix.features(X, np.concatenate([features, more])), d)
    np.testing.assert_allclose(grown, whole, atol=1e-12)


def wide(k=1):
    rng = np.random.default_rng(k)
    X = rng.standard_normal((120, 80)) + 0.5 * rng.standard_normal((1, 80))
    Z = rng.standard_normal((k, 8)) @ X[:8] + rng.standard_normal((k, 80))
    return X, Z


PROBLEMS = {
    "one output": (1, L1, {}),
    "several outputs": (3, L1, {"family": "binomial"}),
    "classes without blocks": (3, L1, {"family": "multinomial"}),
    "elastic net": (1, ElasticNet(1.0, 0.7), {}),
    "features without a penalty": (
        1,
        L1(1.0, 1.0 * (np.arange(120) % 40 > 0)),
        {"solver": Proximal(60)},
    ),
    "more urgent features than fit in": (1, L1, {"solver": Proximal(40)}),
    "float64": (1, L1, {"dtype": "float64", "tolerance": 1e-8}),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_certificate_proves_each_model(name, monkeypatch):
    monkeypatch.setattr(working_set, "_LARGEST_COUPLED", 0)
    k, penalty, settings = PROBLEMS[name]
    X, Z = wide(k)
    Y = Z.argmax(axis=0) if "classes" in name else (Z > 0).astype(float)
    asked = {"tolerance": 1e-4, "executor": "numpy"} | settings
    found = path(X, Y, penalty=penalty, strengths=8, smallest=0.1, **asked)
    assert set(found.status) == {Status.CONVERGED}
    if "penalty" not in name:
        assert (found.relative_gap <= asked["tolerance"]).all()


def test_a_path_compiles_nothing_and_makes_few_small_gram_matrices(monkeypatch, compilations):
    sizes, factors, gradients = [], [], []

    def spied(owner, name, seen):
        plain = getattr(owner, name)

        def call(*given):
            seen(*given)
            return plain(*given)

        monkeypatch.setattr(owner, name, call)

    spied(Objective, "gram", lambda _, X, d: sizes.append(len(X)))
    spied(active_set.Search, "_hessian", lambda _, index: factors.append(len(index)))
    spied(Objective, "evaluate_from", lambda *given: gradients.append(given))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 300)).astype(np.float32)
    y = rng.standard_normal(5) @ X[:5] + rng.standard_normal(300) > 0
    found = path(X, y, strengths=30, smallest=0.1, tolerance=1e-4, executor="numpy")
    assert set(found.status) == {Status.CONVERGED}
    assert not compilations
    active = np.count_nonzero(found.w[-1])
    assert active > 64
    # Measured: 41 steps. A small Gram matrix costs less than the steps that a stale one adds: so
    # each step has its own; they have 128 features at most, and the model has 83 in the end.
    assert found.steps.sum() <= 45 and len(sizes) <= 32
    assert max(sizes) <= 1.7 * active
    assert len(factors) <= 1.2 * found.steps.sum()
    # A product with X gives a step its gradient, which proves the answer and begins the next model.
    assert len(gradients) <= found.steps.sum() + 10


def test_a_path_resumes_in_the_midst_of_a_model_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("jax_logreg.loop.chunks._CHUNK", 1)
    monkeypatch.setattr("jax_logreg.loop.chunks._first_limit", lambda loop: 1)
    X, Z = wide()

    def sweep(**given):
        asked = {"tolerance": 1e-4, "solver": Proximal(40), "executor": "numpy"}
        return path(X, Z > 0, strengths=6, smallest=0.1, **asked, **given)

    whole = sweep()
    for _ in range(int(whole.steps.sum()) - 1):
        checkpoint = Checkpoint(tmp_path, steps=1)
        checkpoint.stop(15)
        with pytest.raises(Stopped):
            sweep(checkpoint=checkpoint)
    last = sweep(checkpoint=Checkpoint(tmp_path))
    np.testing.assert_array_equal(last.w, whole.w)
    np.testing.assert_array_equal(last.steps, whole.steps)


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_a_state_knows_of_an_answer_is_what_is_computed_again(name, monkeypatch):
    k, penalty, settings = PROBLEMS[name]
    X, Z = wide(k)
    Y = Z.argmax(axis=0) if "classes" in name else (Z > 0).astype(float)
    asked = {"strengths": 4, "smallest": 0.2, "tolerance": 1e-4, "executor": "numpy"} | settings
    known = path(X, Y, penalty=penalty, **asked)
    monkeypatch.setattr("jax_logreg.loop.chunks._known", lambda loop, carry: None)
    again = path(X, Y, penalty=penalty, **asked)
    np.testing.assert_array_equal(known.w, again.w)
    np.testing.assert_allclose(known.cost, again.cost, rtol=1e-6)
    np.testing.assert_allclose(known.relative_gap, again.relative_gap, rtol=0.05, atol=1e-6)


@pytest.mark.parametrize("signs", ["positive", "mixed"])
@pytest.mark.parametrize("kind", KINDS)
def test_gram_matrices_of_numpy(kind, signs):
    """Half is computed where all weights are positive; those between classes are not."""
    rng = np.random.default_rng(0)
    X, d = rng.standard_normal((7, 600)), rng.random((1, 600)) - 0.5 * (signs == "mixed")
    X = KINDS[kind](X)
    dense = np.asarray(np.eye(7) @ X if kind == "an array" else X.__rmatmul__(np.eye(7)))
    np.testing.assert_allclose(matrix.gram(X, d), dense * d @ dense.T, atol=1e-10)
