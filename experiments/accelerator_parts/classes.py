"""Part 3: the same step with a thousand classes, by algorithm of its products."""

import gc
import time

import jax
import jax.numpy as jnp
import numpy as np

from experiments.accelerator_parts import rivals
from experiments.accelerator_parts.machine import refuse_cpu
from experiments.accelerator_parts.measuring import (
    compiled,
    largest_error,
    seconds_of,
)
from experiments.accelerator_parts.programs import (
    ALGORITHMS,
    Asked,
    draw_normal,
    of_classes,
    one_hot,
)
from jax_logreg import Params

K, N = 1_000, 2_048
# A tenth where the whole does not fit.
EXAMPLES = (1_281_167, 128_116)
# Seconds that one algorithm is worth starting with.
_ENOUGH = 8
# Examples of which the gradient is compared with that of float64.
SLICE = 8_192
# Of a rehearsal; the last of its algorithms does not run on a CPU.
_DRY = {"k": 5, "n": 8, "examples": (64,), "slice": 32}
_DRY_ALGORITHMS = ("HIGHEST", "TF32 x 3")


def run(work):
    """Errors on a slice; then a gradient of all examples by algorithm, and by other libraries."""
    refuse_cpu(work)
    k, n = (_DRY["k"], _DRY["n"]) if work.dry else (K, N)
    errors(work, n, k, _DRY["slice"] if work.dry else SLICE)
    for m in _DRY["examples"] if work.dry else EXAMPLES:
        measured = 0
        with work.attempt("classes", examples=m):
            measured = of_size(work, n, m, k)
        if measured:
            break
        gc.collect()


def _algorithms(work):
    return [(name, ALGORITHMS[name]) for name in (_DRY_ALGORITHMS if work.dry else ALGORITHMS)]


def _labels(m, k):
    return jax.random.randint(jax.random.key(1), (m,), 0, k, jnp.int32)


def _parameters(n, k):
    """Such that Z is of order 1."""
    w = jax.random.normal(jax.random.key(2), (n, k), jnp.float32) / np.float32(n**0.5)
    return Params(w, jnp.zeros((k, 1), jnp.float32))


def errors(work, n, k, m):
    """The error of each algorithm's gradient, in units of the largest entry in float64."""
    X, labels = draw_normal(0, (n, m)), _labels(m, k)
    params, s = _parameters(n, k), jnp.ones((1, m), jnp.float32)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, X, s))
        Y = jnp.asarray(one_hot(labels, k), jnp.float64)
        exact = np.asarray(of_classes(wide[0], wide[1], Y, wide[2])[1].w)
    for name, algorithm in _algorithms(work):
        with work.attempt("errors", algorithm=name):
            found = of_classes(params, Asked(X, algorithm), labels, s)[1].w
            difference = np.asarray(found, np.float64) - exact
            mean = np.linalg.norm(difference) / np.linalg.norm(exact)
            error = largest_error(found, exact)
            work.row("errors", algorithm=name, examples=m, largest=error, mean=float(mean))


def of_size(work, n, m, k):
    """Rows of seconds, operations and memory of a gradient; how many were measured."""
    X, labels, s = draw_normal(0, (n, m)), _labels(m, k), jnp.ones((1, m), jnp.float32)
    params, operations = _parameters(n, k), 4 * n * m * k

    measured = 0

    def timed(name, Y, kind, algorithm):
        nonlocal measured
        names = {"examples": m, "algorithm": name, "labels": kind}
        if not work.has(_ENOUGH, "classes", **names):
            return
        with work.attempt("classes", **names):
            arguments = (params, Asked(X, algorithm), Y, s)
            began = time.perf_counter()
            program, beside = compiled(of_classes, *arguments)
            compiling = time.perf_counter() - began
            _, seconds = seconds_of(lambda: program(*arguments), rounds=5, within=2.0)
            work.row(
                "classes",
                **names,
                compile=compiling,
                seconds=seconds,
                speed=operations / seconds,
                label_bytes=Y.nbytes,
                beside=beside,
            )
            measured += 1

    for name, algorithm in _algorithms(work):
        timed(name, labels, "integers", algorithm)
    with work.attempt("classes", examples=m, algorithm="HIGHEST", labels="one-hot"):
        timed("HIGHEST", one_hot(labels, k), "one-hot", ALGORITHMS["HIGHEST"])
    others(work, X, labels, operations)
    return measured


def others(work, X, labels, operations):
    """The same products by other libraries, at zeros, float32 in full."""
    labels = np.asarray(labels, np.int64)
    for name in rivals.names(work):
        names = {"examples": X.shape[1], "algorithm": f"{name}, float32", "labels": "integers"}
        if not work.has(_ENOUGH, "classes", **names):
            continue
        with work.attempt("classes", **names):
            step = rivals.step(name, X, labels)
            _, seconds = seconds_of(step, rounds=5, within=2.0)
            work.row("classes", **names, seconds=seconds, speed=operations / seconds)
        step = None
        rivals.free()
