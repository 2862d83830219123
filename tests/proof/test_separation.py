import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jax_logreg.logistic import Params
from jax_logreg.matrix import Transposed, from_scipy, standardise
from jax_logreg.proof.collinear import collinear_features
from jax_logreg.proof.separation import Separation, find_separation

KINDS = {"complete": True, "quasi": False, "overlap": None}


def one_hot(y, K):
    return (np.arange(K)[:, None] == y) * 1.0


def with_every_label(x, K):
    """Each of the points once a class: no direction has a margin other than 0 there."""
    return np.repeat(x, K, axis=1), np.tile(np.arange(K), x.shape[1])


def construct(rng, kind, n, m, K, grid):
    """Examples (n, M) and labels that are of the kind, provably; K classes."""
    X = rng.integers(-3, 4, (n, m)) * 1.0 if grid else rng.normal(size=(n, m))
    if kind == "overlap":
        # Any n + 1 points that span: no direction is left.
        span = np.hstack([np.zeros((n, 1)), np.eye(n)]) + (0 if grid else rng.normal(size=(n, 1)))
        T, t = with_every_label(span, K)
        return np.hstack([X, T]), np.append(rng.integers(0, K, m), t)
    if kind == "complete":
        W = rng.integers(-2, 3, (K, n)) + rng.normal(size=(K, 1)) * 0.1
        W[0] += 1
        Z = W @ X
        first, second = np.sort(Z, axis=0)[[-1, -2]]
        keep = first - second > 0.05
        return X[:, keep], Z.argmax(axis=0)[keep]
    w = rng.integers(-2, 3, (1, n)) * 1.0
    w[0, 0] = 1
    z = (w @ X)[0]
    y = np.where(z > 0, K - 1, rng.integers(0, K - 1, m))
    y[z == 0] = rng.integers(0, K, np.sum(z == 0))
    on = X[:, :3] - w.T * (w @ X[:, :3])
    on[1:] = X[1:, :3]
    on[0] = -(w[:, 1:] @ X[1:, :3])[0]
    T, t = with_every_label(on, K)
    # At least one is strictly beyond.
    beyond = w.T / (w @ w.T)
    return np.hstack([X, T, beyond]), np.concatenate([y, t, [K - 1]])


def disguise(rng, X, y, K, dtype):
    """The same kind: features copied, constant, scaled, shifted; examples that do not count."""
    n, m = X.shape
    if rng.random() < 0.3:
        X = np.vstack([X, X[: max(1, n // 2)], np.full((1, X.shape[1]), 7.0)])
    if rng.random() < 0.5 and dtype == "float64":
        X = X + rng.normal(size=(len(X), 1)) * 100
    scale = 10 ** rng.uniform(-30, 30, (len(X), 1)) if rng.random() < 0.5 else 1.0
    X = X * scale
    s = rng.uniform(0.1, 3, (1, m))
    extra = X[:, rng.integers(0, m, 9)]
    extra[:, 0] = np.nan
    X, y = np.hstack([X, extra]), np.append(y, rng.integers(0, K, 9))
    order = rng.permutation(len(y))
    s = np.append(s, np.zeros((1, 9)), axis=1)
    return X[:, order].astype(dtype), y[order], s[:, order]


def separates(found, X, Y, s):
    """Return whether the direction does what is claimed, to 1e-9 of the terms that it adds."""
    X, Y = np.float64(X[:, s[0] > 0]), Y[:, s[0] > 0]
    Z = found.direction.T @ X + found.intercept
    size = np.abs(found.direction).T @ np.abs(X) + np.abs(found.intercept)
    if len(Y) == 1:
        margin = Z * (2 * Y - 1)
    else:
        own = np.sum(Z * Y, axis=0)
        margin = np.where(Y == 1, np.inf, own - Z)
        size = np.broadcast_to(size.max(axis=0), Z.shape)
    assert np.all(margin >= -1e-8 * size)
    assert np.any(margin[np.isfinite(margin)] > 0)
    if found.complete:
        assert np.all(margin > 0)


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("multinomial", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_construction_is_named_right(kind, multinomial, number):
    for case in range(10):
        K = 3 + case % 3 if multinomial else 2
        rng = np.random.default_rng([number, case, K, list(KINDS).index(kind)])
        n, m = rng.integers(1, 9), rng.integers(5, 201)
        dtype = "float32" if case % 4 == 3 else "float64"
        X, y = construct(rng, kind, n, m, K, grid=case % 2 == 1)
        X, y, s = disguise(rng, X, y, K, dtype)
        Y = one_hot(y, K) if multinomial else y[None]
        found = find_separation(X, Y, s, multinomial=multinomial)
        label = f"{kind} {case} K={K} n={n} m={m} {dtype}"
        assert (found and found.complete) == KINDS[kind], label
        if found and dtype == "float64":
            separates(found, X, Y, s)


def find(X, y, **settings):
    X, y = np.atleast_2d(X), np.asarray(y)
    settings.setdefault("multinomial", False)
    return find_separation(X, np.atleast_2d(y), np.ones((1, X.shape[1])), **settings)


class TestByHand:
    X = np.array([[1.0, 2, 3, 4, 5, 6]])

    def test_a_step_is_complete(self):
        found = find(self.X, [0, 0, 0, 1, 1, 1])
        assert (found.complete, found.features, found.outputs) == (True, (0,), (0,))
        assert -found.intercept[0, 0] / found.direction[0, 0] == pytest.approx(3.5)

    def test_a_tie_at_the_step_is_quasi_complete(self):
        found = find([[1, 2, 3, 3, 4, 5]], [0, 0, 0, 1, 1, 1])
        assert (found.complete, found.features) == (False, (0,))
        assert -found.intercept[0, 0] / found.direction[0, 0] == pytest.approx(3)

    def test_one_out_of_order_overlaps(self):
        assert find(self.X, [0, 0, 1, 0, 1, 1]) is None

    def test_a_band_overlaps_until_it_is_squared(self):
        y = [0, 0, 1, 1, 0, 0]
        assert find(self.X, y) is None
        assert find(np.vstack([self.X, self.X**2]), y).complete

    def test_exclusive_or(self):
        X = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]])
        assert find(X, [0, 1, 1, 0]) is None
        assert find(X, [0, 1, 1, 1]).complete
        assert find(np.hstack([X, X]), [0, 1, 1, 1, 0, 1, 0, 1]).features == (1,)

    def test_one_class_only_is_the_intercepts(self):
        found = find(self.X, [1, 1, 1, 1, 1, 1])
        assert found.complete
        assert found.features == ()
        assert "the intercept alone" in found.describe()

    def test_without_an_intercept_the_step_must_be_at_zero(self):
        y = [0, 0, 0, 1, 1, 1]
        assert find(self.X, y, intercept=False) is None
        assert find(self.X - 3.5, y, intercept=False).complete
        assert not find(self.X - 3, y, intercept=False).complete
        assert find(np.vstack([self.X, np.full(6, 2)]), y, intercept=False).features == (0, 1)

    def test_constants_and_copies_separate_nothing(self):
        X = np.vstack([self.X, np.full(6, 0.1), self.X, 3 * self.X - 2])
        assert find(X, [0, 1, 0, 1, 1, 0]) is None
        assert find(X.astype("float32"), [0, 1, 0, 1, 1, 0]) is None

    def test_only_free_features_count(self):
        X = np.vstack([self.X, [3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 2, 8]])
        y = [0, 0, 0, 1, 1, 1]
        assert find(X, y).features == (0,)
        assert find(X, y, free=np.array([True, False, False])).features == (0,)
        assert find(X, y, free=np.array([False, True, False])) is None
        assert find(X, y, free=np.zeros(3, bool)) is None
        assert find(X, np.ones(6), free=np.zeros(3, bool)).features == ()

    def test_outputs_are_examined_one_by_one(self):
        Y = [[0, 1, 0, 1, 0, 1], [0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 0, 0]]
        found = find(self.X, Y)
        assert found.outputs == (1, 2)
        assert not np.any(found.direction[:, 0])
        assert found.direction[0, 1] > 0 > found.direction[0, 2]

    def test_a_class_apart_is_the_only_output(self):
        X = np.array([[0.0, 0, 0, 0, 5, 6], [0, 1, 0, 1, 0, 1]])
        for apart in range(3):
            y = np.array([1, 1, 2, 2, 0, 0])
            found = find(X, one_hot((y + apart) % 3, 3), multinomial=True)
            assert (found.complete, found.features, found.outputs) == (False, (0,), (apart,))

    def test_two_classes_are_one_output(self):
        found = find(self.X, one_hot([0, 0, 0, 1, 1, 1], 2), multinomial=True)
        assert found.complete

    def test_no_example_counts(self):
        assert find_separation(self.X, np.ones((1, 6)), np.zeros((1, 6)), multinomial=False) is None


class TestManyExamples:
    def data(self, rng, m=20000):
        X = rng.normal(size=(8, m))
        return X, (rng.random(m) < 1 / (1 + np.exp(-3 * X[0]))) * 1

    def test_overlap(self, rng):
        assert find(*self.data(rng)) is None

    def test_a_single_example_decides(self, rng):
        X, y = self.data(rng)
        X[5] = 0
        X[5, 12345] = 1e-12
        found = find(X, y)
        assert (found.complete, found.features) == (False, (5,))
        X, y = np.insert(X, 7, X[:, 12345], axis=1), np.insert(y, 7, 1 - y[12345])
        assert find(X, y) is None

    def test_parameters_that_classify_all(self, rng):
        X, _ = self.data(rng)
        w = np.zeros((8, 1))
        w[[2, 6], 0] = 1, -0.5
        y = (w.T @ X + 0.3 > 0)[0] * 1
        found = find(X, y, params=Params(w, np.full((1, 1), 0.3)))
        assert found.complete
        assert {2, 6} <= set(found.features)

    def test_a_small_set_of_features(self, rng):
        X = rng.normal(size=(60, 3000))
        X[41, np.abs(X[41]) < 0.1] = 2
        assert find(X, X[41] > 0).features == (41,)

    def test_more_features_than_examples(self, rng):
        X, y = rng.normal(size=(600, 50)), rng.integers(0, 2, 50)
        assert find(X, y).complete


@pytest.mark.parametrize("kind", ["jax", "transposed", "sparse", "standardised"])
def test_any_matrix(kind):
    dense = np.array([[1, 2, 3, 3, 4, 5], [0, 0, 1, 0, 1, 0], [2, 2, 2, 2, 2, 2]], "float32")
    y = np.array([[0, 0, 0, 1, 1, 1]])
    X = jnp.asarray(dense)
    if kind == "transposed":
        X = Transposed(X.T)
    elif kind == "sparse":
        X = from_scipy(scipy.sparse.csr_array(dense), "float32")
    elif kind == "standardised":
        X = standardise(X, jnp.ones((1, 6)))
    found = find_separation(X, y, np.ones((1, 6)), multinomial=False)
    assert (found.complete, found.features) == (True, (0, 1))
    overlapping = np.array([[0, 1, 0, 0, 1, 1]])
    assert find_separation(X, overlapping, np.ones((1, 6)), multinomial=False) is None
    assert [one.feature for one in collinear_features(X)] == [2]


def test_one_line_for_users():
    found = Separation(True, tuple(range(9)), (0,), np.ones((9, 1)), np.ones((1, 1)))
    assert found.describe() == (
        "the classes are completely separable by features 0, 1, 2, 3, 4 and 4 more (and the "
        "intercept)"
    )
    found = Separation(False, (1,), (0,), np.ones((2, 1)), np.zeros((1, 1)))
    line = found.describe(["age", "dose"])
    assert line == "the classes are quasi-completely separable by feature dose"


def test_importing_it_imports_no_solver():
    code = (
        "import sys, jax_logreg, jax_logreg.proof.separation, jax_logreg.proof.collinear\n"
        "assert 'scipy.optimize' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
