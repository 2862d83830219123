"""The minimum of a quadratic model plus a nonsmooth penalty, in the space of its features."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import (
    as_array,
    cho_solve,
    is_numpy,
    nonzero,
    repeat,
    repeat_while,
    scalar,
    set_at,
    switch,
)
from jax_logreg.arrays import xp as jnp
from jax_logreg.penalty import soft_threshold
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.active_set import Quadratic, Search

# At most so many rounds of so many sweeps each, and more rounds where a step is expensive.
_ROUNDS, _SWEEPS, _MANY = 8, 3, 25
# Rounds end where a sweep's largest decrease is this share of that of the first sweep.
_INEXACT = 1e-4
# Beyond this size a factorisation costs more than the sweeps that it saves.
_LARGEST_FACTOR = 2048


class Model(NamedTuple):
    """g·d + scale/2 · dᵀHd + Σ l1·|w| + l2/2·w² over w = start + d, a column an output.

    gradient and start (q, k), hessian (q, q), scale (k,), l1 and l2 (q, 1). The gradient is of the
    smooth part at the start.
    """

    gradient: Array
    hessian: Float[Array, "p p"]
    scale: Array
    start: Array
    l1: Array
    l2: Array


class _Point(NamedTuple):
    """A point of the search, its gradient, and the largest decrease of the last and first sweep."""

    w: Float[Array, "n k"]
    gradient: Array
    last: Array
    first: Array
    rounds: Array


def minimise(model: Model, to_the_end: bool = False) -> Array:
    """The w (q, k) near the minimum, by an active set in NumPy, and by sweeps in XLA.

    Sweeps of coordinate descent find the support. A single output then takes one Newton step on
    the support, as far as the model falls. It takes one a round with `to_the_end`. Several outputs,
    or a large support, take more sweeps.
    """
    if not is_numpy(model.start):
        return _minimise(model, to_the_end)
    gradient, hessian, scale, start, l1, l2 = map(np.asarray, model)
    found = [
        Search(
            Quadratic.of(hessian, scale[i], l1[:, 0], l2[:, 0]),
            start[:, i],
            gradient[:, i],
            to_the_end,
        )
        for i in range(len(scale))
    ]
    return as_array(np.stack([one.run() for one in found], axis=1))


def _minimise(model: Model, to_the_end: bool) -> Array:
    rounds = _MANY if to_the_end else _ROUNDS
    q, k = model.start.shape
    # A factorisation takes the smallest of these sizes that the support fits into.
    sizes = sorted(
        {size for size in (q // 8, q // 4, q // 2, 3 * q // 4, q) if 0 < size <= _LARGEST_FACTOR}
    )

    def a_round(at: _Point) -> _Point:
        at = repeat(_SWEEPS, lambda _, at: _sweep(model, at), at)
        at = at._replace(rounds=at.rounds + 1)
        if k > 1 or not sizes:
            return at
        small = jnp.sum(_support(model, at)) <= sizes[-1]
        moved = where_wanted(small, partial(_newton, model, sizes), at)
        return moved if to_the_end else moved._replace(rounds=jnp.where(small, rounds, at.rounds))

    def unfinished(at: _Point) -> Array:
        return jnp.any(at.last > _INEXACT * at.first) & (at.rounds < rounds)

    zero = jnp.zeros_like(model.scale)
    begin = _Point(model.start, model.gradient, zero + jnp.inf, zero, scalar(0, np.int32))
    return repeat_while(unfinished, a_round, begin).w


def _sweep(model: Model, at: _Point) -> _Point:
    """Move each coordinate to its minimum in turn.

    All outputs of a coordinate move together, so that a row of the Hessian is read once.
    """
    hessian, scale, l1, l2 = model.hessian, model.scale, model.l1, model.l2
    diagonal = scale[None] * jnp.diag(hessian)[:, None] + l2
    # A column of zeros, such as a constant feature's, never moves.
    usable = diagonal > jnp.finfo(l1.dtype).tiny
    safe = jnp.where(usable, diagonal, 1)

    def coordinate(
        i: Array, at: tuple[Array, Array, Array, Array]
    ) -> tuple[Array, Array, Array, Array]:
        order, w, gradient, largest = at
        j = order[i]
        step = soft_threshold(w[j] - gradient[j] / safe[j], l1[j] / safe[j]) - w[j]
        step = jnp.where(usable[j], step, 0)
        gradient = gradient + hessian[j][:, None] * (step * scale)[None]
        gradient = set_at(gradient, j, gradient[j] + step * l2[j])
        return order, set_at(w, j, w[j] + step), gradient, jnp.maximum(largest, step**2 * safe[j])

    moving = jnp.any(usable & ((at.w != 0) | (jnp.abs(at.gradient) > l1) | (l1 == 0)), axis=1)
    order = nonzero(moving, size=l1.shape[0], fill=0)
    start = (order, at.w, at.gradient, jnp.zeros_like(at.first))
    _, w, gradient, largest = repeat(jnp.sum(moving, dtype=np.int32), coordinate, start)
    return _Point(w, gradient, largest, jnp.maximum(at.first, largest), at.rounds)


def _support(model: Model, at: _Point) -> Array:
    """Return which features (q,) of a single output are in the model."""
    return (at.w[:, 0] != 0) | (model.l1[:, 0] == 0)


def _newton(model: Model, sizes: list[int], at: _Point) -> _Point:
    """Move to the minimum over the support with its signs, as far as the model falls."""
    w, gradient = at.w[:, 0], at.gradient[:, 0]
    l1, l2 = model.l1[:, 0], model.l2[:, 0]
    support = _support(model, at)
    slope = gradient + l1 * jnp.sign(w)
    which = jnp.searchsorted(np.array(sizes, np.int32), jnp.sum(support, dtype=np.int32))
    step = switch(which, [partial(_solve_on, model, size) for size in sizes], support, slope)
    step = jnp.where(jnp.all(jnp.isfinite(step)), step, 0)
    # A weight that would change its sign stops at 0. Where that is no decrease, all weights stop
    # with the first one: that always is a decrease.
    crosses = (l1 > 0) & ((w + step) * w < 0)
    whole = jnp.where(crosses, -w, step)
    share = jnp.min(jnp.where(crosses, w / jnp.where(crosses, -step, 1), 1))
    moves = jnp.stack([whole, share * step], axis=1)
    with jax.default_matmul_precision("highest"):
        changes = model.scale[0] * (model.hessian @ moves) + l2[:, None] * moves
    # No weight crosses 0: |w| changes by sign(w) times the move. Near the optimum the sum of both
    # slopes is small, while the change of each part is rounding.
    value = moves.T @ slope + jnp.sum(moves * changes, axis=0) / 2
    best = jnp.argmin(value)
    falls = value[best] < 0
    moved = jnp.where(crosses & falls & (best == 0), 0, w + jnp.where(falls, moves[:, best], 0))
    with jax.default_matmul_precision("highest"):
        change = (moved - w)[:, None]
        gradient = at.gradient + model.scale[0] * (model.hessian @ change) + l2[:, None] * change
    return at._replace(w=moved[:, None], gradient=gradient)


def _solve_on(model: Model, size: int, support: Array, slope: Array) -> Array:
    """The step (q,) that makes the slope 0 on the support, which has at most `size` features."""
    q = slope.size
    index = nonzero(support, size, fill=q)
    inside = index < q
    # No entry has the number q: what is read there is not used.
    read = jnp.minimum(index, q - 1)
    hessian = model.scale[0] * model.hessian[read][:, read]
    hessian = jnp.where(inside[:, None] & inside[None], hessian, 0)
    diagonal = jnp.diag(hessian)
    ridge = 100 * jnp.finfo(slope.dtype).eps * jnp.where(diagonal > 0, diagonal, 1)
    ridge = jnp.where(inside, model.l2[read, 0] + ridge, 1)
    factor = jnp.linalg.cholesky(hessian + jnp.diag(ridge))
    step = cho_solve(factor, jnp.where(inside, -slope[read], 0))
    return set_at(jnp.zeros_like(slope, shape=q + 1), index, step)[:q]
