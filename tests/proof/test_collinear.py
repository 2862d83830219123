import jax.numpy as jnp
import numpy as np
import pytest

from jax_logreg.proof.collinear import Collinear
from jax_logreg.proof.collinear import collinear_features as found_in


def collinear_features(*arguments, **settings):
    """The numbers of the features alone."""
    return tuple(one.feature for one in found_in(*arguments, **settings))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [30, 5000])
class TestConstructions:
    def X(self, rng, dtype, m, n=6):
        return rng.normal(size=(n, m)).astype(dtype)

    def test_none(self, rng, dtype, m):
        assert collinear_features(self.X(rng, dtype, m)) == ()

    def test_the_later_of_two_equal_features(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[4] = X[1]
        assert collinear_features(X) == (4,)

    def test_multiples_and_shifts(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[2], X[5] = -3.7 * X[0], 0.3 * X[1] + 10
        assert collinear_features(X) == (2, 5)
        assert collinear_features(X, intercept=False) == (2,)

    def test_sums(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[3] = X[0] + 0.1 * X[1] - 7 * X[2]
        X[5] = X[4] - X[3]
        assert collinear_features(X) == (3, 5)

    def test_constants_belong_to_the_intercept(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[1], X[3], X[4] = 0.1, 0, 1e4
        assert collinear_features(X) == (1, 3, 4)
        assert collinear_features(X, intercept=False) == (3, 4)

    def test_dummies_of_every_category(self, rng, dtype, m):
        X = np.eye(4, dtype=dtype)[rng.permutation(np.arange(m) % 4)].T
        assert collinear_features(X) == (3,)
        assert collinear_features(X, intercept=False) == ()

    def test_any_scale_and_offset(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[3] = X[0] + 0.1 * X[1] - 7 * X[2]
        X = ((X + 10) * 10 ** rng.uniform(-30, 30, (6, 1))).astype(dtype)
        assert collinear_features(X) == (3,)

    def test_a_rare_example_makes_the_difference(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[2] = 0
        X[2, m // 3 + 1] = 1
        X[4] = X[1]
        X[4, m // 2 + 1] += 0.1
        X[5] = X[1]
        assert collinear_features(X) == (5,)
        s = np.ones((1, m))
        s[0, [m // 3 + 1, m // 2 + 1]] = 0
        assert collinear_features(X, s) == (2, 4, 5)

    def test_nearly_is_not(self, rng, dtype, m):
        X = self.X(rng, dtype, m)
        X[4] = X[1] + 3e-4 * X[0] + 3e-4 * rng.normal(size=m).astype(dtype)
        assert collinear_features(X) == ()


@pytest.mark.parametrize("intercept", [True, False])
def test_more_features_than_examples(rng, intercept):
    X = rng.normal(size=(200, 40))
    X[3] = X[2]
    rank = 40 - intercept
    expected = (3, *range(rank + 1, 200))
    assert collinear_features(X, intercept=intercept) == expected


@pytest.mark.parametrize("number", range(40))
def test_what_is_left_has_the_same_rank(number):
    rng = np.random.default_rng(number)
    n, m, rank = rng.integers(1, 150), rng.integers(2, 300), rng.integers(1, 100)
    X = (rng.integers(-2, 3, (n, rank)) @ rng.integers(-3, 4, (rank, m))).astype(float)
    found = collinear_features(X)
    full = np.vstack([np.ones(m), X])
    basis = np.delete(full, np.array(found, int) + 1, axis=0)
    assert np.linalg.matrix_rank(basis) == len(basis) == np.linalg.matrix_rank(full)
    # Each is a combination of those before it.
    for j in found[:5]:
        before = np.delete(full, np.array(found, int) + 1, axis=0)[: j + 1 - sum(np.less(found, j))]
        c = np.linalg.lstsq(before.T, X[j], rcond=None)[0]
        np.testing.assert_allclose(c @ before, X[j], atol=1e-8)


def test_integers_jax_arrays_and_nothing():
    X = np.array([[1, 2, 3, 4], [2, 4, 6, 8], [1, 0, 0, 1]])
    assert collinear_features(X) == (1,)
    assert collinear_features(jnp.asarray(X)) == (1,)
    assert collinear_features(X, np.zeros((1, 4))) == (0, 1, 2)
    assert collinear_features(np.zeros((0, 3))) == ()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_feature_is_combined_of(rng, dtype):
    X = (rng.normal(size=(8, 300)) + 3).astype(dtype)
    X[2], X[4], X[6] = 2 * X[0], 5, 0
    X[5] = 0.5 * X[1] - 3 * X[3]
    X[7] = X[3] - 2
    expected = (
        Collinear(2, (0,), False),
        Collinear(4, (), True),
        Collinear(5, (1, 3), False),
        Collinear(6, (), True),
        Collinear(7, (3,), True),
    )
    assert found_in(X) == expected
    # Without an intercept the constant stands for one.
    expected = (expected[0], expected[2], Collinear(6, (), False), Collinear(7, (3, 4), False))
    assert found_in(X, intercept=False) == expected


def test_some_features_alone(rng):
    X = rng.normal(size=(6, 50))
    X[1], X[3], X[5] = X[0], X[0] + X[2], X[2]
    assert found_in(X, columns=[1, 2, 3]) == (Collinear(3, (1, 2), False),)
    assert found_in(X, columns=[0, 2, 4]) == ()
    assert found_in(X, columns=[2, 5]) == (Collinear(5, (2,), False),)
