"""The devices of one machine or several: the examples spread over them, or the features."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jax_logreg.arrays import is_numpy
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer
from jax_logreg.hosts import spans
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import examples_each, part_rows
from jax_logreg.placement.axes import EXAMPLES, FEATURES, Names, map_axes

_AXIS = "examples"
_FEATURES = "features"


def make_mesh(devices: Any, device: jax.Device | None = None) -> Mesh:
    """The first N devices of this machine that are of the kind of `device`, "all" of them, or
    those of all connected "hosts"; of {"features": N or "all"} for their features.

    Raises:
        InputError: more than there are, or what is no number of devices.
    """
    axis, given = _AXIS, devices
    if isinstance(devices, Mapping):
        if set(devices) != {_FEATURES}:
            raise InputError(f"devices is {brief(devices)}: expected {{'features': N}}, or N")
        axis, devices = _FEATURES, devices[_FEATURES]
    platform = None if device is None else device.platform
    if isinstance(given, str) and given == "hosts":
        everywhere = sorted(jax.devices(platform), key=lambda one: (one.process_index, one.id))
        return Mesh(np.array(everywhere), (_AXIS,), axis_types=(AxisType.Auto,))
    found = jax.local_devices(backend=platform)
    if isinstance(devices, str) and devices == "all":
        devices = len(found)
    count = len(found)
    if not is_integer(devices) or not 1 <= devices <= count:
        platform = found[0].platform
        mend = "" if platform != "cpu" else "; more of the CPU: set JAX_NUM_CPU_DEVICES"
        raise InputError(
            f"devices is {brief(given)}, but this machine has {count} {platform} "
            f"device{'s' * (count > 1)}: expected 'all' or 1 to {count}{mend}"
        )
    return Mesh(np.array(found[:devices]), (axis,), axis_types=(AxisType.Auto,))


def spread_rows(rows: Sequence[np.ndarray], mesh: Mesh) -> list[Array]:
    """The rows (r, m) of each array in parts over the mesh, examples of weight 0 filling it up.

    Over several hosts they are what this one has of them.
    """
    by_example = NamedSharding(mesh, PartitionSpec(None, _AXIS))
    m = examples_each(rows[0].shape[1], mesh) * len(mesh.local_devices)
    own = [_padded(one, m) for one in rows]
    if not over_hosts(mesh):
        return [jax.device_put(one, by_example) for one in own]
    return [jax.make_array_from_process_local_data(by_example, one) for one in own]


def replicate(tree: object, mesh: Mesh) -> Any:
    """The arrays, each of them on every device."""
    everywhere = NamedSharding(mesh, PartitionSpec())
    if not over_hosts(mesh):
        return jax.device_put(tree, everywhere)
    return jax.tree.map(partial(jax.make_array_from_process_local_data, everywhere), tree)


def spread_features(penalty: Any, w: Any, mesh: Mesh) -> tuple[Any, Any]:
    """The factors of a penalty and w (n, k) in parts over the mesh, filled up by features that are
    penalised and of weight 0, which they keep.
    """

    def place(leaf: Any) -> Array:
        # As an unpenalised feature would, a factor of 0 would leave the duality gap no bound.
        return part_rows(leaf, mesh, fill=1) if np.ndim(leaf) else replicate(leaf, mesh)

    return jax.tree.map(place, penalty), part_rows(w, mesh)


def shares_features(mesh: Any) -> bool:
    """Return whether devices share the features."""
    return bool(mesh.axis_names == (_FEATURES,))


def by_feature(s: Any) -> bool:
    """Return whether the features of the batch that s (1, m) is of are in parts."""
    place = getattr(s, "sharding", None)
    return isinstance(place, NamedSharding) and shares_features(place.mesh)


def trim(params: Params, n: int) -> Params:
    """The parameters of the n features, whole on each device that had parts of them."""
    if not by_feature(params.w):
        return params
    mesh: Any = params.w.sharding.mesh  # type: ignore[attr-defined]
    w, b = jax.device_get(params)
    return Params(*replicate((w[:n], b), mesh))


def over_hosts(mesh: Any) -> bool:
    """Return whether some of its devices are other hosts'."""
    return len(mesh.local_devices) < mesh.size


def place_beside(rows: object, s: Array) -> Array:
    """Rows (r, m) of weights in the dtype of s, padded as s is, and where s lies."""
    padded = _padded(np.asarray(rows, s.dtype), s.shape[1])
    if isinstance(s.sharding, NamedSharding):
        return jax.device_put(padded, s.sharding)
    return jnp.asarray(padded, s.dtype)


def lay_out(tree: object, batch: Batch, solver: object) -> Any:
    """The arrays as a program over the devices of the batch leaves its own: in parts where they
    declare an axis that those share (`axes`), else on each. So the next call finds the program that
    the first made.
    """
    if is_numpy(batch.s) or not isinstance(batch.s.sharding, NamedSharding):
        return tree
    places = map_axes(partial(_place, batch), tree, solver)
    if over_hosts(batch.s.sharding.mesh):
        return jax.jit(lambda tree: tree, out_shardings=places)(tree)
    return jax.device_put(tree, places)


def outline(shapes: object, batch: Batch, solver: object) -> Any:
    """The shapes with the places that `lay_out` gives arrays of these shapes."""

    def placed(leaf: Any, names: Names) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=_place(batch, leaf, names))

    return map_axes(placed, shapes, solver)


def _place(batch: Batch, leaf: Any, names: Names) -> jax.sharding.Sharding | None:
    s = batch.s
    if is_numpy(s):
        return None
    if not isinstance(s.sharding, NamedSharding):
        return s.sharding
    shared = FEATURES if by_feature(s) else EXAMPLES
    axes = [leaf.ndim - len(names) + i for i, name in enumerate(names) if name in shared]
    spec = [*(None,) * axes[0], *s.sharding.mesh.axis_names] if axes else []
    return NamedSharding(s.sharding.mesh, PartitionSpec(*spec))


def gather(tree: object) -> Any:
    """The arrays whole on a device of this host, and of each other that calls this."""
    places = (leaf.sharding for leaf in jax.tree.leaves(tree))
    mesh = next(place.mesh for place in places if isinstance(place, NamedSharding))
    everywhere = NamedSharding(mesh, PartitionSpec())
    whole = jax.jit(lambda tree: tree, out_shardings=everywhere)(tree)
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), whole)


def own_parts(tree: object) -> object:
    """The arrays in NumPy; of one that several hosts share, the part that lies here."""
    leaves, kind = jax.tree.flatten(tree)
    shared = [i for i, leaf in enumerate(leaves) if _is_in_parts(leaf)]
    for i in shared:
        (axis,) = (axis for axis, name in enumerate(leaves[i].sharding.spec) if name is not None)
        parts = sorted(leaves[i].addressable_shards, key=lambda part: part.index[axis].start)
        leaves[i] = np.concatenate([np.asarray(part.data) for part in parts], axis)
    return jax.tree.unflatten(kind, jax.device_get(leaves))


def own_shape(like: Any) -> tuple[int, ...]:
    """The shape of what `own_parts` leaves of an array that is outlined."""
    if not spans(like) or like.sharding.is_fully_replicated:
        return np.shape(like)
    place = like.sharding
    size = len(place.addressable_devices)
    pairs = zip(place.shard_shape(like.shape), like.shape, strict=True)
    return tuple(part if part == whole else part * size for part, whole in pairs)


def place_like(value: np.ndarray, like: Any) -> Array:
    """An array as outlined; of one in parts over hosts, the value is the part here."""
    if spans(like):
        return jax.make_array_from_process_local_data(like.sharding, value, like.shape)
    # NumPy's arrays have no place.
    placed: Any = value if like.sharding is None else jax.device_put(value, like.sharding)
    return placed


def _is_in_parts(leaf: Any) -> bool:
    return spans(leaf) and not leaf.is_fully_replicated


def _padded(rows: np.ndarray, m: int) -> np.ndarray:
    missing = m - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))) if missing else rows
