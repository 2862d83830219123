"""Jitted chunks of scanned steps, which the host looks at in between."""

import time
from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.batching import on_cpu
from jax_logreg._jax.compiling import jit
from jax_logreg.arrays import cond, is_numpy, scan
from jax_logreg.arrays import xp as jnp
from jax_logreg.hosts import most, spans
from jax_logreg.loop.body import Carry, Loop, body
from jax_logreg.loop.initial import recertify
from jax_logreg.loop.point import Point
from jax_logreg.loop.progress import EachStep, Progress
from jax_logreg.proof.certificate import Certificate
from jax_logreg.result import History
from jax_logreg.status import Status

_CHUNK = 100
# Seconds between two looks from the host where steps are slow, and numbers that one core gets
# through in about that time: a first chunk is kept below.
_PULSE = 0.25
_FIRST = 2e8


@partial(jit, static_argnames=("branch", "length"), donate_argnames="carry")
def _chunk(
    loop: Loop, carry: Carry, limit: int, branch: bool, length: int = _CHUNK
) -> tuple[Carry, Array, Array, Array]:
    """At most `limit` of `length` steps; step and status, the certificate, and the rows stacked.

    Once the loop is at its end the certificate is computed again.
    """
    carry, rows = scan(
        lambda carry, i: body(loop, carry, jnp.asarray(i < limit), branch),
        carry,
        np.arange(length),
        ended=lambda carry: carry.status != Status.RUNNING,
    )
    found = cond(
        carry.status == Status.RUNNING,
        lambda: carry.certificate,
        lambda: recertify(loop, carry.good),
    )
    where = jnp.stack([carry.step, carry.status])
    return carry, where, jnp.stack(found), jnp.stack(rows)


def run_chunks(
    loop: Loop,
    point: Point,
    callback: Callable[[Progress], None] | None = None,
    save: Callable[[Point], None] | None = None,
) -> Point:
    """Run chunks until the status says stop, looking in about every _PULSE seconds."""
    branch = on_cpu(loop.objective.batch.s)
    each = isinstance(callback, EachStep)
    limit = 1 if each else _first_limit(loop) if branch else _CHUNK
    goal = loop.goal._replace(gradient=min(float(point.gradient), float(loop.goal.gradient)))
    left = loop._replace(steps=loop.steps - point.before, goal=goal)
    while point.running:
        began, before = time.perf_counter(), point.taken
        point, found = _run_chunk(left, point, limit, branch)
        # The last look of a run takes no step.
        if callback is not None and not (each and point.taken == before):
            callback(_progress(loop, point, found, each))
        if save is not None:
            save(point)
        if branch and not each:
            slow = time.perf_counter() - began > _PULSE / 2
            if spans(point.carry.params.w):
                # Hosts whose chunks differed would wait for each other for ever.
                slow = bool(most(slow)[0])
            limit = max(limit // 2, 1) if slow else min(2 * limit, _CHUNK)
    return point


def _progress(loop: Loop, point: Point, found: np.ndarray, each: bool) -> Progress:
    params = jax.tree.map(np.array, point.carry.params) if each else None
    J, norm = map(float, found[:2])
    return Progress(point.taken, int(loop.steps), J, norm, History(*point.rows[-1]), params)


def _run_chunk(loop: Loop, point: Point, limit: int, branch: bool) -> tuple[Point, np.ndarray]:
    """The point after a chunk, and the certificate there."""
    # A mask computes the steps that a limit leaves out, where a branch does not.
    length = limit if is_numpy(loop.objective.batch.s) or not branch else _CHUNK
    carry, where, found, new = _chunk(loop, point.carry, limit, branch=branch, length=length)
    (step, status), found, new = jax.device_get((where, found, new))
    point.rows.append(new[:, : max(int(step) - point.step, 0)])
    if status != Status.RUNNING:
        known = {"step": np.int32(step), "status": np.int32(status)}
        carry = handed_over(carry._replace(**known, certificate=Certificate(*found)))
    return point._replace(carry=carry, step=int(step), status=int(status)), found


def handed_over(carry: Carry) -> Carry:
    """The carry of a run that has ended, with NumPy for what the host reads anyway."""
    names = ("step", "status", "certificate", "check")
    return carry._replace(**jax.device_get({name: getattr(carry, name) for name in names}))


def _first_limit(loop: Loop) -> int:
    n, m = loop.objective.batch.X.shape
    work = n * m * loop.objective.batch.Y.shape[0]
    return int(min(max(_FIRST / (_CHUNK * work), 1), _CHUNK))
