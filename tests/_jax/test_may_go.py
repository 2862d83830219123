"""The reason for each trick of `_jax/`: a failing test says that the trick may go."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jax_logreg._jax import compiling
from jax_logreg._jax.messages import means_out_of_memory
from jax_logreg.errors import InputError

ROOT = Path(__file__).parents[2]


def test_branches_under_vmap_are_still_both_run():
    """`batching`: once lax.cond stays a branch there, it may go."""

    def one(wanted, x):
        return jax.lax.cond(wanted, lambda x: x + 1, lambda x: x, x)

    traced = jax.make_jaxpr(jax.vmap(one))(jnp.array([True, False]), jnp.zeros(2))
    assert "select_n" in str(traced) and "cond[" not in str(traced)


def test_the_oldest_jax_that_is_supported_still_compiles_loops_slowly():
    """`compiling`: once jax 0.11 is the oldest, its option may go."""
    oldest = re.search(r'"jax>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert tuple(map(int, oldest.split("."))) < (0, 11)
    newest = tuple(map(int, jax.__version__.split(".")[:2])) >= (0, 11)
    assert (compiling._QUICK is None) == newest


def test_memory_that_runs_out_still_has_no_error_of_its_own():
    """`messages.means_out_of_memory`: once JAX raises a MemoryError, it may go."""
    with pytest.raises(jax.errors.JaxRuntimeError) as caught:
        jax.block_until_ready(jnp.zeros(2**44, jnp.float32))
    assert not isinstance(caught.value, MemoryError)
    assert means_out_of_memory(caught.value)


def test_what_a_callback_raises_is_still_another_error():
    """`matrix.plain_errors`, `messages.hide_errors_of_callbacks`: once it is, they may go."""

    def read(_):
        raise InputError("a file is gone")

    shape = jax.ShapeDtypeStruct((), np.float32)
    with pytest.raises(Exception, match="a file is gone") as caught:
        jax.block_until_ready(jax.jit(lambda x: jax.pure_callback(read, shape, x))(jnp.zeros(())))
    assert not isinstance(caught.value, InputError)
