"""One model in jitted chunks of scanned steps, between which the host looks at it."""

import time
from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.batching import on_cpu
from jax_logreg._jax.compiling import jit
from jax_logreg.arrays import is_numpy, scalar, scan
from jax_logreg.arrays import xp as jnp
from jax_logreg.hosts import most, spans
from jax_logreg.loop.body import Carry, Loop, body
from jax_logreg.loop.host import REPEATS
from jax_logreg.loop.initial import recertified, restart, stepless
from jax_logreg.loop.point import Point
from jax_logreg.loop.progress import EachStep, Progress
from jax_logreg.objective import Evaluation
from jax_logreg.placement.devices import lay_out
from jax_logreg.proof.accuracy import Verdict, error_by_hessian, judge
from jax_logreg.proof.certificate import Certificate
from jax_logreg.result import History
from jax_logreg.solver.declared import evaluated
from jax_logreg.status import RUNNING

_CHUNK = 100
# Seconds between two looks from the host where steps are slow.
_PULSE = 0.25
# Numbers that one core gets through in about that time: a first chunk is kept below.
_FIRST = 2e8


@partial(jit, static_argnames=("branch", "length"), donate_argnames="carry")
def _chunk(
    loop: Loop, carry: Carry, limit: int, branch: bool, length: int
) -> tuple[Carry, Array, Array, Array]:
    """At most `limit` of `length` steps; step and status, the certificate, and the rows stacked."""
    carry, rows = scan(
        lambda carry, i: body(loop, carry, jnp.asarray(i < limit), branch),
        carry,
        np.arange(length),
        ended=lambda carry: carry.status != RUNNING,
    )
    where = jnp.stack([carry.step, carry.status])
    return carry, where, jnp.stack(carry.certificate), jnp.stack(rows)


class OneModel:
    """One model as the host drives it, in chunks of scanned steps from a point of its run."""

    def __init__(
        self, loop: Loop, point: Point, callback: Callable[[Progress], None] | None = None
    ) -> None:
        self._loop, self._callback = loop, callback
        self._each = isinstance(callback, EachStep)
        self._branch = on_cpu(loop.objective.batch.s)
        if not point.running:
            point = point._replace(carry=handed_over(point.carry))
        self._take_up(point)

    def _take_up(self, point: Point) -> None:
        """Continue from a point, with the steps and the goal that are left to it."""
        loop, self.state = self._loop, point
        goal = loop.goal._replace(gradient=min(float(point.gradient), float(loop.goal.gradient)))
        self._left = loop._replace(steps=loop.steps - point.before, goal=goal)
        self._limit = 1 if self._each else _first_limit(loop) if self._branch else _CHUNK

    @property
    def stepping(self) -> bool:
        """Return whether the status of the last chunk says to continue."""
        return self.state.running

    def advance(self) -> None:
        """Run a chunk; the next one ends about _PULSE seconds later."""
        began, self._before = time.perf_counter(), self.state.taken
        self.state, self._found = _run_chunk(self._left, self.state, self._limit, self._branch)
        if self._branch and not self._each:
            slow = time.perf_counter() - began > _PULSE / 2
            if spans(self.state.carry.params.w):
                # Hosts whose chunks differed would wait for each other for ever.
                slow = bool(most(slow)[0])
            self._limit = max(self._limit // 2, 1) if slow else min(2 * self._limit, _CHUNK)

    def report(self) -> None:
        """Call the callback with the rows of the last chunk."""
        # The last look of a run takes no step.
        if self._callback is not None and not (self._each and self.state.taken == self._before):
            self._callback(_progress(self._loop, self.state, self._found, self._each))

    def continues(self) -> bool:
        """Judge the answer, and restart if it has converged and is not proven to have.

        At the end of the run the state has the status and the certificate of the judgement.
        """
        point, verdict = self.state, _judged(self._loop, self.state.carry)
        again = _again(self._loop, point, verdict)
        if again is not None:
            self._take_up(again)
            return True
        step, status = np.int32(point.taken), verdict.status(point.status)
        carry = point.carry._replace(step=step, status=status, certificate=verdict.certificate)
        self.state = point._replace(carry=carry)
        return False


def _progress(loop: Loop, point: Point, found: np.ndarray, each: bool) -> Progress:
    params = jax.tree.map(np.array, point.carry.params) if each else None
    J, norm = map(float, found[:2])
    return Progress(point.taken, int(loop.steps), J, norm, History(*point.rows[-1]), params)


def _run_chunk(loop: Loop, point: Point, limit: int, branch: bool) -> tuple[Point, np.ndarray]:
    """Return the point after a chunk, and the certificate there."""
    # A mask computes the steps beyond the limit; a branch does not.
    length = limit if is_numpy(loop.objective.batch.s) or not branch else _CHUNK
    carry, where, found, new = _chunk(loop, point.carry, limit, branch=branch, length=length)
    (step, status), found, new = jax.device_get((where, found, new))
    point.rows.append(new[:, : max(int(step) - point.step, 0)])
    if status != RUNNING:
        known = {"step": np.int32(step), "status": np.int32(status)}
        certificate = _recertified(loop, carry, branch)
        found = np.stack(certificate)
        carry = handed_over(carry._replace(**known, certificate=certificate))
    return point._replace(carry=carry, step=int(step), status=int(status)), found


def _recertified(loop: Loop, carry: Carry, branch: bool) -> Certificate:
    """Return the certificate of an ended run, from a Z of its own, in NumPy."""
    good, batch = carry.good, loop.objective.batch
    # A mask would compute all steps of a chunk.
    if branch and not is_numpy(batch.s):
        once = stepless(loop)
        begun = lay_out(restart(once, good, carry.check), batch, loop.solver)
        *_, found, _ = _chunk(once, begun, 1, branch=branch, length=_CHUNK)
        seen = Certificate(*np.asarray(found))
        # A run that starts at a cost that is not finite has no certificate.
        if not np.isnan(seen.cost):
            return seen
    at = _known(loop, carry) if is_numpy(batch.s) else None
    return Certificate(*jax.device_get(recertified(loop, good, at)))


def _known(loop: Loop, carry: Carry) -> Evaluation | None:
    """Return what the state of an ended run in NumPy knows of its answer, from its own Z."""
    if not all(map(np.array_equal, carry.good, carry.params)):
        return None
    return evaluated(loop.solver, loop.objective, carry.good, carry.state)


def handed_over(carry: Carry) -> Carry:
    """Return the carry of an ended run, with NumPy for the fields that the host reads anyway."""
    names = ("step", "status", "certificate", "check")
    return carry._replace(**jax.device_get({name: getattr(carry, name) for name in names}))


def _first_limit(loop: Loop) -> int:
    n, m = loop.objective.batch.X.shape
    work = n * m * loop.objective.batch.Y.shape[0]
    return int(min(max(_FIRST / (_CHUNK * work), 1), _CHUNK))


def _judged(loop: Loop, carry: Carry) -> Verdict:
    objective = loop.objective
    error_of = partial(error_by_hessian, objective, carry.good)
    return judge(loop.goal, carry.certificate, float(objective.count), objective, error_of)


def _again(loop: Loop, point: Point, verdict: Verdict) -> Point | None:
    """Return the point of a run to continue, converged but not proven so; None for others."""
    if not verdict.continues(point.status) or point.restarts == REPEATS:
        return None
    if verdict.gradient is None:
        carry = restart(loop, point.carry.good, point.carry.check)
        return Point(carry, point.rows, point.taken, point.restarts + 1, gradient=point.gradient)
    running, none = np.int32(RUNNING), scalar(0, np.int32)
    carry = point.carry._replace(status=running, stalled=none)
    return point._replace(
        carry=carry,
        status=int(running),
        restarts=point.restarts + 1,
        gradient=np.array(verdict.gradient),
    )
