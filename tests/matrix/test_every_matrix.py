"""One contract for whatever stands where X stands: the answers of the dense array it stands for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from cases import DTYPES, Pieces, params, precision

from jax_logreg import Batch, backprop, check_gradients
from jax_logreg.matrix import (
    Standardised,
    Transposed,
    compress,
    compressed,
    examples,
    features,
    from_codes,
    from_scipy,
    gram,
    is_array,
    mean_absolute,
    operations,
    squares,
    stack,
    standardise,
    stream,
)
from jax_logreg.matrix import (
    categorical as categories,
)
from jax_logreg.matrix import (
    stacked as stacking,
)


def numbers(shape):
    """Integers of 0 to 9, half of them 0, and an empty first row and column where there is room."""
    rng = np.random.default_rng(shape)
    X = rng.integers(1, 10, shape) * rng.integers(0, 2, shape).astype("float64")
    if min(shape) > 2:
        X[0], X[:, 0] = 0, 0
    return X


def coarse(X):
    """X as 127 steps a feature hold it, a step having 17 bits."""
    mantissa, exponent = np.frexp(np.abs(X).max(axis=1, keepdims=True) / 127)
    scale = np.ldexp(np.ceil(mantissa * 2**17) / 2**17, exponent)
    scale[scale == 0] = 1
    return np.rint(X / scale) * scale


def shifted(inner, stands_for):
    """A standardised view of another matrix."""

    def make(X, dtype):
        n = len(X)
        mean, scale = np.linspace(-1, 2, n)[:, None], np.linspace(0.5, 3, n)[:, None]
        view = Standardised(inner(X, dtype), jnp.asarray(mean, dtype), jnp.asarray(scale, dtype))
        return view, (stands_for(X) - mean) / scale

    return make


def alike(make, stands_for=lambda X: X):
    return lambda X, dtype: (make(X, dtype), stands_for(X))


def stored(storage):
    return lambda X, dtype: compress(X, storage, dtype)


def from_csr(X, dtype):
    return from_scipy(scipy.sparse.csr_array(X), dtype)


def streamed(X, dtype):
    """In columns of float64 or in rows of uint8, by the dtype: either is of any dtype elsewhere."""
    columns = dtype == "float64"
    return stream(Pieces(X.astype("float64" if columns else "uint8"), not columns), 16)


def codes(X):
    """Columns of 4 levels and of 1, as many as X has rows: a code of none now and then."""
    n, m = X.shape
    levels = (n,) if n < 5 else (4, 1, n - 5) if n > 5 else (4, 1)
    rng = np.random.default_rng([n, m])
    return [rng.integers(0, count + 1, m) for count in levels], levels


def categorical(X, dtype):
    columns, levels = codes(X)
    one_hot = [
        np.arange(count)[:, None] == code for code, count in zip(columns, levels, strict=True)
    ]
    return from_codes(columns, levels, dtype=dtype), np.concatenate(one_hot).astype("float64")


def stacked(X, dtype):
    """Numbers, standardised, then sparse ones, then categories, as many of each as there are."""
    n = len(X)
    first, second = (n + 2) // 3, (2 * n + 2) // 3
    makers = (MATRICES["standardised dense"], MATRICES["sparse"], categorical)
    parts = (X[:first], X[first:second], X[second:])
    made = [make(part, dtype) for make, part in zip(makers, parts, strict=True) if len(part)]
    return stack([matrix for matrix, _ in made]), np.concatenate([dense for _, dense in made])


def bfloat16(X):
    return (X / 7).astype(jnp.bfloat16).astype("float64")


# name: (X, dtype) -> the matrix, and the dense array that it stands for
MATRICES = {
    "dense": alike(jnp.asarray),
    "transposed": alike(lambda X, dtype: Transposed(jnp.asarray(X.T, dtype))),
    "standardised dense": shifted(jnp.asarray, lambda X: X),
    "standardised sparse": shifted(from_csr, lambda X: X),
    "standardised int8": shifted(stored("int8"), coarse),
    "uint8": alike(stored("uint8")),
    "int8": alike(lambda X, dtype: compress(X - 3, "int8", dtype), lambda X: coarse(X - 3)),
    "bfloat16": alike(lambda X, dtype: compress(X / 7, "bfloat16", dtype), bfloat16),
    "float32": alike(stored("float32")),
    "sparse": alike(from_csr),
    "streamed": alike(streamed),
    "categorical": categorical,
    "stacked": stacked,
}
# Several blocks, the last one not full; one example; one feature.
SHAPES = [(7, 50), (6, 1), (1, 5)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(compressed, "_BLOCK", 128)
    monkeypatch.setattr(operations, "_BLOCK", 64)
    monkeypatch.setattr(operations, "_FEWEST", 7)
    monkeypatch.setattr(stacking, "_BLOCK", 50)
    monkeypatch.setattr(categories, "_SUMS", 16)
    monkeypatch.setattr(categories, "_FEWEST", 7)


@pytest.fixture(params=DTYPES)
def dtype(request):
    with precision(request.param):
        yield request.param


def whole(part):
    """The array of a part that may be streamed."""
    return part if is_array(part) else jnp.eye(part.shape[0], dtype=part.dtype) @ part


@pytest.fixture(params=MATRICES)
def make(request):
    return MATRICES[request.param]


def factor(rng, shape, dtype):
    return jnp.asarray(rng.standard_normal(shape), dtype)


def same(actual, expected, dtype):
    expected = np.asarray(expected)
    assert actual.shape == expected.shape and actual.dtype == dtype
    atol = 100 * np.finfo(dtype).eps * max(np.abs(expected).max(initial=0), 1)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_of_the_dense_array(make, shape, dtype, rng):
    X, dense = make(numbers(shape), dtype)
    n, m = shape
    assert X.shape == shape and X.dtype == dtype
    lefts, rights = ([factor(rng, f, dtype) for f in fs] for fs in _factors(n, m))
    d = factor(rng, (1, m), dtype)
    columns, rows = jnp.asarray([m - 1, 0, m // 2, 0]), jnp.asarray([0, n - 1, n - 1])

    @jax.jit
    def answers(X):
        return (
            [left @ X for left in lefts],
            [X @ right for right in rights],
            [squares(X, d), mean_absolute(X, d**2), gram(X, d)],
            [examples(X, columns), whole(features(X, rows))],
        )

    expected = (
        [left @ dense for left in lefts],
        [dense @ right for right in rights],
        [dense**2 @ d.T, np.abs(dense) @ (d**2).T / (d**2).sum(), (dense * d) @ dense.T],
        [dense[:, columns], dense[rows]],
    )
    jax.tree.map(lambda actual, answer: same(actual, answer, dtype), answers(X), expected)


def _factors(n, m):
    return [(1, n), (3, n)], [(m, 1), (m, 3)]


def test_about_a_centre(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    centre, s = factor(rng, (7, 1), dtype), factor(rng, (1, 50), dtype) ** 2
    same(jax.jit(squares)(X, s, centre), ((dense - centre) ** 2) @ s.T, dtype)
    same(jax.jit(mean_absolute)(X, s, centre), np.abs(dense - centre) @ s.T / s.sum(), dtype)


def test_many_factors_at_once(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    left, right = factor(rng, (4, 3, 7), dtype), factor(rng, (4, 50, 3), dtype)
    same(jax.jit(jax.vmap(lambda left: left @ X))(left), left @ dense, dtype)
    same(jax.jit(jax.vmap(lambda right: X @ right))(right), dense @ right, dtype)


def test_differentiated_in_both_directions(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    left, right = factor(rng, (2, 7), dtype), factor(rng, (50, 2), dtype)
    c, e = factor(rng, (2, 50), dtype), factor(rng, (7, 2), dtype)
    same(jax.jit(jax.grad(lambda left: jnp.sum(c * (left @ X))))(left), c @ dense.T, dtype)
    same(jax.jit(jax.grad(lambda right: jnp.sum(e * (X @ right))))(right), dense.T @ e, dtype)
    same(
        jax.jit(lambda left: jax.jvp(lambda left: left @ X, (left,), (left,))[1])(left),
        left @ dense,
        dtype,
    )


def test_in_a_scanned_loop(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    w = factor(rng, (7, 1), dtype)

    @jax.jit
    def power(w):
        def step(w, _):
            w = X @ (w.T @ X).T
            return w / jnp.sqrt(jnp.sum(w**2)), None

        return jax.lax.scan(step, w, None, length=3)[0]

    expected = np.asarray(w, "float64")
    for _ in range(3):
        expected = dense @ (dense.T @ expected)
        expected /= np.linalg.norm(expected)
    same(power(w), expected, dtype)


def test_gradients_of_the_cross_entropy(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    Y = jnp.asarray(rng.integers(0, 2, (1, 50)), dtype)
    s = factor(rng, (1, 50), dtype) ** 2
    start = params(7, dtype)
    J, gradients = jax.jit(backprop)(start, Batch(X, Y, s))
    expected_J, expected = backprop(start, Batch(jnp.asarray(dense, dtype), Y, s))
    same(J, expected_J, dtype)
    same(gradients.w, expected.w, dtype)
    same(gradients.b, expected.b, dtype)
    assert check_gradients(start, Batch(X, Y, s)).passed


def test_stands_where_X_stands(make):
    X, _ = make(numbers((7, 50)), "float32")
    assert is_array(X) == isinstance(X, jax.Array)


def test_standardised_under_weights(make, dtype, rng):
    X, dense = make(numbers((7, 50)), dtype)
    s = np.round(rng.random((1, 50)) * 2)
    total = s.sum()
    mean = dense @ s.T / total
    deviation = np.sqrt(((dense - mean) ** 2) @ s.T / total)
    Z = jax.jit(standardise)(X, jnp.asarray(s, dtype))
    same(Z.mean, mean, dtype)
    same(Z.scale, np.where(np.ptp(dense, axis=1, keepdims=True) == 0, 1, deviation), dtype)


@pytest.mark.parametrize("storage", ["array", "transposed", "sparse", "int8", "bfloat16"])
@pytest.mark.parametrize("m", [50, 1001])
def test_a_constant_feature_becomes_nothing(storage, m, dtype, rng):
    """Features 0 to 3 are constant wherever the weight is positive; the last one just is not."""
    values = np.array([[0.1], [0.0], [-1e6 / 3], [np.pi], [0.1]])
    X = np.repeat(values, m, axis=1).astype("float32").astype("float64")
    X[4, 7] = 0.2
    s = rng.random((1, m))
    s[0, 0], s[0, 7] = 0, 1
    X[3, 0] = 2
    matrix = {
        "array": lambda: jnp.asarray(X, dtype),
        "transposed": lambda: Transposed(jnp.asarray(X.T, dtype)),
        "sparse": lambda: from_csr(X, dtype),
    }.get(storage, lambda: compress(X, storage, dtype))()
    Z = jax.jit(standardise)(matrix, jnp.asarray(s, dtype))
    assert (Z.scale[:4] == 1).all() and 0 < Z.scale[4, 0] < 0.1
    np.testing.assert_array_equal(examples(Z, jnp.asarray([7]))[:4], 0)
