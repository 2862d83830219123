"""The model without penalised features, and the least strength that leads to it."""

from dataclasses import replace

import numpy as np
from jax import Array

from jax_logreg._jax.compiling import compiled
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop
from jax_logreg.loop.chunks import OneModel
from jax_logreg.loop.host import run_to_proof
from jax_logreg.loop.initial import initialise, restart
from jax_logreg.loop.point import Point
from jax_logreg.objective import Objective
from jax_logreg.proof.certificate import moments
from jax_logreg.proof.diagnosis import unpenalised

# A strength that leaves out all penalised features.
_HUGE = 1e6


def null_model(loop: Loop, params: Params) -> tuple[Loop, Carry]:
    """Return the loop with its sums over the data, and the best model without penalised features.

    Without unpenalised features it has the intercepts alone, which are log-odds.
    """
    loop, carry = initialise(loop, _intercepts(loop.objective, params), None)
    if unpenalised(loop.objective, params.w.shape[0]).any():
        strong = _at(loop, _HUGE)
        begin = Point(restart(strong, carry.good, None), [])
        carry = run_to_proof(OneModel(strong, begin)).carry
    return loop, carry


def largest_strength(loop: Loop, params: Params) -> float:
    """Return the least strength at which no penalised feature is in the model."""
    loop, carry = null_model(loop, params)
    return least_empty(loop, carry)


def least_empty(loop: Loop, carry: Carry) -> float:
    """Return the least strength at which the null model, of this carry, is the answer."""
    return float(_least_empty(loop.objective, carry.good))


@compiled
def _intercepts(objective: Objective, params: Params) -> Params:
    """The best model of intercepts alone: their log-odds."""
    if not objective.intercept:
        return params
    share = moments(objective.batch).classes
    odds = share / (1 - share) if objective.family.independent else share
    return params._replace(b=jnp.log(odds))


@compiled
def _least_empty(objective: Objective, params: Params) -> Array:
    gradient = objective.evaluate(params).gradient.w
    # L2 alone never empties a model: a tenth of it counts as L1, and beside an L1 a thousandth.
    l1, l2 = objective.l1(params.w), objective.l2(params.w)
    l1 = jnp.where(l1 > 0, jnp.maximum(l1, 1e-3 * l2), 0.1 * l2)
    ratio = jnp.where(l1 > 0, jnp.abs(gradient) / jnp.where(l1 > 0, l1, 1), 0)
    return jnp.max(ratio)


def _at(loop: Loop, strength: float) -> Loop:
    """The loop with this strength of the penalty."""
    penalty = loop.objective.penalty
    assert penalty is not None
    number = np.asarray(strength, np.dtype(loop.objective.batch.s.dtype))
    penalty = replace(penalty, strength=number)
    return loop._replace(objective=replace(loop.objective, penalty=penalty))
