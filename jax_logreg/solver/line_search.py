"""A line search along Z: Z moves by t·U, so that a trial of t reads no X."""

from typing import NamedTuple

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import scan, unless
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float

# The share of the slope at t = 0 that may be left, by default: a larger one costs steps, a smaller
# one sigmoids.
_LEFT = 0.5
_TRIALS = 20


class _Bracket(NamedTuple):
    """A t to try, between one where the cost still falls and one where it does not."""

    t: Array
    low: Array
    high: Array
    done: Array


def search(
    objective: Objective,
    params: Params,
    gradient: Params,
    direction: Params,
    Z: Float[Array, "k m"],
    U: Float[Array, "k m"],
    nonsmooth: Array | None = None,
    left: float = _LEFT,
) -> Array:
    """The t (r, 1), one for each of r independent models: |slope(t)| ≤ left·|slope(0)|.

    The smooth part is convex along the line, so that the slope alone proves progress: costs may
    differ by less than their rounding. Newton's method on the slope is kept inside a bracket. A
    direction that does not descend gets t = 0.

    `nonsmooth` is the change (r, 1) of Σ l1·|w| from t = 0 to 1. That part is convex, so it lies
    below its chord up to t = 1: progress on the chord is progress, and t is at most 1.
    """
    derivatives = objective.along(params, direction, Z, U)

    def slope(t: Array) -> tuple[Array, Array]:
        value, curvature = derivatives(t)
        return value if nonsmooth is None else value + nonsmooth, curvature

    # The slope at t = 0 comes from the gradient, without a pass over the examples.
    first = objective.dot(gradient.w, direction.w)
    first = first + objective.family.models(gradient.b * direction.b)
    if nonsmooth is not None:
        first = first + nonsmooth

    eps = jnp.finfo(first.dtype).eps

    def trial(at: _Bracket) -> _Bracket:
        value, curvature = slope(at.t)
        # A NaN slope counts as too far.
        falling = value < 0
        done = at.done | (jnp.abs(value) <= left * jnp.abs(first))
        # A slope is rounding where a Newton step gains at most eps²/2 nats.
        done = done | (jnp.abs(value) <= eps * jnp.sqrt(curvature))
        if nonsmooth is not None:
            done = done | (falling & (at.t >= 1))
        at = at._replace(done=done)
        return unless(done, lambda at: _narrowed(at, falling, at.t - value / curvature), at)

    descends = first < 0
    one = jnp.ones_like(first)
    at = _Bracket(one, 0 * one, jnp.inf * one, ~descends)
    # A loop of fixed length, as reverse-mode derivatives do not go through a while loop.
    at, _ = scan(
        lambda at, _: (where_wanted(~jnp.all(at.done), trial, at), None),
        at,
        length=_TRIALS,
        ended=lambda at: jnp.all(at.done),
    )
    # Without an accepted t, take the largest at which the cost still fell.
    return jnp.where(descends, jnp.where(at.done, at.t, at.low), 0)


def _narrowed(at: _Bracket, falling: Array, newton: Array) -> _Bracket:
    """The bracket with one end at its t, and the t of Newton's method if it is well inside."""
    low = jnp.where(falling, at.t, at.low)
    high = jnp.where(falling, at.high, at.t)
    margin = 0.1 * (high - low)
    inside = (newton > low + margin) & (newton < high - margin)
    bounded = jnp.where(inside, newton, (low + high) / 2)
    open_ended = jnp.where(newton > at.t, jnp.minimum(newton, 10 * at.t), 10 * at.t)
    t = jnp.where(jnp.isinf(high), open_ended, bounded)
    return _Bracket(jnp.where(at.done, at.t, t), low, high, at.done)


def move(params: Params, direction: Params, t: Array) -> Params:
    """The point params + t·direction, with a t (r, 1) for each independent model."""
    return Params(params.w + t.T * direction.w, params.b + t * direction.b)
