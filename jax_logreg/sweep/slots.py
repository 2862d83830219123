"""The loop of one model, under vmap, in slots that many models pass through."""

from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg.batching import on_cpu, where_wanted
from jax_logreg.certificate import Certificate, Moments, moments_of
from jax_logreg.compiling import jit
from jax_logreg.devices import lay_out
from jax_logreg.diagnosis import diagnose
from jax_logreg.driver import REPEATS, afresh, measure
from jax_logreg.logistic import Params
from jax_logreg.loop import Carry, Loop, body, start
from jax_logreg.result import History, Result
from jax_logreg.status import Status
from jax_logreg.sweep.stack import Stack, model_loop

# Steps between two looks from the host, which fill the slots of models that are done.
_LOOK = 2


class Fits(NamedTuple):
    """The models of a sweep along a leading axis: params w (r, n, k), b (r, k, 1); certificates
    and steps (r,). `notes` say what was found in the data of each, as `Result.notes` do.
    """

    params: Params
    certificate: Certificate
    status: tuple[Status, ...]
    steps: np.ndarray
    classes: tuple[Any, ...]
    solver: str
    notes: tuple[tuple[str, ...], ...]

    def result(self, i: int) -> Result:
        """Model i as `fit` would hand it back, with an empty history: a sweep keeps none."""
        params, certificate = (
            jax.tree.map(lambda part: part[i], tree) for tree in (self.params, self.certificate)
        )
        nothing = np.empty(0, params.w.dtype)
        return Result(
            params,
            History(*(nothing,) * 4),
            self.status[i],
            int(self.steps[i]),
            None,
            certificate,
            self.classes,
            self.solver,
            self.notes[i],
        )

    def part(self, which: slice) -> "Fits":
        """Those models alone."""
        params, certificate = (
            jax.tree.map(lambda part: part[which], tree) for tree in (self.params, self.certificate)
        )
        return self._replace(
            params=params,
            certificate=certificate,
            status=self.status[which],
            steps=self.steps[which],
            notes=self.notes[which],
        )


def run_many(
    loop: Loop,
    stack: Stack,
    starts: Params,
    slots: int,
    classes: tuple[Any, ...],
    chosen: str,
    parents: np.ndarray | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> Fits:
    """Every model of a stack to its end, and proven to be there if it has converged.

    So many slots run at a time. A model begins at `starts`, (models, ...) or (1, ...) for all; one
    with a parent (not -1) at the answer of that model, as soon as there is one.
    """
    models = len(stack.row)
    answers = _Answers.empty(loop, starts, models, callback)
    parents = np.full(models, -1) if parents is None else parents
    todo = np.arange(models)
    for _ in range(1 + REPEATS):
        _pass_through(loop, stack, _Queue.of(todo, parents), slots, answers)
        _certify(loop, stack, todo, slots, answers)
        # Where the certificate, made afresh, misses the tolerance, the run goes on from there.
        todo = todo[[answers.misses(int(i), loop.tolerance) for i in todo]]
        parents = np.arange(models)
        if not todo.size:
            break
    answers.status[todo] = Status.PRECISION_FLOOR
    status, notes = _diagnosed(loop, stack, answers)
    certificate = Certificate(*answers.certificate.T)
    return Fits(answers.params, certificate, status, answers.steps, classes, chosen, notes)


class _Queue(NamedTuple):
    """Models that may begin, in turn, and those that wait for the answer of another.

    `parents` says whose answer each begins at: -1 none's, its own number that of an earlier run.
    """

    ready: deque[int]
    waiting: dict[int, list[int]]
    parents: np.ndarray

    @staticmethod
    def of(models: np.ndarray, parents: np.ndarray) -> "_Queue":
        queue = _Queue(deque(), defaultdict(list), parents)
        for model in map(int, models):
            parent = int(parents[model])
            if parent in (-1, model):
                queue.ready.append(model)
            else:
                queue.waiting[parent].append(model)
        return queue

    def done(self, model: int) -> None:
        """Let those begin that waited for it."""
        self.ready.extend(self.waiting.pop(model, ()))


class _Answers(NamedTuple):
    """What is known of each model, in NumPy, filled in as they end."""

    params: Params
    certificate: np.ndarray
    status: np.ndarray
    steps: np.ndarray
    callback: Callable[[int, int], None] | None

    @staticmethod
    def empty(loop: Loop, starts: Params, models: int, callback: Any) -> "_Answers":
        dtype = loop.objective.batch.s.dtype
        # Until they are known, those that they start from.
        arrays: Any = [
            np.array(np.broadcast_to(part, (models, *part.shape[1:])), dtype) for part in starts
        ]
        counts = np.zeros(models, np.int32)
        certificate = np.zeros((models, 4), dtype)
        return _Answers(Params(*arrays), certificate, counts, counts.copy(), callback)

    def tell(self) -> None:
        """Say how many models are done."""
        if self.callback is not None:
            done = np.count_nonzero(self.status != Status.RUNNING)
            self.callback(int(done), len(self.status))

    def misses(self, i: int, tolerance: float) -> bool:
        """Whether a model that has converged is not proven to have."""
        found = Certificate(*self.certificate[i])
        return self.status[i] == Status.CONVERGED and measure(found) > tolerance


class _Slot(NamedTuple):
    """A model under way; its moments where its weights are its own."""

    carry: Carry
    moments: Moments | None


def _pass_through(loop: Loop, stack: Stack, queue: _Queue, slots: int, answers: _Answers) -> None:
    """Run the models, each slot taking the next as soon as its own is done."""
    size = min(slots, len(stack.row))
    index, live = np.zeros(size, np.int32), np.zeros(size, bool)
    params = Params(*(part[index] for part in answers.params))
    branch = on_cpu(loop.objective.batch.s)
    state = _idle(loop, stack, index, params)
    while queue.ready or live.any():
        fresh = _fill(queue, index, live, params, answers)
        # What is run again has the steps that are left.
        taken = answers.steps[index]
        state = _advance(loop, stack, index, params, fresh, taken, state, branch)
        step, status = jax.device_get((state.carry.step, state.carry.status))
        ended = live & (status != Status.RUNNING)
        if not ended.any():
            continue
        good = jax.device_get(state.carry.good)
        for slot in np.flatnonzero(ended):
            model = index[slot]
            for kept, new in zip(answers.params, good, strict=True):
                kept[model] = new[slot]
            answers.status[model] = status[slot]
            answers.steps[model] += step[slot]
            queue.done(int(model))
        live &= ~ended
        answers.tell()


def _fill(
    queue: _Queue, index: np.ndarray, live: np.ndarray, params: Params, answers: _Answers
) -> np.ndarray:
    """Put models that are ready into the slots that are free, in place: which ones got one."""
    fresh = np.zeros_like(live)
    for slot in np.flatnonzero(~live)[: len(queue.ready)]:
        index[slot] = model = queue.ready.popleft()
        parent = queue.parents[model]
        for part, known in zip(params, answers.params, strict=True):
            part[slot] = known[model if parent < 0 else parent]
        live[slot] = fresh[slot] = True
    return fresh


def _idle(loop: Loop, stack: Stack, index: np.ndarray, params: Params) -> _Slot:
    """Slots that nothing runs in, of the shapes that models have."""
    shapes = _begin_each.eval_shape(loop, stack, index, params)
    # By NumPy: each shape would be compiled.
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    ended = np.full(len(index), Status.STEPS_EXHAUSTED, np.int32)
    state = state._replace(carry=state.carry._replace(status=ended))
    return lay_out(state, loop.objective.batch.s)


def _begin(loop: Loop, own: Stack, params: Params) -> _Slot:
    loop = model_loop(loop, own)
    moments = None if own.rows is None else moments_of(loop.objective)
    return _Slot(start(loop, params, None), moments)


@jit
def _begin_each(loop: Loop, stack: Stack, index: Array, params: Params) -> _Slot:
    return jax.vmap(partial(_begin, loop))(stack.take(index), params)


@partial(jit, static_argnames="branch", donate_argnames="state")
def _advance(
    loop: Loop,
    stack: Stack,
    index: Array,
    params: Params,
    fresh: Array,
    taken: Array,
    state: _Slot,
    branch: bool,
) -> _Slot:
    """Some steps of every slot, those that are fresh from the start of their models."""

    def advance(own: Stack, params: Params, fresh: Array, taken: Array, slot: _Slot) -> _Slot:
        slot = where_wanted(fresh, lambda _: _begin(loop, own, params), slot)
        one = model_loop(loop, own)._replace(steps=loop.steps - taken)
        if slot.moments is not None:
            one = one._replace(moments=slot.moments)
        carry, _ = lax.scan(
            lambda carry, _: (body(one, carry, True, branch)[0], None), slot.carry, length=_LOOK
        )
        return slot._replace(carry=carry)

    return jax.vmap(advance)(stack.take(index), params, fresh, taken, state)


def _certify(loop: Loop, stack: Stack, models: np.ndarray, slots: int, answers: _Answers) -> None:
    """The certificates of the models' answers, each from a Z of its own."""
    size = min(slots, len(stack.row))
    for first in range(0, len(models), size):
        # The last block repeats a model, so that all have one shape.
        index = np.resize(models[first : first + size], size)
        params = Params(*(part[index] for part in answers.params))
        answers.certificate[index] = np.stack(_afresh(loop, stack, index, params), axis=1)


@jit
def _afresh(loop: Loop, stack: Stack, index: Array, params: Params) -> Certificate:
    def certify(own: Stack, params: Params) -> Certificate:
        one = model_loop(loop, own)
        if own.rows is not None:
            one = one._replace(moments=moments_of(one.objective))
        return afresh(one, params)

    return jax.vmap(certify)(stack.take(index), params)


def _diagnosed(
    loop: Loop, stack: Stack, answers: _Answers
) -> tuple[tuple[Status, ...], tuple[tuple[str, ...], ...]]:
    """The status of each model, and the notes on its data where features are unpenalised."""
    status = [Status(int(code)) for code in answers.status]
    notes: list[tuple[str, ...]] = [()] * len(status)
    # A gap is finite only where every feature is penalised.
    unbounded = np.isinf(answers.certificate[:, Certificate._fields.index("gap")])
    for i in np.flatnonzero(unbounded) if loop.tolerance > 0 else ():
        own = jax.tree.map(lambda part: part[0], stack.take(jnp.array([i])))
        params = Params(*(part[i] for part in answers.params))
        status[i], notes[i] = diagnose(model_loop(loop, own).objective, params, status[i])
    return tuple(status), tuple(notes)
