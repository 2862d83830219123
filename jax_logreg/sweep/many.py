"""Many models over one X at once: whatever has a leading axis is one a model."""

from collections.abc import Callable
from typing import Unpack

import jax
import numpy as np

from jax_logreg._jax.batching import on_cpu
from jax_logreg.arrays import is_numpy, of_kind
from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.protocol import Checkpointer, check_checkpoint
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_callable, is_number, read_array
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import plain_errors
from jax_logreg.objective import Objective, Solver
from jax_logreg.penalty import Penalty
from jax_logreg.placement.memory import check_room
from jax_logreg.problem.options import Options, checked, takes_options
from jax_logreg.problem.prepare import Problem, prepare
from jax_logreg.proof.goal import goal_of
from jax_logreg.solver import choose_solver, executor_for
from jax_logreg.solver.declared import arrays_of, declares
from jax_logreg.sweep.chains import unchained
from jax_logreg.sweep.driver import run_many
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.slots import choose_starts
from jax_logreg.sweep.stack import Axes, Stack, find_axes, weigh_rows

# Arrays of a model as large as Z, and those as large as its parameters, without the memory of
# L-BFGS. Then the most models at once: with more a product gains nothing.
_OF_Z, _OF_PARAMS, _MOST = 12, 12, 64
# On a CPU: entries of Z, of all models, within a cache; multiplications of a product that outweigh
# the rest of a step. More models only wait for the slowest of them. The second number of each is
# the least number of columns of a product.
_CACHED, _WORK = (2**20, 8), (2**27, 16)
# NumPy writes each step of a formula to memory, one core at a time.
_CACHED_BY_NUMPY = (2**16, 8)


@plain_errors()
@takes_options
def fit_many(
    X: object,
    Y: object,
    *,
    penalty: Penalty | None = None,
    params: Params | None = None,
    memory: float = 1e9,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Checkpointer | None = None,
    **options: Unpack[Options],
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
        solver: as in `fit`, its numbers (r,) if they differ; the models of an LBFGS share the basis
            of their preconditioners.
        steps: the largest number of updates of each.
        tolerance: as in `fit`, of each.
        params: where to start: w (r, n, k), b (r, k, 1), or without the axis for all.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        executor: as in `fit`. "auto" takes NumPy where it is through sooner than XLA has compiled.
        memory: bytes that the models may take beside X. How many run at once follows from it; the
            answers do not depend on that.
        callback: called with the number of models done, and of all, whenever some are.
        checkpoint: a checkpoint.Checkpoint that the sweep is saved in between chunks. Where it
            holds an earlier sweep of the same arguments, that is resumed to the same bits.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or a checkpoint of other
            arguments.
    """
    options = checked(options)
    check_callable("callback", callback, "two integers")
    check_checkpoint(checkpoint)
    s, class_weight, solver = options["s"], options["class_weight"], options["solver"]
    steps, tolerance = options["steps"], options["tolerance"]
    axes = find_axes(s, penalty, solver, params)
    with jax.enable_x64(options["dtype"] == "float64"):
        shared: Options = {**options, "s": axes.shared_s}
        if axes.s is not None:
            shared["class_weight"] = None
        problem = prepare(
            X,
            Y,
            shared,
            penalty=axes.shared_penalty,
            params=axes.shared_params,
            executor=executor_for(solver, options["executor"]),
            models=axes.models,
        )
        loop, chosen = loop_of(solver, problem, steps, tolerance)
        stack = _stack(axes, problem, class_weight)
        starts = _starts(axes.params, problem.params)
        given = {"s": s, "class_weight": class_weight, "penalty": penalty, "start": starts}
        numbers = {"solver": (loop.solver, stack.solver), "steps": steps, "tolerance": tolerance}
        bound = bind(checkpoint, problem, **given, **numbers)
        slots = count_slots(problem.objective, loop.solver, axes.models, memory)
        if params is not None:
            starts = choose_starts(loop, stack, starts, slots)
        return run_many(
            loop, problem, stack, starts, unchained(axes.models, slots), chosen, callback, bound
        )


def loop_of(solver: object, problem: Problem, steps: int, tolerance: object) -> tuple[Loop, str]:
    """The loop of many models of a problem, and in words which solver it is and why."""
    method, chosen = choose_solver(solver, problem.objective, many=True)
    goal = goal_of(tolerance, problem.objective)
    shared = isinstance(solver, str) and solver == "auto"
    finish = None
    if shared and goal.asked and problem.objective.smooth:
        finish, _ = choose_solver("auto", problem.objective)
    return Loop(problem.objective, method, steps, goal, finish=finish), chosen


def _stack(axes: Axes, problem: Problem, class_weight: object) -> Stack:
    """Return the arrays that the models do not share, on the device of the rest."""
    rows, m = None, problem.m
    if axes.s is not None:
        if axes.s.shape[1] != m:
            raise InputError(
                f"s has shape {axes.s.shape}: expected (r, {m}), one weight for each column of X"
            )
        rows = problem.place_rows(weigh_rows(axes.s, class_weight, problem))
    own = (axes.penalty, axes.solver)
    s = problem.objective.batch.s
    # Cast by NumPy: JAX compiles a program to cast, or to count.
    penalty, numbers = jax.tree.map(lambda a: of_kind(np.asarray(a, s.dtype), s), own)
    number = of_kind(np.arange(axes.models, dtype=np.int32), s)
    return Stack(rows, number, penalty, numbers)


def _starts(given: tuple[object, object] | None, shared: Params) -> Params:
    """Return the starts of the models: (models, ...) as given, else (1, ...) for all."""
    if given is None:
        return jax.tree.map(lambda part: np.asarray(part)[None], shared)
    named = zip(("params.w", "params.b"), given, strict=True)
    parts = Params(*jax.tree.map(np.asarray, [read_array(name, part) for name, part in named]))
    for name, part, one in zip("wb", parts, shared, strict=True):
        expected = (len(parts.w), *one.shape)
        if part.shape != expected:
            raise InputError(f"params.{name} has shape {part.shape}: expected {expected}")
        if part.dtype.kind not in "biuf" or not np.all(np.isfinite(part)):
            raise InputError(
                f"params.{name} holds NaN, infinity or no numbers: expected finite ones"
            )
    return parts


def check_memory(memory: object) -> None:
    """Refuse what is no positive number of bytes (ValueError); infinity is one."""
    if not is_number(memory) or not memory > 0:
        raise InputError(f"memory is {brief(memory)}: expected a positive number of bytes")


def count_slots(objective: Objective, solver: Solver, models: int, memory: float) -> int:
    """Return how many models run at once within the bytes.

    Raises:
        ValueError: too few for one, and how many it needs.
    """
    (n, m), k = objective.batch.X.shape, objective.batch.Y.shape[0]
    of_params = _OF_PARAMS + arrays_of(solver)
    itemsize = objective.batch.s.dtype.itemsize
    one = itemsize * (_OF_Z * k * m + of_params * (n + 1) * k)
    check_room(f"the answers of {models} models", models * itemsize * (n + 7) * k)
    check_memory(memory)
    if not memory >= one:
        raise InputError(
            f"memory is {brief(memory)} bytes, but one of the {models} models needs {one}: "
            f"pass memory={one:.1e} or more"
        )
    most = _MOST
    if is_numpy(objective.batch.s) and not declares(solver, "many_in_numpy"):
        # One after the other, each from the answer of the last where it may.
        most = 1
    elif on_cpu(objective.batch.s):
        cached = _CACHED_BY_NUMPY if is_numpy(objective.batch.s) else _CACHED
        for size, (enough, columns) in ((k * m, cached), (n * m * k, _WORK)):
            most = min(most, max(enough // size, -(-columns // k)))
    return int(min(models, memory // one, most))
