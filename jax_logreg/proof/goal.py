"""When an answer is good enough: what `tolerance`, a number or "auto", asks of it.

The error of an answer, in units of its own standard errors, is the length of ŵ − w* in the norm of
N·H, with H the Hessian of the mean cost and N the number of examples: no linear combination of
parameters is further from its optimum, in its own standard errors. Near the optimum the length is
√(2·N·(J(ŵ) − J*)), so a proven gap bounds it.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from jax_logreg.arrays import xp as jnp
from jax_logreg.shapes import Number

AUTO = "auto"
# The share of a standard error, and of the cost, that "auto" leaves at most.
SHARE, _OF_COST = 0.01, 1e-5
# Where "auto" stops first if a feature is unpenalised, so that there is no gap.
_GRADIENT = 1e-4
# Entries of X times outputs up to which a step costs next to nothing, and the part of the allowed
# gap that "auto" aims at there: a share of 1e-4, or 1e-6 in float64.
_SMALL, _FURTHER = 2**20, {"float32": 1e-4, "float64": 1e-8}
# The smallest error that is shown.
_SHOWN = 1e-3
# The next bound is this part of what would be just enough.
_SAFETY = 0.5


class Goal(NamedTuple):
    """Bounds that an answer must keep; infinity asks nothing.

    `gap` bounds the duality gap relative to J(0), `of_cost` relative to the cost, `share` the error
    in standard errors. `gradient` bounds the largest absolute gradient entry where there is no gap.
    The loop stops at `aim` times the gap that these allow; the answer may end above.
    """

    gap: Number
    of_cost: Number = math.inf
    share: Number = math.inf
    gradient: Number = math.inf
    aim: Number = 1.0

    @property
    def text(self) -> str:
        """The tolerance that it is the goal of."""
        return repr(self.gap) if math.isinf(self.share) else AUTO

    @property
    def asked(self) -> bool | np.bool | Array:
        """Return whether any answer is good enough."""
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


def goal_of(tolerance: Any, objective: Any) -> Goal:
    """The goal that a tolerance, "auto" or a number, is for an objective."""
    if isinstance(tolerance, Goal):
        return tolerance
    if tolerance != AUTO:
        return Goal(float(tolerance), gradient=float(tolerance))
    X, Y, s = objective.batch
    aim = aim_of(X.shape[0] * X.shape[1] * Y.shape[0], np.dtype(s.dtype).name)
    return Goal(1.0, _OF_COST, SHARE, _GRADIENT, aim)


def in_words(error: float) -> str:
    """The error in words, at least 0.001: below it, rounding alone differs by device."""
    return f"at most {max(error, _SHOWN):.1g} standard errors"


def aim_of(size: int, dtype: str) -> float:
    """The part of an allowed gap to aim at, of so many entries of X times outputs."""
    return _FURTHER[dtype] if size <= _SMALL else 1.0


def met(goal: Goal, found: Any, nats: float, count: float) -> bool:
    """Return whether an answer, by its certificate in NumPy, keeps the bounds of a goal."""
    gap = _proven(found, count)
    if math.isinf(gap) or (math.isinf(found.gap) and math.isinf(goal.share)):
        return bool(found.gradient_norm <= goal.gradient)
    allowed = min(goal.gap * nats, goal.of_cost * abs(float(found.cost)))
    return bool(gap <= allowed and found.error_in_std_errs <= goal.share)


def tightened(goal: Goal, found: Any, count: float) -> float:
    """The bound on the gradient of a run that kept the last one, and missed those on the error."""
    error, gap = float(found.error_in_std_errs), _proven(found, count)
    ratio = min(
        (goal.share / error) ** 2 if error else 1, goal.of_cost * abs(float(found.cost)) / gap
    )
    norm = min(float(found.gradient_norm), float(goal.gradient))
    return _SAFETY * norm * math.sqrt(min(ratio * goal.aim, 1))


def _proven(found: Any, count: float) -> float:
    """The smallest gap, in nats, that the certificate proves."""
    return min(float(found.gap), float(found.error_in_std_errs) ** 2 / (2 * count))
