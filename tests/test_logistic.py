from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import DTYPES, MATRICES, PROBLEMS, batch, close, params, precision
from jax.sharding import PartitionSpec as P
from scipy.special import logsumexp, softmax

from jax_logreg import Batch, Params, backprop, cost, forward, train_step
from jax_logreg.logistic import MULTINOMIAL

assert_allclose = np.testing.assert_allclose


def lecture(params, batch):
    """The lecture's two explicit loops, in Python floats."""
    (w, b), (X, Y, s) = jax.tree.map(np.asarray, (params, batch))
    n, m = X.shape
    J, dw, db = 0.0, [0.0] * n, 0.0
    for i in range(m):
        z = sum(float(w[j, 0]) * float(X[j, i]) for j in range(n)) + float(b[0, 0])
        a = 1 / (1 + np.exp(-z))
        y, weight = float(Y[0, i]), float(s[0, i])
        J += -weight * (y * np.log(a) + (1 - y) * np.log(1 - a))
        dz = weight * (a - y)
        for j in range(n):
            dw[j] += float(X[j, i]) * dz
        db += dz
    total = float(s.sum())
    return J / total, np.array(dw)[:, None] / total, np.array([[db / total]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "shifted and scaled"])
def test_backprop_is_the_lecture(name, matrix, dtype):
    with precision(dtype):
        data = batch(name, dtype, matrix)
        start = params(data.X.shape[0], dtype)
        J, gradients = backprop(start, data)
        expected = lecture(start, batch(name, dtype))
        for got, want in zip((J, *gradients), expected, strict=True):
            assert got.dtype == dtype
            assert_allclose(got, want, **close(dtype))
        assert_allclose(cost(start, data), J, **close(dtype))


@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize("dtype", DTYPES)
def test_programs_as_users_have_them_are_the_lecture(dtype):
    test_backprop_is_the_lecture("tall", "array", dtype)


@pytest.mark.parametrize("name", PROBLEMS)
def test_backprop_is_the_finite_difference_of_the_cost(name):
    with precision("float64"):
        data = batch(name, "float64")
        start = jax.tree.map(lambda a: a / 1000, params(data.X.shape[0], "float64"))
        _, (dw, db) = backprop(start, data)
        h = 1e-6
        for i in range(len(dw)):
            up, down = (start.w.at[i, 0].add(sign * h) for sign in (1, -1))
            slope = (cost(start._replace(w=up), data) - cost(start._replace(w=down), data)) / (
                2 * h
            )
            # Central difference: h²/6 of a third derivative, at most mean|x|³/10 here.
            scale = float(jnp.mean(jnp.abs(data.X[i])))
            assert abs(slope - dw[i, 0]) <= 1e-12 * scale**3 + 1e-8 * scale
        up, down = (cost(start._replace(b=start.b + sign * h), data) for sign in (1, -1))
        assert abs((up - down) / (2 * h) - db[0, 0]) <= 1e-8


@pytest.mark.parametrize("dtype", DTYPES)
def test_cost_comes_from_Z(dtype):
    with precision(dtype):
        one = jnp.ones((1, 1), dtype)
        for z in (-1000.0, -50.0, 0.0, 50.0, 1000.0):
            start = Params(one * z, one * 0)
            for y in (0.0, 1.0):
                data = Batch(one, one * y, one)
                J, gradients = backprop(start, data)
                assert_allclose(J, np.logaddexp(0, z) - y * z, **close(dtype))
                assert_allclose(cost(start, data), J, rtol=0)
                for grad in (jax.grad(cost)(start, data), gradients):
                    sigma = np.exp(-np.logaddexp(0, -z))
                    assert_allclose(grad.w[0, 0], sigma - y, **close(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_additive_over_any_split(dtype):
    with precision(dtype):
        data = batch("fractional weights", dtype)
        start = params(4, dtype)
        total = jnp.sum(data.s)
        whole = backprop(start, data, total)
        for cuts in ([1], [7, 60], [10, 11, 12, 119]):
            bounds = [0, *cuts, data.s.size]

            @jax.jit
            def in_parts(data, bounds=tuple(bounds)):
                parts = [Batch(*(a[:, i:j] for a in data)) for i, j in pairwise(bounds)]
                found = [(backprop(start, p, total), cost(start, p, total)) for p in parts]
                return jax.tree.map(lambda *a: sum(a), *found)

            summed, costs = in_parts(data)
            jax.tree.map(lambda a, b: assert_allclose(a, b, **close(dtype)), summed, whole)
            assert_allclose(costs, whole[0], **close(dtype))


def test_the_order_of_the_examples_is_of_no_matter(rng):
    with precision("float64"):
        data = batch("fractional weights", "float64")
        order = rng.permutation(data.s.size)
        shuffled = Batch(*(a[:, order] for a in data))
        start = params(4, "float64")
        jax.tree.map(
            lambda a, b: assert_allclose(a, b, **close("float64")),
            backprop(start, data),
            backprop(start, shuffled),
        )


def test_weights_are_duplicated_examples():
    with precision("float64"):
        data = batch("integer weights", "float64")
        times = np.asarray(data.s, int).ravel()
        repeated = Batch(*(jnp.repeat(a, times, axis=1) for a in (data.X, data.Y)), None)
        repeated = repeated._replace(s=jnp.ones_like(repeated.Y))
        start = params(4, "float64")
        jax.tree.map(
            lambda a, b: assert_allclose(a, b, **close("float64")),
            backprop(start, data),
            backprop(start, repeated),
        )


@pytest.mark.several_devices
def test_over_eight_devices():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    data = batch("integer weights", "float32")
    start = params(4, "float32")

    def local(start, data):
        total = jax.lax.psum(jnp.sum(data.s), "data")
        return jax.lax.psum(backprop(start, data, total), "data")

    sharded = jax.jit(
        jax.shard_map(local, mesh=mesh, in_specs=(P(), P(None, "data")), out_specs=P())
    )(start, data)
    jax.tree.map(
        lambda a, b: assert_allclose(a, b, **close("float32")), sharded, backprop(start, data)
    )


@pytest.mark.parametrize("outputs", ["softmax", "independent"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_line_dZ_for_every_canonical_link(outputs, dtype, rng):
    with precision(dtype):
        X, _, s = batch("fractional weights", dtype)
        classes = rng.integers(0, 3, X.shape[1])
        Y = jnp.asarray(classes[None] == np.arange(3)[:, None], dtype)
        family = (MULTINOMIAL,) if outputs == "softmax" else ()
        start, data = params(4, dtype, k=3), Batch(X, Y, s)
        J, gradients = backprop(start, data, None, *family)
        value, automatic = jax.value_and_grad(cost)(start, data, None, *family)
        jax.tree.map(
            lambda a, b: assert_allclose(a, b, **close(dtype)), (J, gradients), (value, automatic)
        )
        assert gradients.w.shape == (4, 3) and gradients.b.shape == (3, 1)
        A = forward(start, X, *family)
        assert A.shape == (3, X.shape[1])
        if outputs == "softmax":
            assert_allclose(A.sum(axis=0), 1, rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("k", [2, 3, 8, 9, 13, 50])
def test_softmax_of_any_number_of_classes(k, rng):
    """The largest output, wherever it stands, keeps the rest from overflowing."""
    Z = rng.normal(0, 300, (k, 60))
    Z[:, :k] += 1000 * np.eye(k)
    Y = rng.permutation(np.eye(k), axis=1)[:, rng.integers(0, k, 60)]
    with precision("float64"):
        A = MULTINOMIAL.activation(jnp.asarray(Z))
        entropy = MULTINOMIAL.cross_entropy(jnp.asarray(Z), jnp.asarray(Y))
    # XLA has no subnormal numbers.
    assert_allclose(A, softmax(Z, axis=0), rtol=1e-12, atol=1e-307)
    # Z reaches 2,000: its last digit is 5e-13.
    assert_allclose(entropy[0], logsumexp(Z, axis=0) - (Y * Z).sum(axis=0), atol=1e-11)


def test_train_step_is_the_lectures_update():
    data, start = batch("tall", "float32"), params(5, "float32")
    J, (dw, db) = backprop(start, data)
    (w, b), before = train_step(start, data, 0.1)
    assert_allclose(w, start.w - 0.1 * dw, rtol=1e-6)
    assert_allclose(b, start.b - 0.1 * db, rtol=1e-6)
    assert_allclose(before, J, rtol=1e-6)
    assert cost(Params(w, b), data) < before


def test_train_step_compiles_once(compilations):
    data, start = batch("tall", "float32"), params(5, "float32")
    train_step(start, data, 0.1)
    compilations.clear()
    train_step(params(5, "float32", seed=1), data, 0.2)
    assert not compilations


@pytest.mark.parametrize("matrix", MATRICES)
def test_products_are_matrix_vector_and_nothing_copies_X(matrix):
    data = batch("tall", "float32", matrix)
    text = jax.jit(backprop).lower(params(5, "float32"), data).compile().as_text()
    shapes = ("f32[5,200]", "f32[200,5]")
    made = [
        line
        for line in text.splitlines()
        if line.split("=")[-1].strip().startswith(shapes) and "parameter(" not in line
    ]
    # Seeing the same bytes in another shape is not a copy.
    assert not [line for line in made if "bitcast(" not in line], made


def test_products_are_in_full_precision():
    jaxpr = str(jax.make_jaxpr(backprop)(params(5, "float32"), batch("tall", "float32")))
    gradient = str(jax.make_jaxpr(jax.grad(cost))(params(5, "float32"), batch("tall", "float32")))
    for text in (jaxpr, gradient):
        products = text.count("dot_general[")
        assert products >= 2
        assert text.count("Precision.HIGHEST, Precision.HIGHEST") == products
