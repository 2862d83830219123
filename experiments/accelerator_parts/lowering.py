"""The programs of the other parts lowered for another platform, which need not be there."""

import time
from functools import partial

import jax
import jax.numpy as jnp

from experiments.accelerator_parts.classes import K, N
from experiments.accelerator_parts.lecture import STEPS, WHOLE
from experiments.accelerator_parts.optima import CASES
from experiments.accelerator_parts.programs import (
    ALGORITHMS,
    STORAGES,
    Asked,
    draw_normal,
    of_classes,
    one_step,
    scanned,
    to_optimum,
)
from jax_logreg import Batch, Params

_MODELS = 10


def run(work):
    """A row for each program: whether it was lowered, and how large it is."""
    # Few of each kind in a rehearsal.
    chosen = list(programs().items())[:: 6 if work.dry else 1]
    for name, (program, arguments, named) in chosen:
        with work.attempt("lowered", program=name):
            began = time.perf_counter()
            traced = program.trace(*arguments, **named)
            text = traced.lower(lowering_platforms=(work.lower,)).as_text()
            seconds = time.perf_counter() - began
            work.row("lowered", program=name, lines=text.count("\n"), seconds=seconds)


def programs():
    """The jitted programs, by name, with the shapes they are timed at and their static values."""
    found = {}
    (n, m), whole = WHOLE, _float(1, WHOLE[1])
    for name, store in STORAGES.items():
        X = jax.eval_shape(store, jax.ShapeDtypeStruct(WHOLE, jnp.uint8))
        arguments = (_params(n, 1), Batch(X, whole, whole))
        found[f"a step, {name}"] = one_step, arguments, {}
        found[f"{STEPS} steps, {name}"] = scanned, arguments, {"steps": STEPS}
    X, labels = _float(N, m), jax.ShapeDtypeStruct((m,), jnp.int32)
    for name, algorithm in ALGORITHMS.items():
        arguments = (_params(N, K), Asked(X, algorithm), labels, whole)
        found[f"{K} classes, {name}"] = of_classes, arguments, {}
    for name, spec in CASES.items():
        k = 1 if spec.classes == 2 else spec.classes
        batch = Batch(_float(spec.n, spec.m), _float(k, spec.m), _float(1, spec.m))
        arguments = (_params(spec.n, k), batch, _float())
        found[f"a fit, {name}"] = to_optimum, arguments, {}
        found[f"{_MODELS} fits at once, {name}"] = _many, (*arguments[:2], _float(_MODELS)), {}
    found["data of the device"] = _draw, (), {}
    return found


_many = jax.jit(jax.vmap(to_optimum, in_axes=(None, None, 0)))
_draw = jax.jit(partial(draw_normal, 0, WHOLE))


def _float(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _params(n, k):
    return Params(_float(n, k), _float(k, 1))
