"""The memory of L-BFGS: the last moves and changes in a ring, and the two-loop recursion."""

from typing import Annotated, NamedTuple

import jax
from jax import Array

from jax_logreg.arrays import put_in, set_at, substitute
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params
from jax_logreg.placement.axes import Shape
from jax_logreg.shapes import T

# The whole of an axis.
ALL = slice(None)


class Memory(NamedTuple):
    """A ring of moves S, changes Y of the gradient, and P = M⁻¹ Y with the preconditioner M.

    Their products are S Yᵀ and Y Pᵀ (r, memory, memory), and 1 / s·y (r, memory), 0 where unusable.

    A vector of r models with k outputs is w (r, n·k/r) and b (r, k/r). They are kept apart, as
    devices that share the features have parts of w and the whole of b. In the ring they are (r,
    memory, ...).
    """

    moves: Annotated[Params, Shape("nk")]
    changes: Annotated[Params, Shape("nk")]
    preconditioned: Annotated[Params, Shape("nk")]
    moves_changes: Array
    changes_preconditioned: Array
    inverse: Array


def remember(
    memory: Memory, newest: Array, change: Params, preconditioned_change: Params, moved: Array
) -> Memory:
    """Return the memory with the newest pair completed, unless its curvature is lost in rounding.

    `moved` () is False before the first step.
    """
    changes = put(memory.changes, change, newest)
    preconditioned = put(memory.preconditioned, preconditioned_change, newest)
    by_move, by_preconditioned = along(memory.moves, change), along(preconditioned, change)
    pair = jax.tree.map(lambda s, y: jnp.stack([s[:, newest], y], axis=1), memory.moves, change)
    lengths = dots(pair, pair)
    curvature = lengths[:, 0, 1]
    floor = jnp.finfo(lengths.dtype).eps * jnp.sqrt(lengths[:, 0, 0] * lengths[:, 1, 1])
    good = (curvature > floor) & moved
    inverse = jnp.where(good, 1 / jnp.where(good, curvature, 1), 0)
    return Memory(
        memory.moves,
        changes,
        preconditioned,
        set_at(memory.moves_changes, (ALL, ALL, newest), by_move),
        set_at(
            put(memory.changes_preconditioned, by_preconditioned, newest),
            (ALL, ALL, newest),
            by_preconditioned,
        ),
        set_at(memory.inverse, (ALL, newest), inverse),
    )


def multiply(memory: Memory, newest: Array, gradient: Params, preconditioned: Params) -> Params:
    """The inverse Hessian times the gradient, by the two-loop recursion.

    Its vectors are combinations of gradient and memory, so that the loops run over coefficients.

    Source: Chen, Wang and Zhou, Large-scale L-BFGS using MapReduce, NIPS 2014.
    """
    size = memory.inverse.shape[1]
    order = jnp.mod(newest - jnp.arange(size, dtype=jnp.int32), size)
    by_move, by_preconditioned = (
        along(memory.moves, gradient),
        along(memory.preconditioned, gradient),
    )
    # A move takes part with the moves after it, then a change with the changes before it.
    coupled = memory.inverse[..., None] * memory.moves_changes
    alpha = substitute(coupled, memory.inverse * by_move, order)
    # The preconditioner grows stale as probabilities leave 1/2: the newest pair rescales it.
    length = memory.inverse[:, newest] * memory.changes_preconditioned[:, newest, newest]
    scale = jnp.where(length > 0, 1 / jnp.where(length > 0, length, 1), 1)[:, None]
    first = by_preconditioned - (memory.changes_preconditioned @ alpha[..., None])[..., 0]

    coupled = memory.inverse[..., None] * memory.moves_changes.swapaxes(1, 2)
    share = substitute(coupled, alpha - memory.inverse * (scale * first), order[::-1])

    def combine(preconditioned: Array, by: Array, moves: Array) -> Array:
        result = preconditioned - (alpha[:, None] @ by)[:, 0]
        return scale * result + (share[:, None] @ moves)[:, 0]

    return jax.tree.map(combine, preconditioned, memory.preconditioned, memory.moves)


def put(ring: T, row: T, slot: Array) -> T:
    """The rings (r, memory, ...) of a tree with `row` (r, ...) at a slot."""
    return jax.tree.map(lambda a, row: put_in(a, row, slot, 1), ring, row)


def dots(a: Params, b: Params) -> Array:
    """a·b of vectors (r, i, ...) and (r, j, ...): (r, i, j)."""
    return a.w @ b.w.swapaxes(1, 2) + a.b @ b.b.swapaxes(1, 2)


def along(ring: Params, v: Params) -> Array:
    """The products (r, memory) of a ring with one vector of each model."""
    return (ring.w @ v.w[..., None] + ring.b @ v.b[..., None])[..., 0]


def minus(a: Params, b: Params) -> Params:
    """A − b."""
    return jax.tree.map(jnp.subtract, a, b)
