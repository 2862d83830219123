"""The reason for each trick of `_jax/`: a failing test says that the trick may go.

The issues that the tricks wait for are named where these are.
"""

import os
import re
import subprocess
import sys
import warnings
from mmap import ACCESS_READ, mmap
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from jax_logreg._jax import compiling, messages
from jax_logreg._jax.messages import means_out_of_memory
from jax_logreg.errors import InputError

ROOT = Path(__file__).parents[2]


def test_the_import_of_jax_still_keeps_the_garbage_collector_busy():
    """`collecting`: once JAX imports itself without, or less of it, it may go."""
    program = (
        "import gc\n"
        "runs = []\n"
        "gc.callbacks.append(lambda phase, _: runs.append(phase))\n"
        "{statement}\n"
        "print(len(runs) // 2, gc.isenabled())"
    )
    found = {}
    statements = "import jax", "import jax_logreg.sklearn", "from jax_logreg import fit"
    for statement in (*statements, "gc.disable(); from jax_logreg import fit"):
        code = program.format(statement=statement)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        found[statement] = done.stdout.decode().split()
    first, estimators, function, disabled = found.values()
    assert int(first[0]) > 60 and disabled == ["0", "False"]
    assert function[1] == estimators[1] == "True"
    assert max(int(function[0]), int(estimators[0])) < 20


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
    # So may that of the tests, which later releases do not know.
    given = "xla_cpu_use_fusion_emitters" in os.environ.get("XLA_FLAGS", "")
    assert "xla_cpu_use_fusion_emitters" in (ROOT / "tests" / "conftest.py").read_text()
    assert not (given and newest)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="it is an option of the CPU's compiler")
def test_small_loops_are_still_run_on_one_core(monkeypatch):
    """`flags.set_xla_flags`: once XLA asks the work, not the bytes, or the option, it may go."""
    program = (
        "import jax, jax.numpy as jnp\n"
        "from jax_logreg._jax.flags import set_xla_flags\n"
        "if {set}: set_xla_flags()\n"
        "loop = lambda X, w: jax.lax.fori_loop(0, 9, lambda _, w: w - X.T @ (X @ w), w)\n"
        "compiled = jax.jit(loop).lower(jnp.ones((4, 4)), jnp.ones(4)).compile()\n"
        "print('xla_cpu_small_call' in compiled.as_text())"
    )
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    for set_them, small in ((False, "True"), (True, "False")):
        command = [sys.executable, "-c", program.replace("{set}", str(set_them))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == small


def test_a_host_is_still_ended_with_the_others():
    """`guard`: once a process outlives its neighbours by default, it need not watch them."""
    assert jax.config.jax_enable_recoverability is False


def test_a_fork_is_still_dangerous_once_jax_has_computed():
    """`guard.guard` forks before: once JAX bears a fork, the command may be the child's parent."""
    jnp.zeros(1).block_until_ready()
    # Python warns too, from 3.12 on.
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        # Of such a child nothing but its end is safe.
        child = os.fork()
        if child == 0:
            os._exit(0)
    os.waitpid(child, 0)
    assert any("JAX is multithreaded" in str(one.message) for one in said)


MARKS = [messages._EXHAUSTED, messages._LOSSES, messages._GONE, messages._NEVER]


def test_xla_still_writes_the_texts_by_which_errors_are_distinguished():
    """`messages`: a text that is in no library of jaxlib is to be replaced by what is."""
    libraries = sorted(Path(jaxlib.__file__).parent.rglob("*.so"))
    missing = {
        mark.encode() if isinstance(mark, str) else mark for group in MARKS for mark in group
    }
    for path in libraries:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            missing = {mark for mark in missing if content.find(mark) < 0}
    assert libraries and not missing


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


def test_jax_still_logs_what_a_callback_raises(caplog):
    """`messages.hide_errors_of_callbacks`: once it does not, the filter may go."""

    def read(_):
        raise KeyError("a file is gone")

    shape = jax.ShapeDtypeStruct((), np.float32)
    with (
        caplog.at_level("DEBUG", logger="jax._src.callback"),
        pytest.raises(Exception, match="gone"),
    ):
        jax.block_until_ready(jax.jit(lambda x: jax.pure_callback(read, shape, x))(jnp.zeros(())))
    assert any(one.name == "jax._src.callback" and one.exc_info for one in caplog.records)


def test_jaxs_own_cache_still_traces_and_lowers(tmp_path):
    """`programs`: once it finds an executable before that, they may go."""
    names = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_enable_compilation_cache": True,
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in names}
    seen = []

    def listen(event, _, **__):
        seen.append(event.removeprefix("/jax/core/compile/"))

    def settle(values):
        for name, value in values.items():
            jax.config.update(name, value)
        reset_cache()

    settle(names)
    try:
        f = jax.jit(lambda x: 2 * x + 1)
        f(np.float32(1))
        assert list(tmp_path.iterdir())
        jax.clear_caches()
        jax.monitoring.register_event_duration_secs_listener(listen)
        f(np.float32(1))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
        settle(before)
    assert {"jaxpr_trace_duration", "jaxpr_to_mlir_module_duration"} <= set(seen)
