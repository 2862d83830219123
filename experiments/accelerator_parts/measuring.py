"""Seconds on a device: data made there, programs warmed up, results waited for."""

import time
from contextlib import contextmanager
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.timing import alternate

_COMPILED = "/jax/core/compile/backend_compile_duration"


def seconds_of(run, rounds=7, within=3.0):
    """Seconds of the first call of `run`, and the median of later ones that take `within` in all.

    `run` returns what has to be waited for.
    """
    first, second = (_once(run) for _ in range(2))
    return first, side_by_side({"": run}, second, rounds, within)[""]


def side_by_side(methods, slowest, rounds=7, within=3.0):
    """Median seconds of each method, in turns; `slowest` is about what the slowest takes."""
    affordable = int(within / (2 * len(methods) * max(slowest, 1e-6)))
    waited = {name: partial(_waited, run) for name, run in methods.items()}
    return alternate(waited, min(max(affordable, 1), rounds))[0]


def _once(run):
    began = time.perf_counter()
    _waited(run)
    return time.perf_counter() - began


def _waited(run):
    return jax.block_until_ready(run())


@contextmanager
def compilation():
    """A list whose sum is the seconds that XLA took to compile within the block."""
    taken = []

    def listen(event, duration, **_):
        if event == _COMPILED:
            taken.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield taken
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def copy_speed(size):
    """Bytes a second of a device-to-device copy of `size` bytes, what is written counted too."""
    copy = jax.jit(jnp.copy)
    source = jnp.ones(size // 4, jnp.float32)
    return 2 * source.nbytes / seconds_of(lambda: copy(source))[1]


def read_speed(size):
    """Bytes a second of a sum over `size` bytes, which writes nothing."""
    total = jax.jit(jnp.sum)
    source = jnp.ones(size // 4, jnp.float32)
    return source.nbytes / seconds_of(lambda: total(source))[1]


def product_speed(size, dtype, precision):
    """Operations a second of a product of two matrices (size, size), drawn at random."""
    a, b = (jax.random.normal(jax.random.key(i), (size, size), dtype) for i in range(2))
    product = jax.jit(partial(jnp.matmul, precision=precision))
    return 2 * size**3 / seconds_of(lambda: product(a, b))[1]


def peak_memory():
    """Bytes that JAX had on the device at once since the process began; None if it does not say."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def compiled(run, *arguments, **named):
    """A jitted function compiled for the arguments, and the bytes that it has beside them."""
    program = run.lower(*arguments, **named).compile()
    found = program.memory_analysis()
    return program, found.temp_size_in_bytes + found.output_size_in_bytes


def largest_error(found, exact):
    """The largest difference from the exact values, in units of their largest absolute one."""
    found, exact = (np.asarray(value, np.float64) for value in (found, exact))
    return float(np.abs(found - exact).max() / np.abs(exact).max())
