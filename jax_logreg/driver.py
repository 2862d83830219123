"""The loop as the host drives it: jitted chunks of scanned steps, looked at in between."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg.batching import on_cpu
from jax_logreg.certificate import Certificate, Moments, certify_from, moments_of
from jax_logreg.devices import lay_out
from jax_logreg.gradient_check import GradientCheck, check_gradients
from jax_logreg.logistic import Params
from jax_logreg.loop import Carry, Loop, body, start, worse
from jax_logreg.matrix import mean_absolute
from jax_logreg.result import History
from jax_logreg.status import Status

_CHUNK = 100
# Seconds between two looks from the host where steps are slow, and numbers that one core gets
# through in about that time: a first chunk is kept below.
_PULSE = 0.25
_FIRST = 2e8
# How often a run goes on whose answer, evaluated afresh, misses the tolerance by a rounding.
REPEATS = 3
# A sharpened gap is at most this many times the true distance; each round of steps towards a
# sharper one multiplies the gap by the second.
_SHARP = 10
_SHARPER = 1e-3


class Progress(NamedTuple):
    """What `fit` tells its callback between two chunks: where the loop is, cost in nats."""

    step: int
    steps: int
    cost: float
    gradient_norm: float


def drive(
    loop: Loop,
    params: Params,
    gradient_check: str | int,
    callback: Callable[[Progress], None] | None = None,
) -> tuple[Carry, History]:
    """Run a loop to its end from the parameters; the carry comes back with NumPy numbers.

    Solvers move Z along with the parameters, so the certificate is made anew from the answer; where
    that turns out to miss the tolerance, the run goes on from there.
    """
    objective, check = loop.objective, None
    if gradient_check != "off":
        check = check_gradients(params, objective.batch, objective.family)
    loop, carry = begin(loop, params, check)
    carry, history = _run_chunks(loop, carry, callback)
    for _ in range(REPEATS):
        if carry.status != Status.CONVERGED or measure(carry.certificate) <= loop.tolerance:
            break
        rest = loop._replace(steps=loop.steps - int(carry.step))
        again, more = _run_chunks(rest, restart(rest, carry.good, carry.check), callback)
        carry = again._replace(step=carry.step + again.step)
        history = history.followed_by(more)
    if carry.status == Status.CONVERGED and measure(carry.certificate) > loop.tolerance:
        carry = carry._replace(status=np.int32(Status.PRECISION_FLOOR))
    return (_check_end(loop, carry) if gradient_check == "ends" else carry), history


def sharpened(loop: Loop, params: Params) -> Certificate:
    """The certificate of the parameters, its gap at most 10 times their distance from the optimum.

    For any v, J(v) − gap(v) ≤ J* ≤ J(v): the distance J(params) − J* is at least J(params) − J(v),
    and at most that plus gap(v). Steps from the parameters lead to a v whose gap is small against
    the difference. Where the dtype ends before, the gap is as small as was reached.
    """
    loop, carry = begin(loop, params, None)
    here = there = jax.device_get(jax.jit(afresh)(loop, params))
    while math.isfinite(there.gap):
        sharper = loop._replace(tolerance=_SHARPER * float(there.relative_gap))
        carry, _ = _run_chunks(sharper, carry, None)
        there = carry.certificate
        fallen = here.cost - there.cost
        gap = min(here.gap, fallen + there.gap) if fallen > 0 else here.gap
        if carry.status != Status.CONVERGED or there.gap <= (_SHARP - 1) * fallen:
            return here._replace(gap=gap, relative_gap=here.relative_gap * (gap / here.gap))
        carry = restart(loop, carry.good, None)
    return here


def begin(loop: Loop, params: Params, check: GradientCheck | None) -> tuple[Loop, Carry]:
    """The loop with all that is computed of the data but once, before its first step."""
    moments, scale, carry = _begin(loop, params, check)
    carry = lay_out(carry, loop.objective.batch.s)
    return loop._replace(moments=moments, scale=scale), carry


# The loop itself is no output: that would be a copy of X.
@jax.jit
def _begin(
    loop: Loop, params: Params, check: GradientCheck | None
) -> tuple[Moments | None, Array, Carry]:
    objective = loop.objective
    scale = mean_absolute(objective.batch.X, objective.batch.s)
    return moments_of(objective), scale, start(loop, params, check)


restart = jax.jit(start)


def afresh(loop: Loop, params: Params) -> Certificate:
    """The certificate of the parameters from a Z of their own."""
    objective = loop.objective
    return certify_from(objective, params, objective.evaluate(params), loop.moments)


def measure(certificate: Certificate) -> float:
    gap = float(certificate.relative_gap)
    return gap if math.isfinite(gap) else float(certificate.gradient_norm)


@partial(jax.jit, static_argnames="branch", donate_argnames="carry")
def _chunk(loop: Loop, carry: Carry, limit: int, branch: bool) -> tuple[Carry, Array, Array, Array]:
    """At most `limit` of _CHUNK steps; step and status, the certificate, and the rows stacked.

    Once the loop is at its end the certificate is made afresh.
    """
    carry, rows = lax.scan(
        lambda carry, i: body(loop, carry, i < limit, branch), carry, jnp.arange(_CHUNK)
    )
    found = lax.cond(
        carry.status == Status.RUNNING,
        lambda: carry.certificate,
        lambda: afresh(loop, carry.good),
    )
    where = jnp.stack([carry.step, carry.status])
    return carry, where, jnp.stack(found), jnp.stack(rows)


def _run_chunks(
    loop: Loop, carry: Carry, callback: Callable[[Progress], None] | None
) -> tuple[Carry, History]:
    """Run chunks until the status says stop, looking in about every _PULSE seconds."""
    branch = on_cpu(carry.best)
    limit = _first_limit(loop) if branch else _CHUNK
    rows, step, status = [np.empty((4, 0), carry.best.dtype)], 0, int(Status.RUNNING)
    while status == Status.RUNNING:
        began, before = time.perf_counter(), step
        carry, where, found, new = _chunk(loop, carry, limit, branch=branch)
        (step, status), found, new = jax.device_get((where, found, new))
        rows.append(new[:, : max(step - before, 0)])
        if callback is not None:
            callback(Progress(int(step), loop.steps, *map(float, found[:2])))
        if branch:
            slow = time.perf_counter() - began > _PULSE / 2
            limit = max(limit // 2, 1) if slow else min(2 * limit, _CHUNK)
    # What the host reads anyway is handed over as NumPy.
    carry = carry._replace(
        step=np.int32(step),
        status=np.int32(status),
        certificate=Certificate(*found),
        check=jax.device_get(carry.check),
    )
    return carry, History(*np.concatenate(rows, axis=1)[:, :step])


def _first_limit(loop: Loop) -> int:
    n, m = loop.objective.batch.X.shape
    work = n * m * loop.objective.batch.Y.shape[0]
    return int(min(max(_FIRST / (_CHUNK * work), 1), _CHUNK))


def _check_end(loop: Loop, carry: Carry) -> Carry:
    objective = loop.objective
    check = check_gradients(carry.good, objective.batch, objective.family)
    last = jax.device_get(worse(check, carry.check))
    status = carry.status if last.passed else np.int32(Status.GRADIENT_CHECK_FAILED)
    return carry._replace(check=last, status=status)
