"""An X that is read again in every pass gives the answers of one in memory."""

import gc
import threading
import weakref
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import COUNTS, FAMILIES, WEIGHTS, Pieces, precision

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    GradientDescent,
    MiniBatch,
    Newton,
    Optax,
    Proximal,
    Status,
    check_gradients,
    fit,
)
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.errors import InputError
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import compress, extremes, stream
from jax_logreg.matrix.read_ahead import ReadAhead
from jax_logreg.sweep import cross_validate, path

assert_allclose = np.testing.assert_allclose

LABELS = FAMILIES["binomial"]
EXACT = {"dtype": "float64", "tolerance": 1e-11, "gradient_check": "off"}
# name: solver, penalty, steps: as many as a fixed number shows the same way, not only the same end
SOLVERS = {
    "lbfgs": (LBFGS(), L2(0.01), 100),
    "lbfgs, diagonal": (LBFGS(largest_gram=0), L2(0.01), 100),
    "proximal": (Proximal(), L1(0.02), 100),
    # A working set that is a small part of the features, whose rows are streamed too.
    "proximal, 1": (Proximal(working_set=1), L1(0.05), 400),
    "gradient descent": (GradientDescent(0.3), L2(0.01), 20),
    "optax": (Optax(optax.adam(0.1)), L2(0.01), 20),
    "line search": (Optax(optax.lbfgs()), L2(0.01), 10),
}
# Functions that several tests share, so that they are compiled once.
PLAIN = {"penalty": L2(0.1), "solver": Newton(), "gradient_check": "off"}
NEWTON = EXACT | {"penalty": L2(0.01), "solver": Newton()}


def same(streamed, memory, rtol=1e-9):
    assert streamed.status is memory.status
    assert_allclose(streamed.params.w, memory.params.w, rtol=rtol, atol=1e-10)
    assert_allclose(streamed.params.b, memory.params.b, rtol=rtol, atol=1e-10)
    assert_allclose(streamed.certificate.cost, memory.certificate.cost, rtol=1e-11)


# The table of tests/solver/test_solvers.py takes every solver to its optimum over a stream.
QUICK = ("gradient descent",)


@pytest.mark.parametrize(
    "solver",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SOLVERS],
)
def test_every_solver_gives_the_answer_of_memory(solver):
    method, penalty, steps = SOLVERS[solver]
    settings = EXACT | {"solver": method, "penalty": penalty, "steps": steps}
    X, Y = COUNTS, LABELS
    if solver == "proximal, 1":
        X = np.concatenate([COUNTS, COUNTS[::-1] ** 2, np.cos(COUNTS), np.sin(3 * COUNTS)])
    streamed = fit(stream(Pieces(X), 16), Y, **settings)
    same(streamed, fit(X, Y, **settings))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["multinomial", "independent"])
def test_every_family(family):
    Y, kind = FAMILIES[family], "multinomial" if family == "multinomial" else "binomial"
    settings = EXACT | {"penalty": L2(0.01), "family": kind, "s": WEIGHTS["some 0"]}
    same(fit(stream(Pieces(COUNTS), 16), Y, **settings), fit(COUNTS, Y, **settings))


@cache
def in_memory():
    return fit(COUNTS, LABELS, **NEWTON)


@pytest.mark.parametrize(
    ("size", "by_rows"), [pytest.param(8, False, marks=pytest.mark.slow), (24, True), (1000, False)]
)
def test_neither_blocks_nor_pieces_matter(size, by_rows):
    """Of 60 examples: a last block of 4, of 12, and one that holds them all."""
    pieces = Pieces(COUNTS, by_rows, lengths=(size % 7 + 1, 9))
    X = stream(pieces, size)
    assert X.shape == (6, 60) and X.block_shape[0] == -(-60 // X.size)
    same(fit(X, LABELS, **NEWTON), in_memory())


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "int64", "float16", "float32"])
def test_any_numbers(kind):
    X = (COUNTS > 1).astype(kind) if kind == "bool" else COUNTS.astype(kind)
    for dtype in ("float32", "float64"):
        with precision(dtype):
            found = jnp.eye(6, dtype=dtype) @ stream(Pieces(X, kind == "int64"), 16)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, X.astype("float64"))


def test_parts_of_it():
    X = stream(Pieces(COUNTS - 1.5), 16)
    least, most = extremes(X)
    np.testing.assert_array_equal(least[:, 0], (COUNTS - 1.5).min(axis=1))
    np.testing.assert_array_equal(most[:, 0], (COUNTS - 1.5).max(axis=1))
    some = X.features(jnp.asarray([4, 1, 0])).features(jnp.asarray([2, 0]))
    assert some.shape == (2, 60)
    index = jnp.asarray([59, 3, 17])
    np.testing.assert_array_equal(some.examples(index), (COUNTS - 1.5)[[0, 4]][:, index])


def test_the_gradients_are_those_of_jax_grad():
    params = Params(jnp.full((6, 1), 0.1), jnp.zeros((1, 1)))
    batch = Batch(stream(Pieces(COUNTS), 16), jnp.asarray(LABELS, "float32"), jnp.ones((1, 60)))
    assert check_gradients(params, batch).passed


@pytest.mark.slow
def test_sweeps():
    settings = {"dtype": "float64", "penalty": L2(0.0), "tolerance": 1e-9}
    strengths = [0.1, 0.01]
    X = stream(Pieces(COUNTS), 16)
    streamed, memory = (
        cross_validate(A, LABELS, strengths=strengths, folds=2, **settings) for A in (X, COUNTS)
    )
    assert_allclose(streamed.scores, memory.scores, rtol=1e-8)
    assert_allclose(streamed.models.params.w, memory.models.params.w, rtol=1e-8, atol=1e-9)


@pytest.mark.slow
def test_a_path():
    settings = {"dtype": "float64", "penalty": L1(0.0), "tolerance": 1e-9}
    streamed, memory = (
        path(A, LABELS, strengths=[0.1, 0.01], **settings)
        for A in (stream(Pieces(COUNTS), 16), COUNTS)
    )
    assert_allclose(streamed.w, memory.w, rtol=1e-8, atol=1e-9)


@pytest.mark.slow
def test_separation_is_found_in_a_stream():
    X = np.linspace(-1, 1, 60)[None]
    found = fit(stream(Pieces(X), 16), X > 0.1, dtype="float64")
    assert found.status is Status.SEPARABLE


def test_a_pass_begins_where_the_last_one_ended():
    """A pass and the next are read in one go, whatever is asked first or between."""
    pieces = Pieces(COUNTS)
    X = stream(pieces, 16)
    product = jax.jit(lambda w, X: w @ X)
    for _ in range(3):
        product(jnp.ones((1, 6)), X).block_until_ready()
    assert set(pieces.asked) == {0} and len(pieces.asked) <= 4
    X.examples(jnp.asarray([20]))
    np.testing.assert_allclose(product(jnp.ones((1, 6)), X)[0], COUNTS.sum(axis=0), rtol=1e-6)


def test_blocks_in_memory_are_few():
    """However many there are: the one that is used, and those read ahead."""
    made = []

    class Counted(Pieces):
        def pieces(self, first, size):
            for piece in super().pieces(first, size):
                made.append(weakref.ref(piece))
                yield piece

    X = np.random.default_rng(0).random((4, 1600)).astype("float32")
    blocks, alive = ReadAhead(Counted(X, lengths=(16,)), 16), []
    for number in [*range(100), *range(50)]:
        blocks.block(number, np.dtype("float32"))
        alive.append(sum(piece() is not None for piece in made))
    assert max(alive) <= 6


def test_what_a_reader_says_reaches_the_caller(capsys):
    pieces = Pieces(COUNTS)
    X = stream(pieces, 16)
    fit(X, LABELS, **PLAIN)
    pieces.broken = InputError("b.parquet has lost its second half")
    with pytest.raises(InputError, match=r"^b\.parquet has lost its second half$"):
        fit(X, LABELS, **PLAIN)
    assert capsys.readouterr().err == ""
    # Once mended, it is read again.
    pieces.broken = None
    assert fit(X, LABELS, **PLAIN).status is Status.CONVERGED


def test_another_error_stays_what_it_is():
    pieces = Pieces(COUNTS)
    X = stream(pieces, 16)
    pieces.broken = KeyError("our own fault")
    with pytest.raises(Exception, match="our own fault") as found:
        fit(X, LABELS, **PLAIN)
    assert not isinstance(found.value, InputError)


def test_the_thread_ends_with_the_stream():
    def readers():
        return {t for t in threading.enumerate() if t.name.startswith("jax_logreg reader")}

    before = readers()
    X = stream(Pieces(COUNTS), 16)
    fit(X, LABELS, **PLAIN)
    (thread,) = readers() - before
    del X
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_another_stream_of_the_shape_compiles_nothing(compilations):
    first = fit(stream(Pieces(COUNTS), 16), LABELS, **PLAIN)
    compilations.clear()
    second = fit(stream(Pieces(COUNTS * 2), 16), LABELS, **PLAIN)
    assert not compilations and first.params.w[0] > second.params.w[0]


def test_a_run_goes_on_bit_by_bit(tmp_path):
    settings = {
        "solver": GradientDescent(0.3),
        "steps": 120,
        "tolerance": 0,
        "gradient_check": "off",
    }
    whole = fit(stream(Pieces(COUNTS), 16), LABELS, **settings)
    checkpoint = Checkpoint(tmp_path, steps=1)
    with pytest.raises(Stopped):
        fit(
            stream(Pieces(COUNTS), 16),
            LABELS,
            checkpoint=checkpoint,
            callback=lambda progress: checkpoint.stop(15),
            **settings,
        )
    again = fit(stream(Pieces(COUNTS), 16), LABELS, checkpoint=Checkpoint(tmp_path), **settings)
    np.testing.assert_array_equal(again.params.w, whole.params.w)
    np.testing.assert_array_equal(again.history.cost, whole.history.cost)


def test_mini_batches_update_once_a_block():
    """By hand: each block's gradient by its own weights, a block without weight passed over."""
    X, Y, s = COUNTS[:, :48], LABELS[:, :48], np.ones((1, 48))
    s[0, 16:32] = 0
    w, b = np.zeros((6, 1)), np.zeros((1, 1))
    for _ in range(3):
        for block in (slice(0, 16), slice(32, 48)):
            dZ = 1 / (1 + np.exp(-(w.T @ X[:, block] + b))) - Y[:, block]
            gradient = X[:, block] @ dZ.T / 16 + 0.1 * w
            w, b = w - 0.2 * gradient, b - 0.2 * dZ.mean(keepdims=True)
    settings = EXACT | {"s": s, "penalty": L2(0.1), "steps": 3, "solver": MiniBatch(optax.sgd(0.2))}
    found = fit(stream(Pieces(X), 16), Y, **settings)
    assert_allclose(found.params.w, w, rtol=1e-12)
    assert_allclose(found.params.b, b, rtol=1e-12)


def test_mini_batches_need_blocks():
    for X in (COUNTS, jnp.asarray(COUNTS)):
        with pytest.raises(InputError, match="does not come in blocks on one"):
            fit(X, LABELS, solver=MiniBatch(optax.sgd(0.1)))
    with pytest.raises(InputError, match="one device"):
        settings = {"solver": MiniBatch(optax.sgd(0.1)), "devices": 2}
        fit(compress(COUNTS, "uint8"), LABELS, **settings)
    with pytest.raises(InputError, match="expected an optax transformation"):
        MiniBatch(0.1)


def test_devices_cannot_share_a_stream():
    with pytest.raises(InputError, match="Streamed, which devices cannot share"):
        fit(stream(Pieces(COUNTS), 16), LABELS, devices=2)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_block_of_rows_is_small_enough_to_stay_in_cache(dtype):
    X = stream(Pieces(np.broadcast_to(np.ones((), dtype), (784, 10**6)), by_rows=True))
    size = X.size * 784 * np.dtype(dtype).itemsize
    assert 2**21 < size < 2**22 * 1.1


def test_jax_hands_a_reader_one_operand(monkeypatch):
    """Each costs more than the reader's own Python."""
    operands, call = [], jax.pure_callback
    monkeypatch.setattr(
        jax, "pure_callback", lambda *args: operands.append(len(args[2:])) or call(*args)
    )
    X = stream(Pieces(COUNTS), 16)
    jax.eval_shape(lambda X: (jnp.ones((1, 6)) @ X, X.examples(jnp.arange(3))), X)
    assert set(operands) == {1}
