"""Part 2: the lecture's step, one output, X of 2,048 x 1,281,167 in float32, bfloat16 and uint8."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from experiments.accelerator_parts import rivals
from experiments.accelerator_parts.machine import clocks, refuse_cpu
from experiments.accelerator_parts.measuring import (
    copy_speed,
    largest_error,
    read_speed,
    seconds_of,
    side_by_side,
)
from experiments.accelerator_parts.programs import (
    STORAGES,
    draw_bytes,
    one_step,
    scanned,
    zeros,
)
from jax_logreg import Batch, backprop

WHOLE, SMALL = (2_048, 1_281_167), (16, 500)
# Of a rehearsal, which takes time to compile.
_DRY = ("float32 (n, m)", "bfloat16 (m, n)", "uint8 in blocks")
STEPS = 100
# A step that takes longer is not scanned: a hundred would take the part's time.
_SLOW = 0.1
# Tiny work in each branch of a scan, to see what the branch takes.
_BRANCHES = 1_000


def run(work):
    """Rows of the copy, of other libraries, of branches, and of a step in each storage."""
    refuse_cpu(work)
    size = 2**20 if work.dry else 8 * 10**9
    copy = copy_speed(size)
    work.row("copy", what="copy, read and written", speed=copy)
    work.row("copy", what="sum, read alone", speed=read_speed(size))
    n, m = SMALL if work.dry else WHOLE
    drawn = draw_bytes(0, (n, m))
    Y = (draw_bytes(1, (1, m)) < 128).astype(jnp.float32)
    with work.attempt("rivals", what="all"):
        beside(work, drawn, Y)
    rivals.free()
    with work.attempt("branches"):
        branches(work)
    for name in _DRY if work.dry else STORAGES:
        with work.attempt("steps", storage=name):
            X = jax.block_until_ready(jax.jit(STORAGES[name])(drawn))
            work.row("steps", storage=name, **of_storage(work, X, Y, copy))
        X = None
    work.row("copy", what="copy, once more", speed=copy_speed(size))
    work.row("clocks", when="after the steps", **clocks())


def of_storage(work, X, Y, copy):
    """Seconds of a step over X, called and scanned, and the share of the copy's speed it reaches.

    The share is the time of one reading of X at the copy's speed, divided by the step's.
    """
    batch = Batch(X, Y, jnp.ones_like(Y))
    params = zeros(X.shape[0], 1)
    first, called = seconds_of(lambda: one_step(params, batch))
    stored = sum(leaf.nbytes for leaf in jax.tree.leaves(X))
    found = {"bytes": stored, "first": first, "called": called, "step": called}
    if called < _SLOW:
        many, one = scanned_beside_calls(params, batch)
        found |= {"scanned": many, "called_in_turns": one, "step": min(many, one)}
    after, cost = one_step(params, batch)
    found["share"] = stored / copy / found["step"]
    return {**found, "update": float(jnp.linalg.norm(after.w)), "cost": float(cost)}


def scanned_beside_calls(params, batch):
    """Seconds a step: 100 in one scan, and 100 jitted calls."""

    def by_calls():
        now = params
        for _ in range(STEPS):
            now, _ = one_step(now, batch)
        return now

    methods = {"scan": lambda: scanned(params, batch, STEPS), "calls": by_calls}
    _, slower = seconds_of(methods["scan"], rounds=1)
    found = side_by_side(methods, slower, rounds=5)
    return found["scan"] / STEPS, found["calls"] / STEPS


def beside(work, drawn, Y):
    """The two products of float32 X by this project, PyTorch and CuPy, in turns."""
    X = drawn.astype(jnp.float32)
    batch, params = Batch(X, Y, jnp.ones_like(Y)), zeros(len(X), 1)
    methods = {"this project": lambda: one_step(params, batch)}
    _, slowest = seconds_of(methods["this project"], rounds=1)
    labels = np.asarray(Y)
    for name in rivals.names(work):
        with work.attempt("rivals", what=name):
            step = rivals.step(name, X, labels)
            _, seconds = seconds_of(step, rounds=1)
            methods[name], slowest = step, max(slowest, seconds)
    exact = backprop(params, batch)[1].w
    for name, seconds in side_by_side(methods, slowest).items():
        error = None
        if name in rivals.STEPS:
            error = largest_error(rivals.to_numpy(methods[name]()[0]), exact)
        work.row("rivals", what=name, seconds=seconds, bytes=X.nbytes, difference=error)


def branches(work):
    """Seconds of a branch of a scan: on a GPU one waits for the host, where a mask does not."""

    @partial(jax.jit, static_argnames="branch")
    def scan(x, branch):
        def step(x, i):
            if branch:
                return lax.cond(i % 2 == 0, lambda x: x + 1, lambda x: x, x), None
            return jnp.where(i % 2 == 0, x + 1, x), None

        return lax.scan(step, x, jnp.arange(_BRANCHES))[0]

    def seconds(branch):
        x = jnp.zeros(1_024)
        return seconds_of(lambda: scan(x, branch))[1] / _BRANCHES

    masked, branched = seconds(False), seconds(True)
    work.row("branches", masked=masked, branched=branched, difference=branched - masked)
