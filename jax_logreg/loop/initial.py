"""Sums over the data that a loop needs once, before its first step."""

from dataclasses import replace

import jax
from jax import Array

from jax_logreg._jax.compiling import compiled, jit
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, start
from jax_logreg.matrix import magnitude
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.placement.devices import lay_out
from jax_logreg.proof.certificate import Certificate, Moments, certify_from, moments_of
from jax_logreg.proof.gradient_check import GradientCheck


def initialise(loop: Loop, params: Params, check: GradientCheck | None) -> tuple[Loop, Carry]:
    """Return the loop with its sums over the data, and its carry before the first step."""
    loop = add_sums(loop)
    return loop, lay_out(restart(loop, params, check), loop.objective.batch, loop.solver)


def add_sums(loop: Loop) -> Loop:
    """Return the loop with its sums over the data, to the same bits in a resumed run."""
    total, count, moments, scale = _sums(loop.objective)
    objective = replace(loop.objective, known_total=total, known_count=count)
    return loop._replace(objective=objective, moments=moments, scale=scale)


@compiled
def _sums(objective: Objective) -> tuple[Array, Array, Moments | None, Array]:
    scale = magnitude(objective.batch.X, objective.batch.s)
    return objective.total, objective.count, moments_of(objective), scale


restart = jit(start)


def recertify(loop: Loop, params: Params, at: Evaluation | None = None) -> Certificate:
    """Return the certificate of the parameters, from their own Z: recomputed, or that of `at`."""
    objective = loop.objective
    at = objective.evaluate(params) if at is None else at
    return certify_from(objective, params, at, loop.moments)


recertified = jit(recertify)


def stepless(loop: Loop) -> Loop:
    """Return the loop of runs that end before a step, their certificates as sharp as they get.

    A program of steps so is one of certificates too, and no other is compiled for these.
    """
    # Numbers of other types would be those of another program.
    return loop._replace(steps=0, goal=jax.tree.map(lambda bound: type(bound)(0), loop.goal))
