"""The error of an answer in standard errors, by its Hessian: a sharper bound than the gap's.

Near the optimum √(N·gᵀH⁻¹g) is the length of ŵ − w* in the norm of N·H, with g the gradient at the
answer ŵ. The Hessian of some examples, divided by the weights of all, is at most H: its inverse
bounds that length from above (S. Boyd and L. Vandenberghe, Convex Optimization, 9.5.1).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg._jax.compiling import compiled
from jax_logreg.arrays import arange_like, eye_like, is_numpy, scalar, solve_triangular
from jax_logreg.arrays import xp as jnp
from jax_logreg.hosts import spans
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import cast, examples, is_array
from jax_logreg.objective import Objective
from jax_logreg.placement.devices import by_feature
from jax_logreg.proof.certificate import Certificate
from jax_logreg.proof.goal import SHARE, Goal, met, tightened
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.newton import over_hessians, scaled_to_one
from jax_logreg.status import Status

# The largest side of a Hessian, the multiplications that its sums may take, and the fewest examples
# a feature that are summed.
_LARGEST_SIDE, _WORK, _EXAMPLES = 1024, 2**28, 20
# Up to so many entries of X there is room for it in float64.
_LARGEST_DOUBLE = 2**27
# The parts of the error, and of a standard error, that may be rounding of float32.
_LOST, _ROUNDING = 0.1, SHARE / 4
# Statuses of a run whose answer may be good enough.
_ENDS = (Status.CONVERGED, Status.PRECISION_FLOOR, Status.STEPS_EXHAUSTED)


def has_hessian(objective: Objective) -> bool:
    """Return whether a Hessian can bound the error, at little cost compared with the fit."""
    X, Y, s = objective.batch
    k = 1 if objective.family.independent else Y.shape[0]
    here = not (spans(s) or by_feature(s))
    return objective.smooth and here and (X.shape[0] + 1) * k <= _LARGEST_SIDE


def error_by_hessian(objective: Objective, params: Params) -> float:
    """√(N·gᵀH⁻¹g), with H the Hessian of all examples, or of some where all cost too much.

    It is computed in float64 where float32 is too coarse, as for nearly collinear features. It is
    infinite where that would take too much memory. Over several devices it stays float32.
    """
    error, known = jax.device_get(error_as_computed(objective, params))
    s = objective.batch.s
    if known or _several_devices(s) or params.w.dtype == np.float64:
        return float(error)
    X, *rows = objective.batch
    if math.prod(X.shape) > _LARGEST_DOUBLE:
        return math.inf
    with jax.enable_x64(True):
        Y, s, penalty, params = jax.tree.map(_doubled, (*rows, objective.penalty, params))
        doubled = replace(objective, batch=Batch(cast(X, "float64"), Y, s), penalty=penalty)
        doubled = replace(doubled, known_total=None, known_count=None)
        return float(error_as_computed(doubled, params)[0])


def _doubled(part: object) -> Array:
    return jnp.asarray(part).astype("float64")


def _several_devices(s: Array) -> bool:
    return not is_numpy(s) and len(s.devices()) > 1


@compiled
def error_as_computed(objective: Objective, params: Params) -> tuple[Array, Array]:
    """The error () in the dtype of the parameters, and whether its own rounding is small."""
    Z = objective.linear(params)
    gradient = objective.evaluate_from(params, Z).gradient
    some, Z = _some(objective, Z)
    # The exact Hessian: that of the solvers has more for outliers, and would prove too much.
    A = objective.family.activation(Z)
    decrements, traces = over_hessians(some, A, gradient, _decrement)
    decrement, trace = jnp.sum(decrements), jnp.sum(traces)
    eps, side = jnp.finfo(Z.dtype).eps, gradient.w.size + gradient.b.size
    # Entries of the scaled H and of the gradient have a rounding of about eps. The trace of the
    # inverse bounds the effect on the error.
    lost = 2 * eps * side * trace
    rounding = eps * jnp.sqrt(objective.count * trace)
    return jnp.sqrt(objective.count * decrement), (lost < _LOST) & (rounding < _ROUNDING)


def _decrement(hessian: Float[Array, "p p"], g: Float[Array, " p"]) -> tuple[Array, Array]:
    """gᵀH⁻¹g, and the trace of the inverse of H with a diagonal of ones; NaN for an indefinite H.

    The added diagonal, eps for each parameter, covers collinear features.
    """
    scaled, scale = scaled_to_one(hessian)
    ridge = jnp.finfo(g.dtype).eps * g.size * eye_like(g, g.size)
    factor = jnp.linalg.cholesky(scaled + ridge)
    inverse = solve_triangular(factor, eye_like(g, g.size))
    found = jnp.matmul(inverse, scale * g, precision="highest")
    return jnp.sum(found**2), jnp.sum(inverse**2)


def _some(objective: Objective, Z: Float[Array, "k m"]) -> tuple[Objective, Array]:
    """The objective of some examples, with the total of all, and their Z."""
    X, Y, s = objective.batch
    n, m, k = X.shape[0], X.shape[1], Y.shape[0]
    blocks = k if objective.family.independent else k * (k + 1) // 2
    size = max(_WORK // ((n + 1) ** 2 * blocks), _EXAMPLES * (n + 1))
    if size >= m or not is_array(X):
        return objective, Z
    # Evenly spaced, as the order of the examples may depend on their labels.
    index = arange_like(Z, size) * (m // size)
    batch = Batch(examples(X, index), Y[:, index], s[:, index])
    return replace(objective, batch=batch, known_total=objective.total), Z[:, index]


class Verdict(NamedTuple):
    """The certificate with the smaller of two bounds on the error, and whether it keeps the goal.

    `gradient` is the bound on the gradient to continue to, or None where the run need not continue.
    """

    certificate: Certificate
    good: bool
    gradient: float | None = None

    def continues(self, ended: int | np.integer) -> bool:
        """Return whether a run of this status continues, as it converged without proof."""
        return ended == Status.CONVERGED and (not self.good or self.gradient is not None)

    def status(self, ended: int | np.integer) -> np.int32:
        """The status of a run that ended with this one: CONVERGED only for a proven answer."""
        if self.good and ended in _ENDS:
            return np.int32(Status.CONVERGED)
        return np.int32(Status.PRECISION_FLOOR if ended == Status.CONVERGED else ended)


def judge(
    goal: Goal, found: Certificate, count: float, of: Objective, error_of: Callable[[], float]
) -> Verdict:
    """The verdict on parameters by their certificate in NumPy and the number of examples.

    `error_of` computes `error_by_hessian`. It is called where the gap proves too little and the
    goal is an error in standard errors.
    """
    if not goal.asked:
        return Verdict(found, False)
    k = of.batch.Y.shape[0]
    nats = k * math.log(2) if of.family.independent else math.log(k)
    good = met(goal, found, nats, count)
    by_error = math.isfinite(goal.share) and (math.isinf(found.gap) or not good)
    if not (by_error and has_hessian(of)):
        return Verdict(found, good)
    error = float(error_of())
    if error < found.error_in_std_errs:
        rounded = scalar(error, np.asarray(found.cost).dtype)
        found = found._replace(error_in_std_errs=rounded)
    good = met(goal, found, nats, count)
    # Without a gap the loop has no bound to stop at.
    further = not good or error > goal.share * math.sqrt(goal.aim)
    on = math.isinf(found.gap) and math.isfinite(error) and further
    return Verdict(found, good, tightened(goal, found, count) if on else None)
