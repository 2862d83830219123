"""A sharper certificate of the same parameters."""

import math

import jax
from jax import Array

from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.loop.chunks import OneModel
from jax_logreg.loop.host import run_chunks
from jax_logreg.loop.initial import initialise, recertified, restart
from jax_logreg.loop.point import Point
from jax_logreg.proof.certificate import Certificate
from jax_logreg.proof.goal import Goal
from jax_logreg.status import Status

# A sharpened gap is at most so many times the true distance. Each round of steps towards a sharper
# one multiplies the gap by the second number.
_SHARP = 10
_SHARPER = 1e-3


def sharpened(loop: Loop, params: Params) -> Certificate:
    """The certificate of the parameters, its gap at most 10 times their distance from the optimum.

    For any v, J(v) − gap(v) ≤ J* ≤ J(v). So the distance J(params) − J* is at least
    J(params) − J(v), and at most that plus gap(v). Steps from the parameters lead to a v whose gap
    is small against the difference. Where the dtype has no such v, the gap is the smallest reached.
    """
    loop, carry = initialise(loop, params, None)
    here = there = jax.device_get(recertified(loop, params))
    # A gap of 0 proves that the parameters are optimal, and a tolerance of 0 never stops.
    while math.isfinite(there.gap) and (gap := _SHARPER * float(there.relative_gap)) > 0:
        sharper = loop._replace(goal=Goal(gap))
        carry = run_chunks(OneModel(sharper, Point(carry, []))).carry
        there = carry.certificate
        fallen = here.cost - there.cost
        gap = min(here.gap, fallen + there.gap) if fallen > 0 else here.gap
        if carry.status != Status.CONVERGED or there.gap <= (_SHARP - 1) * fallen:
            return _with_gap(here, gap)
        carry = restart(loop, carry.good, None)
    return here


def _with_gap(found: Certificate, gap: Array) -> Certificate:
    """The certificate with a smaller gap, and what follows from it."""
    ratio = gap / found.gap
    error = found.error_in_std_errs * math.sqrt(ratio)
    return found._replace(gap=gap, relative_gap=found.relative_gap * ratio, error_in_std_errs=error)
