"""Strict JAX, eight CPU devices, and seeds that are printed.

JAX_PLATFORMS=cuda,cpu runs the tests on a GPU, JAX_NUM_CPU_DEVICES=1 on one CPU device: what needs
several devices is skipped where there are fewer than eight.
"""

import os
import random
import zlib
from pathlib import Path

import jaxlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Nearly all of the tests' time is XLA's: optimising takes half of that, and its fusion emitters a
# third of the rest. Processes that the tests start inherit both. The fixture `optimised` undoes the
# first. Later releases have no other emitters, and end where they read of this flag.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
if jaxlib.__version__.startswith("0.10."):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")

# Tests count traces and compilations, and leave nothing with the user: `tests/_jax/test_cache.py`
# has folders of its own.
os.environ["JAX_LOGREG_CACHE"] = "off"

import jax
import numpy as np
import pytest
import shapes_checked

shapes_checked.install()

EIGHT = 8
CPUS = int(os.environ.get("JAX_NUM_CPU_DEVICES", EIGHT))
jax.config.update("jax_num_cpu_devices", CPUS)
# From here on they stay: a command called in this process would take one a core.
assert len(jax.devices("cpu")) == CPUS
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_collection_modifyitems(items):
    """The longest files first: else one process waits at the end while the other has them."""
    longest = ("test_commands.py", "test_readme.py", "test_solvers.py", "test_mutants.py")
    items.sort(key=lambda item: item.path.name not in longest)
    there = len(jax.devices())
    few = pytest.mark.skip(reason=f"needs {EIGHT} devices, and there are {there}")
    for item in items:
        if there < EIGHT and item.get_closest_marker("several_devices"):
            item.add_marker(few)


@pytest.fixture(autouse=True)
def seed(request):
    """A seed of the test's own name: fixed, and shown where a test fails."""
    number = zlib.crc32(request.node.nodeid.encode())
    print(f"seed {number}")
    random.seed(number)
    return number


@pytest.fixture(autouse=True, scope="module")
def forget():
    """Free the programs of a module: a process that maps too many into its memory dies."""
    yield
    maps = Path("/proc/self/maps")
    if not maps.exists() or len(maps.read_text().splitlines()) > 20_000:
        jax.clear_caches()


@pytest.fixture
def optimised():
    """Programs of this process as users have them."""
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
    yield
    jax.config.update("jax_disable_most_optimizations", True)
    jax.clear_caches()


@pytest.fixture
def rng(seed):
    return np.random.default_rng(seed)


@pytest.fixture
def compilations():
    """A list that grows by one with every compilation."""
    seen = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)
