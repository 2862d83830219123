"""Many models over one X: the loop of one, under vmap, in slots that the models pass through."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg.arguments import Task, check_dtype, check_settings, place_arguments
from jax_logreg.batching import where_wanted
from jax_logreg.certificate import Certificate, Moments, moments_of
from jax_logreg.diagnosis import diagnose
from jax_logreg.driver import REPEATS, afresh, measure
from jax_logreg.errors import InputError
from jax_logreg.logistic import Params
from jax_logreg.loop import Carry, Loop, body, start
from jax_logreg.matrix import mean_absolute
from jax_logreg.objective import Objective, Solver
from jax_logreg.penalty import Penalty
from jax_logreg.solver import LBFGS, choose_solver
from jax_logreg.solver.basis import Basis, make_basis
from jax_logreg.status import Status
from jax_logreg.sweep.stack import Axes, Stack, find_axes, model_loop, weigh_rows

# Steps between two looks from the host, which fill the slots of models that are done.
_LOOK = 4
# Arrays of the size of Z, and of the parameters beside the memory of L-BFGS, that a model has at
# once; and the most models at once, beyond which a product gains nothing.
_OF_Z, _OF_PARAMS, _MOST = 12, 12, 64
# Entries of Z of all models at once that still lie in a cache.
_CACHED = 2**20


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


def fit_many(
    X: Any,
    Y: Any,
    *,
    s: Any = None,
    family: str = "auto",
    penalty: Penalty | None = None,
    class_weight: Any = None,
    fit_intercept: bool = True,
    solver: Solver | str = "auto",
    steps: int = 1000,
    tolerance: float = 1e-4,
    params: Params | None = None,
    dtype: str = "float32",
    device: str | jax.Device | None = None,
    memory: float = 1e9,
) -> Fits:
    """Fit r models over one X at once: the same steps as `fit`'s, X being read once for all.

    Whatever has a leading axis of r is one a model, the rest is shared. A held-out fold is s = 0,
    a bootstrap an integer s.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        s: (r, m) weights, or (m,) for all.
        family: as in `fit`.
        penalty: as in `fit`, its strength and l1_ratio numbers or (r,).
        class_weight: as in `fit`; "balanced" by the weights of each model.
        fit_intercept: as in `fit`.
        solver: as in `fit`, its numbers (r,) if they differ.
        steps: the largest number of updates of each.
        tolerance: as in `fit`, of each.
        params: where to start: w (r, n, k), b (r, k, 1), or without the axis for all.
        dtype: as in `fit`.
        device: as in `fit`.
        memory: bytes that the models may take beside X; how many run at once follows from it, and
            the answers do not depend on that.

    Raises:
        ValueError: a bad argument, named, before anything is compiled.
    """
    dtype = check_dtype(dtype)
    check_settings(steps, tolerance, "off")
    axes = find_axes(s, penalty, solver, params)
    with jax.enable_x64(dtype == "float64"):
        task = place_arguments(
            X,
            Y,
            axes.shared_s,
            axes.shared_params,
            dtype,
            device,
            family,
            axes.shared_penalty,
            None if axes.s is not None else class_weight,
            fit_intercept,
        )
        method, chosen = choose_many(solver, task)
        stack = _stack(axes, task, class_weight, dtype)
        loop = Loop(task.objective, method, int(steps), float(tolerance))
        slots = count_slots(task.objective, method, axes.models, memory)
        loop = prepared(loop, task.params)
        return run_many(loop, stack, slots, task.classes, chosen)


def run_many(
    loop: Loop,
    stack: Stack,
    slots: int,
    classes: tuple[Any, ...],
    chosen: str,
    parents: np.ndarray | None = None,
) -> Fits:
    """Every model of a stack to its end, so many slots at a time.

    One with a parent (not -1) starts from the answer of that model, which comes before it.
    """
    models = len(stack.row)
    answers = _Answers.empty(loop, models)
    parents = np.full(models, -1) if parents is None else parents
    for todo in (np.flatnonzero(parents < 0), np.flatnonzero(parents >= 0)):
        if todo.size and parents[todo[0]] >= 0:
            starts = (part[np.maximum(parents, 0)] for part in answers.params)
            stack = stack._replace(params=Params(*map(jnp.asarray, starts)))
        stack = _run_stage(loop, stack, todo, slots, answers)
    status, notes = _diagnosed(loop, stack, answers)
    certificate = Certificate(*answers.certificate.T)
    return Fits(answers.params, certificate, status, answers.steps, classes, chosen, notes)


def _run_stage(
    loop: Loop, stack: Stack, todo: np.ndarray, slots: int, answers: "_Answers"
) -> Stack:
    """Run these models until each is done, and proven to be if it has converged."""
    for _ in range(1 + REPEATS):
        if not todo.size:
            return stack
        _pass_through(loop, stack, todo, slots, answers)
        _certify(loop, stack, todo, slots, answers)
        # Where the certificate, made afresh, misses the tolerance, the run goes on from there.
        todo = todo[[answers.misses(int(i), loop.tolerance) for i in todo]]
        if todo.size:
            stack = stack._replace(params=jax.tree.map(jnp.asarray, answers.params))
    answers.status[todo] = Status.PRECISION_FLOOR
    return stack


class _Answers(NamedTuple):
    """What is known of each model, in NumPy, filled in as they end."""

    params: Params
    certificate: np.ndarray
    status: np.ndarray
    steps: np.ndarray

    @staticmethod
    def empty(loop: Loop, models: int) -> "_Answers":
        (n, _), k = loop.objective.batch.X.shape, len(loop.objective.batch.Y)
        dtype = loop.objective.batch.s.dtype
        zeros: Any = [np.zeros((models, *one), dtype) for one in ((n, k), (k, 1))]
        counts = np.zeros(models, np.int32)
        return _Answers(Params(*zeros), np.zeros((models, 4), dtype), counts, counts.copy())

    def misses(self, i: int, tolerance: float) -> bool:
        """Whether a model that has converged is not proven to have."""
        found = Certificate(*self.certificate[i])
        return self.status[i] == Status.CONVERGED and measure(found) > tolerance


class _Slot(NamedTuple):
    """A model under way; its moments where its weights are its own."""

    carry: Carry
    moments: Moments | None


def _pass_through(
    loop: Loop, stack: Stack, models: np.ndarray, slots: int, answers: _Answers
) -> None:
    """Run the models, each slot taking the next as soon as its own is done."""
    queue, size = list(models[::-1]), min(slots, len(stack.row))
    live = np.arange(size) < len(queue)
    index = np.array([queue.pop() if one else models[0] for one in live], np.int32)
    fresh = live.copy()
    branch = all(device.platform == "cpu" for device in loop.objective.batch.s.devices())
    state = _idle(loop, stack, index)
    while live.any():
        state = _advance(loop, stack, index, fresh, state, branch)
        step, status = jax.device_get((state.carry.step, state.carry.status))
        ended = live & (status != Status.RUNNING)
        fresh = np.zeros(size, bool)
        if not ended.any():
            continue
        good = jax.device_get(state.carry.good)
        for slot in np.flatnonzero(ended):
            model = index[slot]
            for kept, new in zip(answers.params, good, strict=True):
                kept[model] = new[slot]
            answers.status[model] = status[slot]
            answers.steps[model] += step[slot]
            live[slot] = fresh[slot] = bool(queue)
            if queue:
                index[slot] = queue.pop()


def _idle(loop: Loop, stack: Stack, index: np.ndarray) -> _Slot:
    """Slots that nothing runs in, of the shapes that models have."""
    shapes = jax.eval_shape(jax.vmap(partial(_begin, loop)), jax.eval_shape(stack.take, index))
    state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    ended = jnp.full(len(index), Status.STEPS_EXHAUSTED, jnp.int32)
    return state._replace(carry=state.carry._replace(status=ended))


def _begin(loop: Loop, own: Stack) -> _Slot:
    loop = model_loop(loop, own)
    moments = None if own.rows is None else moments_of(loop.objective)
    return _Slot(start(loop, own.params, None), moments)


@partial(jax.jit, static_argnames="branch", donate_argnames="state")
def _advance(
    loop: Loop, stack: Stack, index: Array, fresh: Array, state: _Slot, branch: bool
) -> _Slot:
    """Some steps of every slot, those that are fresh from the start of their models."""

    def advance(own: Stack, fresh: Array, slot: _Slot) -> _Slot:
        slot = where_wanted(fresh, lambda _: _begin(loop, own), slot)
        one = model_loop(loop, own)
        if slot.moments is not None:
            one = one._replace(moments=slot.moments)
        carry, _ = lax.scan(
            lambda carry, _: (body(one, carry, True, branch)[0], None), slot.carry, length=_LOOK
        )
        return slot._replace(carry=carry)

    return jax.vmap(advance)(stack.take(index), fresh, state)


def _certify(loop: Loop, stack: Stack, models: np.ndarray, slots: int, answers: _Answers) -> None:
    """The certificates of the models' answers, each from a Z of its own."""
    size = min(slots, len(stack.row))
    for first in range(0, len(models), size):
        # The last block repeats a model, so that all have one shape.
        index = np.resize(models[first : first + size], size)
        params = Params(*(part[index] for part in answers.params))
        answers.certificate[index] = np.stack(_afresh(loop, stack, index, params), axis=1)


@jax.jit
def _afresh(loop: Loop, stack: Stack, index: Array, params: Params) -> Certificate:
    def certify(own: Stack, params: Params) -> Certificate:
        one = model_loop(loop, own)
        if own.rows is not None:
            one = one._replace(moments=moments_of(one.objective))
        return afresh(one, params)

    return jax.vmap(certify)(stack.take(index), params)


def choose_many(solver: Any, task: Task) -> tuple[Solver, str]:
    """As `choose_solver`, but that of "auto" is one that many models share the work of."""
    method, chosen = choose_solver(solver, task.objective)
    if not (isinstance(solver, str) and solver == "auto" and task.objective.smooth):
        return method, chosen
    return LBFGS(), "LBFGS: many models and a smooth cost, which share a metric"


def _stack(axes: Axes, task: Task, class_weight: Any, dtype: str) -> Stack:
    """What the models have of their own, on the device of the rest."""
    rows = axes.s
    if rows is not None:
        m = task.objective.batch.Y.shape[1]
        if rows.shape[1] != m:
            raise InputError(
                f"s has shape {rows.shape}: expected (r, {m}), one weight for each column of X"
            )
        rows = weigh_rows(rows, class_weight, task.objective, task.classes).astype(dtype)
    params = jax.tree.map(lambda part: part[None], task.params)
    if axes.params is not None:
        params = _check_starts(axes.params, params)
    own = (rows, axes.penalty, axes.solver, Params(*params))
    rows, penalty, numbers, starts = jax.tree.map(partial(jnp.asarray, dtype=dtype), own)
    return Stack(rows, jnp.arange(axes.models, dtype=jnp.int32), penalty, numbers, starts)


def _check_starts(given: Any, like: Params) -> Params:
    arrays: Any = [np.asarray(part) for part in given]
    parts = Params(*arrays)
    for name, part, one in zip("wb", parts, like, strict=True):
        expected = (len(parts.w), *one.shape[1:])
        if part.shape != expected:
            raise InputError(f"params.{name} has shape {part.shape}: expected {expected}")
        if not np.all(np.isfinite(part)):
            raise InputError(f"params.{name} holds NaN or infinity: expected finite numbers")
    return parts


def prepared(loop: Loop, params: Params) -> Loop:
    """The loop with what all models share: moments, the scale of the features, and a basis, made at
    the parameters, if they go by L-BFGS.
    """
    moments, scale, basis = _shared(loop, params)
    loop = loop._replace(moments=moments, scale=scale)
    if isinstance(loop.solver, LBFGS):
        loop = loop._replace(solver=replace(loop.solver, basis=basis))
    return loop


@jax.jit
def _shared(loop: Loop, params: Params) -> tuple[Moments | None, Array, Basis | None]:
    objective, basis = loop.objective, None
    if isinstance(loop.solver, LBFGS):
        basis = make_basis(objective, params)
    return moments_of(objective), mean_absolute(objective.batch.X, objective.batch.s), basis


def count_slots(objective: Objective, solver: Solver, models: int, memory: Any) -> int:
    """How many models run at once within the bytes.

    Raises:
        ValueError: too few for one, and how many it needs.
    """
    (n, m), k = objective.batch.X.shape, objective.batch.Y.shape[0]
    of_params = _OF_PARAMS + 3 * getattr(solver, "memory", 0)
    one = objective.batch.s.dtype.itemsize * (_OF_Z * k * m + of_params * (n + 1) * k)
    if not isinstance(memory, int | float | np.number) or not memory >= one:
        raise InputError(
            f"memory is {memory!r} bytes, but one of the {models} models needs {one}: "
            f"pass memory={one:.1e} or more"
        )
    return int(min(models, memory // one, _MOST, max(_CACHED // (k * m), 8)))


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
