"""Branches that stay branches under vmap.

JAX makes a select of a cond whose flag is batched, as XLA has no batched branch:
https://github.com/jax-ml/jax/issues/8409
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import custom_vmap

from jax_logreg.arrays import MANY, cond, is_numpy

_T = TypeVar("_T")


def on_cpu(array: Array) -> bool:
    """Return whether branches are cheap where an array lies: a GPU waits for the host at each."""
    return is_numpy(array) or all(device.platform == "cpu" for device in array.devices())


def where_wanted(wanted: Array, change: Callable[[_T], _T], value: _T) -> _T:
    """Return change(value) where wanted (), else value.

    A batch of models skips a change that no model wants. Under vmap `lax.cond` would become a
    select, which always runs both branches.
    """

    def changed(value: _T) -> _T:
        mine = _mine(wanted)
        return jax.tree.map(lambda new, old: jnp.where(mine, new, old), change(value), value)

    if type(wanted) is MANY:
        return cond(wanted, change, lambda value: value, value)
    if is_numpy(wanted):
        return change(value) if wanted else value
    return lax.cond(_any(wanted), changed, lambda value: value, value)


@custom_vmap
def _any(wanted: Array) -> Array:
    """Return whether any model of the batch wants the change: without vmap the flag itself."""
    return wanted


@_any.def_vmap
def _any_of_batch(size: int, batched: object, wanted: Array) -> tuple[Array, bool]:
    return _any(jnp.any(wanted)), False


@custom_vmap
def _mine(wanted: Array) -> Array:
    """Return the flag of each model of a batch; without vmap true, as the branch was taken."""
    return jnp.full_like(wanted, True)


@_mine.def_vmap
def _mine_of_batch(size: int, batched: Sequence[bool], wanted: Array) -> tuple[Array, bool]:
    # Batched once more, the outer batch has a say too.
    return (wanted, True) if batched[0] else (_mine(wanted), False)
