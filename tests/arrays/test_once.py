"""NumPy computes a function of equal arrays once, to the same bits, and only where it was asked."""

import threading
from contextlib import nullcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jax_logreg import L2, LBFGS, fit, logistic
from jax_logreg.arrays import once, shared_results
from jax_logreg.loop import driver

LARGE = np.random.default_rng(0).standard_normal((4, 5000)).astype(np.float32)


@pytest.fixture
def counted():
    """A function of `once`, and the list of the arrays that it computed from."""
    seen = []

    @once
    def doubled(a):
        seen.append(a)
        return 2 * a

    return doubled, seen


def test_an_equal_array_is_not_computed_again(counted):
    doubled, seen = counted
    with shared_results():
        first = doubled(LARGE)
        assert doubled(LARGE.copy()) is first
    assert len(seen) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda a: np.where(np.arange(a.size).reshape(a.shape) == a.size - 1, 9, a).astype(a.dtype),
        lambda a: a.astype(np.float64),
        lambda a: a.reshape(2, -1),
        lambda a: np.where(a == a[0, 0], np.nan, a).astype(a.dtype),
        jnp.asarray,
    ],
    ids=["an entry", "a dtype", "a shape", "a NaN", "a library"],
)
def test_another_array_is_computed(counted, other):
    doubled, seen = counted
    changed = other(LARGE)
    with shared_results():
        doubled(LARGE)
        found = doubled(changed)
    assert len(seen) == 2
    assert isinstance(found, jax.Array) == isinstance(changed, jax.Array)
    np.testing.assert_array_equal(found, 2 * changed)


def test_an_array_that_is_written_into_is_computed_again(counted):
    doubled, seen = counted
    mine = LARGE.copy()
    with shared_results():
        doubled(mine)
        mine[0, 0] = 7
        assert doubled(mine)[0, 0] == 14
    assert len(seen) == 2


def test_nothing_is_kept_outside_nor_for_another_thread(counted):
    doubled, seen = counted
    with shared_results():
        doubled(LARGE)
        beside = threading.Thread(target=doubled, args=(LARGE,))
        beside.start()
        beside.join()
        with shared_results():
            doubled(LARGE)
        doubled(LARGE)
    doubled(LARGE)
    assert len(seen) == 4


def test_a_step_of_classes_takes_one_softmax(monkeypatch):
    """The line search, the cost, its gradient and the certificate share it, to the same bits."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((3, 7000)), rng.integers(3, size=7000)
    calls, highest = [], logistic._highest

    def watched(Z):
        calls.append(Z.shape)
        return highest(Z)

    monkeypatch.setattr(logistic, "_highest", watched)
    found = []
    for context in (shared_results, nullcontext):
        monkeypatch.setattr(driver, "shared_results", context)
        calls.clear()
        settings = {"penalty": L2(1e-3), "solver": LBFGS(), "executor": "numpy"}
        result = fit(X, Y, gradient_check="off", **settings)
        found.append((result, len(calls)))
    (shared, few), (plain, many) = found
    assert shared.params.w.tobytes() == plain.params.w.tobytes()
    assert shared.history.cost.tobytes() == plain.history.cost.tobytes()
    # One a step; the start, the preconditioners and the certificate at the end are beside them.
    assert few <= shared.steps + 6
    assert many >= 3 * shared.steps
