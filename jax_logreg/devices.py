"""The devices of one machine: the examples spread over them, all else on each."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jax_logreg.errors import InputError
from jax_logreg.matrix import shard

_AXIS = "examples"


def make_mesh(devices: Any, device: jax.Device | None = None) -> Mesh:
    """The first N devices of this machine that are of the kind of `device`, or "all".

    Raises:
        InputError: more than there are, or what is no number of devices.
    """
    found = jax.local_devices(backend=None if device is None else device.platform)
    if isinstance(devices, str) and devices == "all":
        devices = len(found)
    count = len(found)
    integer = isinstance(devices, int | np.integer) and not isinstance(devices, bool)
    if not integer or not 1 <= devices <= count:
        platform = found[0].platform
        mend = "" if platform != "cpu" else "; more of the CPU: set JAX_NUM_CPU_DEVICES"
        raise InputError(
            f"devices is {devices!r}, but this machine has {count} {platform} "
            f"device{'s' * (count > 1)}: expected 'all' or 1 to {count}{mend}"
        )
    return Mesh(np.array(found[:devices]), (_AXIS,), axis_types=(AxisType.Auto,))


def spread(X: Any, Y: np.ndarray, s: np.ndarray, dtype: str, mesh: Mesh) -> tuple[Any, ...]:
    """X (n, m), Y (k, m) and s (1, m) in parts over the mesh, examples of weight 0 filling it up.

    Raises:
        InputError: an X that cannot be split.
    """
    X = shard(X, dtype, mesh)
    by_example = NamedSharding(mesh, PartitionSpec(None, _AXIS))
    placed = [jax.device_put(_padded(rows, X.shape[1]), by_example) for rows in (Y, s)]
    return X, *placed


def replicate(tree: Any, mesh: Mesh) -> Any:
    """The arrays, each of them on every device."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def place_beside(rows: Any, s: Array) -> Array:
    """Rows (r, m) of weights in the dtype of s, padded as s is, and where s lies."""
    padded = _padded(np.asarray(rows, s.dtype), s.shape[1])
    if isinstance(s.sharding, NamedSharding):
        return jax.device_put(padded, s.sharding)
    return jnp.asarray(padded, s.dtype)


def lay_out(tree: Any, s: Array) -> Any:
    """The arrays as a program over the devices of s leaves its own: in parts where their last axis
    is that of the examples, else on each. So the next call finds the program that the first made.
    """
    if not isinstance(s.sharding, NamedSharding):
        return tree
    mesh = s.sharding.mesh

    def place(leaf: Any) -> Array:
        by_example = leaf.shape[-1:] == s.shape[-1:]
        spec = [*(None,) * (leaf.ndim - 1), _AXIS] if by_example else []
        return jax.device_put(leaf, NamedSharding(mesh, PartitionSpec(*spec)))

    return jax.tree.map(place, tree)


def _padded(rows: np.ndarray, m: int) -> np.ndarray:
    missing = m - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))) if missing else rows
