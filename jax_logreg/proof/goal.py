"""The bounds that `tolerance`, a number or "auto", sets on the error of an answer.

The error of an answer, in units of its own standard errors, is the length of ŵ − w* in the norm of
N·H. H is the Hessian of the mean cost and N the number of examples. No linear combination of
parameters is further from its optimum, in its own standard errors. Near the optimum the length is
√(2·N·(J(ŵ) − J*)), so a proven gap bounds it.
"""

import math
from typing import NamedTuple, SupportsFloat

import numpy as np
from jax import Array

from jax_logreg.arrays import xp as jnp
from jax_logreg.objective import Objective
from jax_logreg.proof.certificate import Certificate
from jax_logreg.shapes import Number

AUTO = "auto"
# "auto" leaves at most these shares of a standard error, and of the cost.
SHARE, _OF_COST = 0.01, 1e-5
# The first bound of "auto" on the gradient, where an unpenalised feature leaves no gap.
_GRADIENT = 1e-4
# Up to so many entries of X times outputs a step costs next to nothing. There "auto" aims at this
# part of the allowed gap: a share of 1e-4, or 1e-6 in float64.
_SMALL, _FURTHER = 2**20, {"float32": 1e-4, "float64": 1e-8}
# The smallest error that is shown.
_SHOWN = 1e-3
# The next bound is this part of one that would be just enough.
_SAFETY = 0.5


class Goal(NamedTuple):
    """Bounds that an answer must keep; infinity asks nothing.

    `gap` bounds the duality gap relative to J(0), and `of_cost` relative to the cost. `share`
    bounds the error in standard errors. `gradient` bounds the largest absolute gradient entry where
    there is no gap. The loop stops at `aim` times the gap that these allow; the answer may be above
    that.
    """

    gap: Number
    of_cost: Number = math.inf
    share: Number = math.inf
    gradient: Number = math.inf
    aim: Number = 1.0

    @property
    def text(self) -> str:
        """The tolerance of this goal, as a text."""
        return repr(self.gap) if math.isinf(self.share) else AUTO

    @property
    def asked(self) -> bool | np.bool | Array:
        """Return whether an answer can be good enough: no answer keeps a tolerance of 0."""
        return self.gap > 0

    def allowed(self, cost: Array, nats: Array, count: Array) -> Array:
        """The largest gap, in nats, that an answer may have; 0 where no answer is good enough.

        Args:
            cost: of the answer, in nats.
            nats: the cost J(0).
            count: the number N of examples.
        """
        gap, of_cost, share = (
            jnp.asarray(bound, cost.dtype) for bound in (self.gap, self.of_cost, self.share)
        )
        by_cost = jnp.minimum(gap * nats, of_cost * jnp.abs(cost))
        return jnp.minimum(by_cost, share**2 / (2 * count))


def goal_of(tolerance: object, objective: Objective) -> Goal:
    """The goal of a tolerance, "auto" or a number, for an objective."""
    if isinstance(tolerance, Goal):
        return tolerance
    if isinstance(tolerance, SupportsFloat):
        return Goal(float(tolerance), gradient=float(tolerance))
    X, Y, s = objective.batch
    aim = aim_of(X.shape[0] * X.shape[1] * Y.shape[0], np.dtype(s.dtype).name)
    return Goal(1.0, _OF_COST, SHARE, _GRADIENT, aim)


def in_words(error: float) -> str:
    """The error in words, at least 0.001: below it, devices differ by rounding."""
    return f"at most {max(error, _SHOWN):.1g} standard errors"


def aim_of(size: int, dtype: str) -> float:
    """The part of an allowed gap to aim at, where X times outputs has `size` entries."""
    return _FURTHER[dtype] if size <= _SMALL else 1.0


def met(goal: Goal, found: Certificate, nats: float, count: float) -> bool:
    """Return whether an answer, by its certificate in NumPy, keeps the bounds of a goal."""
    gap = _proven(found, count)
    if math.isinf(gap) or (math.isinf(found.gap) and math.isinf(goal.share)):
        return bool(found.gradient_norm <= goal.gradient)
    allowed = min(goal.gap * nats, goal.of_cost * abs(float(found.cost)))
    return bool(gap <= allowed and found.error_in_std_errs <= goal.share)


def tightened(goal: Goal, found: Certificate, count: float) -> float:
    """The next bound on the gradient, where a run kept the last one but not those on the error."""
    error, gap = float(found.error_in_std_errs), _proven(found, count)
    ratio = min(
        (goal.share / error) ** 2 if error else 1, goal.of_cost * abs(float(found.cost)) / gap
    )
    norm = min(float(found.gradient_norm), float(goal.gradient))
    return _SAFETY * norm * math.sqrt(min(ratio * goal.aim, 1))


def _proven(found: Certificate, count: float) -> float:
    """The smallest gap, in nats, that the certificate proves."""
    return min(float(found.gap), float(found.error_in_std_errs) ** 2 / (2 * count))
