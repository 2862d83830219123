"""The loop as the host drives it: jitted chunks of scanned steps, looked at in between."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg._jax.batching import on_cpu
from jax_logreg._jax.compiling import jit
from jax_logreg.checkpoint.keeper import Keeper
from jax_logreg.display import displayed
from jax_logreg.hosts import most, spans
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, body, start, worse
from jax_logreg.matrix import magnitude
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import lay_out, outline
from jax_logreg.proof.accuracy import Verdict, error_by_hessian, judge
from jax_logreg.proof.certificate import Certificate, Moments, certify_from, moments_of
from jax_logreg.proof.goal import Goal
from jax_logreg.proof.gradient_check import GradientCheck, check_gradients
from jax_logreg.result import History
from jax_logreg.status import Status

_CHUNK = 100
# Seconds between two looks from the host where steps are slow, and numbers that one core gets
# through in about that time: a first chunk is kept below.
_PULSE = 0.25
_FIRST = 2e8
# How often a run goes on whose answer, evaluated once more, misses the goal.
REPEATS = 3
# A sharpened gap is at most this many times the true distance; each round of steps towards a
# sharper one multiplies the gap by the second.
_SHARP = 10
_SHARPER = 1e-3


@displayed
class Progress(NamedTuple):
    """What `fit` tells its callback between two chunks: where the loop is, cost in nats.

    `rows` are the history's since the last time, up to `step`: of a run that goes on, all that it
    had, before its first chunk. `params` are those after `step`, and only told to an `EachStep`.
    """

    step: int
    steps: int
    cost: float
    gradient_norm: float
    rows: History = History((), (), (), ())
    params: Params | None = None

    def _shown(self) -> dict[str, Any]:
        numbers = self.cost, self.gradient_norm
        return dict(zip(self._fields, (self.step, self.steps, *numbers), strict=False))


@dataclass(frozen=True)
class EachStep:
    """A callback of `fit` that is called after every single step, with the parameters there."""

    call: Callable[[Progress], None]

    def __call__(self, progress: Progress) -> None:
        """Hand the progress on."""
        self.call(progress)


class Point(NamedTuple):
    """Where a run is between two chunks: all that it needs to go on from there.

    `rows` are blocks (4, steps) of the history, which chunks are added to; `before` is the number
    of steps before the last restart; `step` and `status` are what the host last saw. `gradient` ()
    is the goal's bound on the gradient, which falls until the error is proven to be small.
    """

    carry: Carry
    rows: list[np.ndarray]
    before: int = 0
    restarts: int = 0
    step: int = 0
    status: int = int(Status.RUNNING)
    gradient: Any = np.float64(np.inf)

    @property
    def taken(self) -> int:
        """Steps so far."""
        return self.before + self.step

    @property
    def where(self) -> str:
        """How far it is, in words."""
        return f"step {self.taken}"

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status == Status.RUNNING

    def packed(self) -> "Point":
        """The same with one block of rows."""
        return self._replace(rows=[np.stack(self.history)])

    def check(self) -> None:
        """Refuse numbers that no run leaves (ValueError)."""
        Status(self.status)
        if min(self.before, self.restarts, self.step) < 0:
            raise ValueError("a number of steps is below 0")

    @property
    def history(self) -> History:
        """Of all steps so far: the last one may have been undone."""
        nothing = np.empty((4, 0), self.carry.best.dtype)
        return History(*np.concatenate([nothing, *self.rows], axis=1)[:, : self.taken])


def drive(
    loop: Loop,
    params: Params,
    gradient_check: str | int,
    callback: Callable[[Progress], None] | None = None,
    keeper: Keeper | None = None,
) -> tuple[Carry, History]:
    """Run a loop to its end from the parameters; the carry comes back with NumPy numbers.

    Solvers move Z along with the parameters, so the certificate is computed once more from the
    answer. Where it misses the goal, the run goes on from there.
    """
    point = None
    if keeper is not None and keeper.find(spans(params.w)):
        loop = _look(loop)
        shapes = jax.eval_shape(partial(_start, gradient_check), loop, params)
        like = Point(outline(shapes, loop.objective.batch), [], gradient=np.array(np.inf))
        point = keeper.restore(like)
    if point is None:
        loop, carry = begin(loop, params, _check_start(gradient_check, loop.objective, params))
        point = Point(carry, [], gradient=np.array(loop.goal.gradient, np.float64))
    else:
        if callback is not None and point.taken:
            rows = point.history
            last = float(rows.cost[-1]), float(rows.gradient_norm[-1])
            callback(Progress(point.taken, loop.steps, *last, rows))
        if not point.running:
            point = point._replace(carry=_handed_over(point.carry))
    point = proceed(loop, point, callback, keeper)
    carry = point.carry
    return (_check_end(loop, carry) if gradient_check == "ends" else carry), point.history


def proceed(
    loop: Loop,
    point: Point,
    callback: Callable[[Progress], None] | None = None,
    keeper: Keeper | None = None,
) -> Point:
    """Run a loop to its end, proven to be there where it has converged, from a point of it."""
    while True:
        point = _run_chunks(loop, point, callback, keeper)
        verdict = _judged(loop, point.carry)
        again = _again(loop, point, verdict)
        if again is None:
            break
        point = again
    status = verdict.status(point.status)
    step = np.int32(point.taken)
    carry = point.carry._replace(step=step, status=status, certificate=verdict.certificate)
    return point._replace(carry=carry)


def _check_start(
    gradient_check: str | int, objective: Objective, params: Params
) -> GradientCheck | None:
    if gradient_check == "off":
        return None
    return check_gradients(params, objective.batch, objective.family)


def _start(gradient_check: str | int, loop: Loop, params: Params) -> Carry:
    """The loop before its first step, for its shapes: a run that goes on computes none of it."""
    return start(loop, params, _check_start(gradient_check, loop.objective, params))


def _judged(loop: Loop, carry: Carry) -> Verdict:
    objective = loop.objective
    error_of = partial(error_by_hessian, objective, carry.good)
    return judge(loop.goal, carry.certificate, float(objective.count), objective, error_of)


def _again(loop: Loop, point: Point, verdict: Verdict) -> Point | None:
    """Where a run goes on that has converged, and is not proven to have; None for others."""
    on = not verdict.good or verdict.gradient is not None
    if point.status != Status.CONVERGED or not on or point.restarts == REPEATS:
        return None
    if verdict.gradient is None:
        carry = restart(loop, point.carry.good, point.carry.check)
        return Point(carry, point.rows, point.taken, point.restarts + 1, gradient=point.gradient)
    running, none = np.int32(Status.RUNNING), jnp.int32(0)
    carry = point.carry._replace(status=running, stalled=none)
    return point._replace(
        carry=carry,
        status=int(running),
        restarts=point.restarts + 1,
        gradient=np.array(verdict.gradient),
    )


def sharpened(loop: Loop, params: Params) -> Certificate:
    """The certificate of the parameters, its gap at most 10 times their distance from the optimum.

    For any v, J(v) − gap(v) ≤ J* ≤ J(v): the distance J(params) − J* is at least J(params) − J(v),
    and at most that plus gap(v). Steps from the parameters lead to a v whose gap is small against
    the difference. Where the dtype ends before, the gap is as small as was reached.
    """
    loop, carry = begin(loop, params, None)
    here = there = jax.device_get(jit(afresh)(loop, params))
    # A gap of 0 proves that the parameters are optimal, and a tolerance of 0 never stops.
    while math.isfinite(there.gap) and (gap := _SHARPER * float(there.relative_gap)) > 0:
        sharper = loop._replace(goal=Goal(gap))
        carry = _run_chunks(sharper, Point(carry, [])).carry
        there = carry.certificate
        fallen = here.cost - there.cost
        gap = min(here.gap, fallen + there.gap) if fallen > 0 else here.gap
        if carry.status != Status.CONVERGED or there.gap <= (_SHARP - 1) * fallen:
            return _with_gap(here, gap)
        carry = restart(loop, carry.good, None)
    return here


def _with_gap(found: Certificate, gap: Any) -> Certificate:
    """The certificate with a smaller gap, and what follows from it."""
    ratio = gap / found.gap
    error = found.error_in_std_errs * math.sqrt(ratio)
    return found._replace(gap=gap, relative_gap=found.relative_gap * ratio, error_in_std_errs=error)


def begin(loop: Loop, params: Params, check: GradientCheck | None) -> tuple[Loop, Carry]:
    """The loop with all that is computed of the data but once, before its first step."""
    loop = _look(loop)
    return loop, lay_out(restart(loop, params, check), loop.objective.batch)


def _look(loop: Loop) -> Loop:
    """The loop with what it is to know of the data, to the same bits where a run goes on."""
    total, count, moments, scale = _sums(loop.objective)
    objective = replace(loop.objective, known_total=total, known_count=count)
    return loop._replace(objective=objective, moments=moments, scale=scale)


@jax.jit
def _sums(objective: Objective) -> tuple[Array, Array, Moments | None, Array]:
    scale = magnitude(objective.batch.X, objective.batch.s)
    return objective.total, objective.count, moments_of(objective), scale


restart = jit(start)


def afresh(loop: Loop, params: Params) -> Certificate:
    """The certificate of the parameters from a Z of their own."""
    objective = loop.objective
    return certify_from(objective, params, objective.evaluate(params), loop.moments)


@partial(jit, static_argnames=("branch", "length"), donate_argnames="carry")
def _chunk(
    loop: Loop, carry: Carry, limit: int, branch: bool, length: int = _CHUNK
) -> tuple[Carry, Array, Array, Array]:
    """At most `limit` of `length` steps; step and status, the certificate, and the rows stacked.

    Once the loop is at its end the certificate is made afresh.
    """
    carry, rows = lax.scan(
        lambda carry, i: body(loop, carry, i < limit, branch), carry, jnp.arange(length)
    )
    found = lax.cond(
        carry.status == Status.RUNNING,
        lambda: carry.certificate,
        lambda: afresh(loop, carry.good),
    )
    where = jnp.stack([carry.step, carry.status])
    return carry, where, jnp.stack(found), jnp.stack(rows)


def _run_chunks(
    loop: Loop,
    point: Point,
    callback: Callable[[Progress], None] | None = None,
    keeper: Keeper | None = None,
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
        if keeper is not None:
            keeper.keep(point)
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
    return Progress(point.taken, loop.steps, J, norm, History(*point.rows[-1]), params)


def _run_chunk(loop: Loop, point: Point, limit: int, branch: bool) -> tuple[Point, np.ndarray]:
    """The point after a chunk, and the certificate there."""
    # A mask computes the steps that a limit leaves out, where a branch does not.
    length = _CHUNK if branch else limit
    carry, where, found, new = _chunk(loop, point.carry, limit, branch=branch, length=length)
    (step, status), found, new = jax.device_get((where, found, new))
    point.rows.append(new[:, : max(int(step) - point.step, 0)])
    if status != Status.RUNNING:
        known = {"step": np.int32(step), "status": np.int32(status)}
        carry = _handed_over(carry._replace(**known, certificate=Certificate(*found)))
    return point._replace(carry=carry, step=int(step), status=int(status)), found


def _handed_over(carry: Carry) -> Carry:
    """The carry of a run that has ended, with NumPy for what the host reads anyway."""
    names = ("step", "status", "certificate", "check")
    return carry._replace(**jax.device_get({name: getattr(carry, name) for name in names}))


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
