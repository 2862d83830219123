"""The programs that XLA compiles for one call, by name, and the instructions of the largest.

Nearly all of a first call's time is compilation, which grows with both. A program more, or a
larger one, is to be seen here before users wait for it.
"""

import re
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

from jax_logreg import L1, L2, LBFGS, GradientDescent, Newton, Params, fit
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

_INSTRUCTION = re.compile(r"= \"?(?:stablehlo|chlo)\.")
_rng = np.random.default_rng(0)
X = _rng.standard_normal((4, 60))
Y = (X.sum(axis=0) + _rng.logistic(size=60) > 0).astype(int)
CLASSES = _rng.integers(3, size=60)
START = Params(np.ones((4, 1)), np.ones((1, 1)))
STRENGTHS = np.array([0.1, 0.01])
ONE = {"executor": "xla", "gradient_check": "off"}


@contextmanager
def recorded(folder):
    """A list of (name, instructions as they are before XLA optimises) of each program compiled."""
    # Programs that this process compiled before count as well.
    jax.clear_caches()
    settings = {"jax_dump_ir_to": str(folder), "jax_dump_ir_modes": "stablehlo"}
    before = {name: jax.config.read(name) for name in settings}
    found = []
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield found
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        for file in sorted(Path(folder).glob("*.mlir")):
            name = re.fullmatch(r"jax_ir\d+_jit_(\w+)_compile", file.stem)[1]
            found.append((name.strip("_"), len(_INSTRUCTION.findall(file.read_text()))))


# Calls, the programs that each compiles, and a bound on the instructions of the largest. It lies a
# twentieth beyond those of today, for other versions of JAX.
CASES = {
    "L-BFGS": (
        lambda: fit(X, Y, penalty=L2(0.1), solver=LBFGS(), **ONE),
        ["sums", "start", "chunk"],
        1520,
    ),
    "L-BFGS, classes": (
        lambda: fit(X, CLASSES, penalty=L2(0.1), solver=LBFGS(), **ONE),
        ["sums", "start", "chunk"],
        1600,
    ),
    "L-BFGS from a start": (
        lambda: fit(X, Y, penalty=L2(0.1), solver=LBFGS(), params=START, **ONE),
        ["choose_start", "sums", "start", "chunk"],
        1520,
    ),
    "Newton": (
        lambda: fit(X, Y, penalty=L2(0.1), solver=Newton(), **ONE),
        ["sums", "start", "chunk"],
        965,
    ),
    "L1": (
        lambda: fit(X, Y, penalty=L1(0.05), **ONE),
        ["sums", "start", "chunk"],
        2630,
    ),
    "gradient descent, checked": (
        lambda: fit(X, Y, solver=GradientDescent(0.1), executor="xla", steps=9),
        ["check", "sums", "start", "chunk", "error_as_computed"],
        330,
    ),
    "a sparse matrix": (
        lambda: fit(sparse.csr_matrix(X), Y, penalty=L2(0.1), solver=LBFGS(), **ONE),
        ["extremes", "sums", "start", "chunk"],
        1870,
    ),
    "a path of L1": (
        lambda: path(X, Y, strengths=STRENGTHS, executor="xla"),
        ["intercepts", "sums", "start", "chunk"],
        2630,
    ),
    "folds": (
        lambda: cross_validate(X, Y, strengths=STRENGTHS, folds=2, executor="xla"),
        ["shared", "advance_each", "score_folds"],
        1690,
    ),
    "many": (
        lambda: fit_many(X, Y, penalty=L2(STRENGTHS), executor="xla"),
        ["shared", "advance_each"],
        1670,
    ),
    "resamples": (
        lambda: bootstrap(X, Y, resamples=2, penalty=L2(0.1), executor="xla"),
        ["ends", "check", "sums", "start", "chunk", "shared", "advance_each"],
        1690,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_call_compiles_these_programs(name, tmp_path):
    call, names, most = CASES[name]
    with recorded(tmp_path) as found:
        call()
    assert [program for program, _ in found] == names
    assert max(size for _, size in found) <= most


def test_a_stray_function_is_a_program(tmp_path):
    """The test above is able to fail: each function of JAX that is called at once is seen."""
    with recorded(tmp_path) as found:
        jnp.less_equal(jnp.ones((3, 7), jnp.float32), jnp.float32(1)).block_until_ready()
    assert "less_equal" in dict(found)


def test_a_computation_that_is_there_twice_is_counted_twice(tmp_path):
    def once(x):
        return jnp.sum(jnp.exp(x) / 2)

    x = np.ones(5, np.float32)
    with recorded(tmp_path) as found:
        jax.jit(once)(x)
        jax.jit(lambda x: once(x) + once(jnp.sin(x)))(x)
    (_, single), (_, double) = found
    assert double >= 2 * single


@pytest.mark.several_devices
def test_the_parts_of_a_matrix_are_gathered_by_one_program(tmp_path):
    """A function that is made at each call would be compiled at each call."""
    for calls in (1, 2):
        with recorded(tmp_path / str(calls)) as found:
            for _ in range(calls):
                shared = {"devices": {"features": 2}, "solver": LBFGS(), "gradient_check": "off"}
                fit(X, Y, steps=50, **shared)
        names = [name for name, _ in found]
        assert names.count("columns") == names.count("identity") == 1
