"""A path of penalties, each model started from the one before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg.display import displayed, dtype_and_shape
from jax_logreg.errors.checks import check_callable
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop
from jax_logreg.loop.driver import proceed
from jax_logreg.loop.initial import initialise, restart
from jax_logreg.loop.point import Point
from jax_logreg.matrix import plain_errors
from jax_logreg.objective import Objective
from jax_logreg.penalty import L1, L2, Penalty
from jax_logreg.problem.options import Options, checked, takes_options
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.certificate import moments
from jax_logreg.proof.diagnosis import JUDGED, diagnose
from jax_logreg.proof.goal import goal_of
from jax_logreg.solver import choose_solver
from jax_logreg.solver.declared import declares, narrowed, widened
from jax_logreg.status import Status
from jax_logreg.sweep.strengths import check_grid, grid, with_strength

# A strength that leaves out all that is penalised.
_HUGE = 1e6


@displayed
class Path(NamedTuple):
    """The models of a path: w (p, n, k), b (p, k, 1), and of each cost, gap, status and steps.

    `notes` say what was found in the data of each, as `Result.notes` do.
    """

    strengths: np.ndarray
    w: np.ndarray
    b: np.ndarray
    cost: np.ndarray
    relative_gap: np.ndarray
    error_in_std_errs: np.ndarray
    status: tuple[Status, ...]
    steps: np.ndarray
    classes: tuple[Any, ...]
    solver: str
    notes: tuple[tuple[str, ...], ...]

    def _shown(self) -> dict[str, Any]:
        told = {
            "w": dtype_and_shape(self.w),
            "b": dtype_and_shape(self.b),
            "notes": sum(map(len, self.notes)),
        }
        return self._asdict() | told


@plain_errors()
@takes_options
def path(
    X: Any,
    Y: Any,
    *,
    strengths: Any = 100,
    smallest: float = 1e-2,
    penalty: Penalty | type[L1] | type[L2] = L1,
    callback: Callable[[int, int], None] | None = None,
    **options: Unpack[Options],
) -> Path:
    """Fit one penalty strength after the other, each from the answer before it.

    The certificate of each is computed from its parameters alone, as that of `fit` is.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        strengths: their values, or how many: then a geometric grid from the least strength at
            which all w are 0, of L2 from ten times that of L1, down to `smallest` times it.
        smallest: the last strength of a grid, as a share of the first.
        penalty: L1, L2, or one with factors or an l1_ratio, whose strength is then replaced.
        s: as in `fit`.
        family: as in `fit`.
        class_weight: as in `fit`.
        fit_intercept: as in `fit`.
        solver: as in `fit`.
        steps: the largest number of updates of each fit.
        tolerance: of each fit.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        callback: called with how many models are done, and of how many, after each.

    Raises:
        ValueError: a bad argument, named, before anything is compiled.
    """
    options = checked(options)
    check_callable("callback", callback, "two integers")
    check_grid(strengths, smallest)
    one = with_strength(penalty)
    with jax.enable_x64(options["dtype"] == "float64"):
        problem = prepare(X, Y, options, penalty=one)
        objective = problem.objective
        method, chosen = choose_solver(options["solver"], objective)
        if options["solver"] == "auto":
            method = narrowed(method)
        goal = goal_of(options["tolerance"], objective)
        loop = Loop(objective, method, options["steps"], goal)
        loop, carry = initialise(loop, _intercepts(objective, problem.params), None)
        fits = []
        if _unpenalised(objective, problem.params):
            carry = _leave_out(loop, carry)
        values = grid(strengths, smallest, lambda: float(_least_empty(objective, carry.good)))
        for strength in values:
            loop, carry = _make_room(loop, carry)
            carry = _advance(loop, carry, strength)
            # The next fit reuses the buffers.
            found = (carry.good, carry.certificate, carry.status, carry.step)
            fits.append(jax.tree.map(np.array, found))
            if callback is not None:
                callback(len(fits), len(values))
        params, certificates, codes, taken = jax.tree.map(lambda *a: np.stack(a), *fits)
        status, notes = _diagnosed(loop, values, params, codes, problem.names)
    return Path(
        strengths=values,
        w=params.w,
        b=params.b,
        cost=certificates.cost,
        relative_gap=certificates.relative_gap,
        error_in_std_errs=certificates.error_in_std_errs,
        status=status,
        steps=taken,
        classes=problem.classes,
        solver=chosen,
        notes=notes,
    )


def _diagnosed(
    loop: Loop,
    strengths: np.ndarray,
    params: Params,
    codes: np.ndarray,
    names: Sequence[str] | None,
) -> tuple[tuple[Status, ...], tuple[tuple[str, ...], ...]]:
    """The status of each model, and the notes on its data where features are unpenalised."""
    status = [Status(int(code)) for code in codes]
    notes: list[tuple[str, ...]] = [()] * len(status)
    # What is unpenalised at one strength is so at all, unless the strength is 0.
    for kind in (strengths == 0, strengths > 0) if loop.goal.asked else ():
        judged = [i for i in np.flatnonzero(kind) if status[i] in JUDGED]
        if not judged:
            continue
        # Where the weakest penalty has led, features that separate are furthest away.
        last = min(judged, key=lambda i: strengths[i])
        answer = Params(*(part[last] for part in params))
        objective = _at(loop, strengths[last]).objective
        found, said = diagnose(objective, answer, status[last], names)
        for i in judged:
            status[i] = found if found is Status.SEPARABLE else status[i]
            notes[i] = said
    return tuple(status), tuple(notes)


@jax.jit
def _intercepts(objective: Objective, params: Params) -> Params:
    """The best model of intercepts alone: their log-odds."""
    if not objective.intercept:
        return params
    share = moments(objective.batch).classes
    odds = share / (1 - share) if objective.family.independent else share
    return params._replace(b=jnp.log(odds))


def largest_strength(loop: Loop, params: Params) -> float:
    """The least strength at which no penalised feature is in the model."""
    at = _intercepts(loop.objective, params)
    if _unpenalised(loop.objective, params):
        at = _leave_out(*initialise(loop, at, None)).good
    return float(_least_empty(loop.objective, at))


def _unpenalised(objective: Objective, params: Params) -> bool:
    """Whether some features are in the model at any strength."""
    strength = objective.l1(params.w) + objective.l2(params.w)
    return bool(np.any(np.asarray(strength) == 0))


def _leave_out(loop: Loop, carry: Carry) -> Carry:
    """The best model without what is penalised."""
    return _advance(loop, carry, _HUGE)


@jax.jit
def _least_empty(objective: Objective, params: Params) -> Array:
    """The least strength at which the parameters, without penalised features, are the answer."""
    gradient = objective.evaluate(params).gradient.w
    # As L2 alone never empties a model, it is given a tenth of L1; a hint of L1, a thousandth.
    l1, l2 = objective.l1(params.w), objective.l2(params.w)
    l1 = jnp.where(l1 > 0, jnp.maximum(l1, 1e-3 * l2), 0.1 * l2)
    ratio = jnp.where(l1 > 0, jnp.abs(gradient) / jnp.where(l1 > 0, l1, 1), 0)
    return jnp.max(ratio)


def _make_room(loop: Loop, carry: Carry) -> tuple[Loop, Carry]:
    """The loop with a working set that the coming model fits into."""
    active = int(np.count_nonzero(np.any(np.asarray(carry.good.w) != 0, axis=1)))
    wider = widened(loop.solver, active, carry.good.w.shape[0])
    if wider is None:
        return loop, carry
    loop = loop._replace(solver=wider)
    return loop, restart(loop, carry.good, None)


def _advance(loop: Loop, carry: Carry, strength: float) -> Carry:
    """From the answer of one strength to that of the next, proven, the solver's state kept."""
    loop = _at(loop, strength)
    again = restart(loop, carry.good, None)
    if declares(loop.solver, "at_any_strength"):
        # Unlike a memory of gradients, what it keeps holds at any strength.
        again = again._replace(state=carry.state)
    return proceed(loop, Point(again, [])).carry


def _at(loop: Loop, strength: float) -> Loop:
    """The loop with this strength of the penalty."""
    penalty = loop.objective.penalty
    assert penalty is not None
    number = np.asarray(strength, np.dtype(loop.objective.batch.s.dtype))
    penalty = replace(penalty, strength=number)
    return loop._replace(objective=replace(loop.objective, penalty=penalty))
