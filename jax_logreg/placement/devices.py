"""The devices of one machine or several: the examples spread over them, or the features."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from jax_logreg.arrays import as_array, is_numpy
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer
from jax_logreg.hosts import spans
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import examples_each, part_rows
from jax_logreg.penalty import Penalty
from jax_logreg.placement.axes import EXAMPLES, FEATURES, Leaf, Names, map_axes
from jax_logreg.shapes import Array, Float, NDArray, T

_AXIS = "examples"
_FEATURES = "features"


def make_mesh(devices: object, device: jax.Device | None = None) -> Mesh:
    """Return the mesh of devices that share the examples, or the features.

    Args:
        devices: N, the first N of this machine; "all" of them; or "hosts", those of all connected
            hosts. {"features": N or "all"} share the features.
        device: one of the kind that is wanted, by default of JAX's own choice.

    Raises:
        InputError: more devices than there are, or no number of devices.
    """
    axis, given = _AXIS, devices
    if isinstance(devices, Mapping):
        if set(devices) != {_FEATURES}:
            raise InputError(
                f"devices is {brief(devices)}: expected {{'features': N}}, whose devices share the "
                "features, or N, which share the examples"
            )
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


def spread_rows(rows: Sequence[NDArray], mesh: Mesh) -> list[Array]:
    """Return rows (r, m) in parts over the mesh; zeros, of weight 0, fill the last part up.

    Over several hosts the rows are those of this host's examples.
    """
    by_example = NamedSharding(mesh, PartitionSpec(None, _AXIS))
    m = examples_each(rows[0].shape[1], mesh) * len(mesh.local_devices)
    own = [_padded(one, m) for one in rows]
    if not over_hosts(mesh):
        return [jax.device_put(one, by_example) for one in own]
    return [jax.make_array_from_process_local_data(by_example, one) for one in own]


def replicate(tree: object, mesh: Mesh) -> Any:
    """Return the arrays, each of them whole on every device."""
    everywhere = NamedSharding(mesh, PartitionSpec())
    if not over_hosts(mesh):
        return jax.device_put(tree, everywhere)
    return jax.tree.map(partial(jax.make_array_from_process_local_data, everywhere), tree)


def spread_features(
    penalty: Penalty | None, w: Float[Array, "n k"], mesh: Mesh
) -> tuple[Penalty | None, Array]:
    """Return the factors of a penalty and w (n, k) in parts over the mesh.

    Features that fill the last part up are penalised and have a w of 0, which stays 0.
    """

    def place(leaf: Array) -> Array:
        # Like an unpenalised feature, a factor of 0 would leave the duality gap without a bound.
        return part_rows(leaf, mesh, fill=1) if np.ndim(leaf) else replicate(leaf, mesh)

    return jax.tree.map(place, penalty), part_rows(w, mesh)


def shares_features(mesh: Mesh | AbstractMesh) -> bool:
    """Return whether the devices of a mesh share the features."""
    return bool(mesh.axis_names == (_FEATURES,))


def by_feature(s: NDArray) -> bool:
    """Return whether devices share the features of the batch with these weights s (1, m)."""
    place = getattr(s, "sharding", None)
    return isinstance(place, NamedSharding) and shares_features(place.mesh)


def trim(params: Params, n: int) -> Params:
    """Return the parameters of the n features, whole on each device that had parts of them."""
    mesh = _mesh_of(params.w)
    if mesh is None or not shares_features(mesh):
        return params
    w, b = jax.device_get(params)
    return Params(*replicate((w[:n], b), mesh))


def _mesh_of(a: NDArray) -> Mesh | None:
    """Return the mesh whose devices have an array, None where there is no mesh."""
    place = getattr(a, "sharding", None)
    mesh = place.mesh if isinstance(place, NamedSharding) else None
    return mesh if isinstance(mesh, Mesh) else None


def over_hosts(mesh: Mesh) -> bool:
    """Return whether some devices of a mesh are those of other hosts."""
    return len(mesh.local_devices) < mesh.size


def place_beside(rows: object, s: Float[Array, "1 M"]) -> Float[Array, "r M"]:
    """Return rows (r, m) of weights in the dtype of s, padded as s is, and placed as s is."""
    padded = _padded(np.asarray(rows, s.dtype), s.shape[1])
    if is_numpy(s):
        return padded  # type: ignore[return-value]
    if isinstance(s.sharding, NamedSharding):
        return jax.device_put(padded, s.sharding)
    return jax.device_put(padded)


def lay_out(tree: T, batch: Batch, solver: object) -> T:
    """Return the arrays as a program over the devices of the batch leaves its own.

    An array that declares an axis which the devices share (`axes`) is in parts, any other is on
    each. So the next call finds the program that the first made.
    """
    mesh = _mesh_of(batch.s)
    if mesh is None:
        return tree
    places = map_axes(partial(_place, batch), tree, solver)
    if over_hosts(mesh):
        leaves, kind = jax.tree.flatten(tree)
        placed = _laid_out(tuple(jax.tree.leaves(places)))(leaves)
        return jax.tree.unflatten(kind, placed)
    return jax.device_put(tree, places)


def outline(shapes: T, batch: Batch, solver: object) -> T:
    """Return the shapes with the places that `lay_out` gives arrays of these shapes."""

    def placed(leaf: Leaf, names: Names) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=_place(batch, leaf, names))

    return map_axes(placed, shapes, solver)


def _place(batch: Batch, leaf: Leaf, names: Names) -> Sharding | None:
    s = batch.s
    if is_numpy(s):
        return None
    if not isinstance(s.sharding, NamedSharding):
        return s.sharding
    shared = FEATURES if by_feature(s) else EXAMPLES
    axes = [leaf.ndim - len(names) + i for i, name in enumerate(names) if name in shared]
    spec = [*(None,) * axes[0], *s.sharding.mesh.axis_names] if axes else []
    return NamedSharding(s.sharding.mesh, PartitionSpec(*spec))


def gather(tree: T) -> T:
    """Return the arrays whole on a device of this host; all hosts have to call this."""
    mesh = next(one for one in map(_mesh_of, jax.tree.leaves(tree)) if one is not None)
    everywhere = NamedSharding(mesh, PartitionSpec())
    leaves, kind = jax.tree.flatten(tree)
    whole = jax.tree.unflatten(kind, _laid_out((everywhere,) * len(leaves))(leaves))
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), whole)


@cache
def _laid_out(places: tuple[Sharding, ...]) -> Callable[[list[Array]], list[Array]]:
    """The identity to these places, by which hosts exchange; the same one each time.

    JAX would compile a function that is made at each call at each call.
    """

    def identity(leaves: list[Array]) -> list[Array]:
        return leaves

    return jax.jit(identity, out_shardings=list(places))


def own_parts(tree: object) -> object:
    """Return the arrays in NumPy; of an array that several hosts share, the part on this host."""
    leaves, kind = jax.tree.flatten(tree)
    shared = [i for i, leaf in enumerate(leaves) if _is_in_parts(leaf)]
    for i in shared:
        (axis,) = (axis for axis, name in enumerate(leaves[i].sharding.spec) if name is not None)
        parts = sorted(leaves[i].addressable_shards, key=lambda part: part.index[axis].start)
        leaves[i] = np.concatenate([np.asarray(part.data) for part in parts], axis)
    return jax.tree.unflatten(kind, jax.device_get(leaves))


def own_shape(like: object) -> tuple[int, ...]:
    """Return the shape that `own_parts` would give an array, an outline of one, or a number."""
    shape, place = tuple(getattr(like, "shape", ())), getattr(like, "sharding", None)
    if place is None or not spans(like) or place.is_fully_replicated:
        return shape
    size = len(place.addressable_devices)
    pairs = zip(place.shard_shape(shape), shape, strict=True)
    return tuple(part if part == whole else part * size for part, whole in pairs)


def place_like(value: np.ndarray, like: object) -> Array:
    """Return an array in the place of another, or of an outline.

    Where several hosts share the other, the value is the part on this host.
    """
    place = getattr(like, "sharding", None)
    if spans(like):
        shape = getattr(like, "shape", None)
        return jax.make_array_from_process_local_data(place, value, shape)
    # NumPy's arrays have no place.
    return as_array(value) if place is None else jax.device_put(value, place)


def _is_in_parts(leaf: Array) -> bool:
    return spans(leaf) and not leaf.is_fully_replicated


def _padded(rows: NDArray, m: int) -> np.ndarray:
    missing = m - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))) if missing else np.asarray(rows)
