"""X (n, m) with its features in parts over devices: a placement, which needs no matrix of its own.

XLA's partitioner makes of `w.T @ X` the products of the parts and one all-reduce of (k, m).
`X @ dZ.T` stays in parts, as w does.
"""

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jax_logreg.errors import InputError
from jax_logreg.matrix.dense import Transposed, arrange_dense
from jax_logreg.matrix.operations import is_array
from jax_logreg.matrix.settling import settle
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.shapes import X_nm


def part_features(X: object, dtype: str, mesh: Mesh) -> X_nm:
    """X (n, m), its rows over the devices of the mesh, as many on each; zeros follow the last row.

    X is read as `dtype`.

    Raises:
        InputError: an X that is neither dense nor a Standardised of a dense one.
    """
    X = settle(X, dtype)
    if isinstance(X, Standardised):
        inner = part_features(X.X, dtype, mesh)
        return Standardised(inner, part_rows(X.mean, mesh), part_rows(X.scale, mesh, fill=1))
    if isinstance(X, Transposed):
        X = np.asarray(X.rows).T
    if not is_array(X):
        raise InputError(
            f"X is a {type(X).__name__}, whose features devices cannot share: expected an array, a "
            "Transposed, or a Standardised of one: pass devices=N, which share the examples"
        )
    X, devices = np.asarray(X), mesh.local_devices
    q = -(-len(X) // len(devices))
    rows = (_filled(X[i * q : (i + 1) * q], q, 0) for i in range(len(devices)))
    parts = [
        jax.device_put(arrange_dense(part, dtype, device), device)
        for part, device in zip(rows, devices, strict=True)
    ]
    if isinstance(parts[0], Transposed):
        return Transposed(_join([part.rows for part in parts], 1, mesh))
    return _join(parts, 0, mesh)


def part_rows(rows: Array, mesh: Mesh, fill: float = 0) -> Array:
    """Rows (n, r), one a feature, in the parts that X has; `fill` fills the last part up."""
    n = -(-len(rows) // mesh.size) * mesh.size
    place = NamedSharding(mesh, PartitionSpec(*mesh.axis_names))
    return jax.device_put(_filled(np.asarray(rows), n, fill), place)


def _filled(rows: np.ndarray, n: int, fill: float) -> np.ndarray:
    missing = n - len(rows)
    return np.pad(rows, ((0, missing), (0, 0)), constant_values=fill) if missing else rows


def _join(parts: list[Array], axis: int, mesh: Mesh) -> Array:
    """Parts, each on its device, as one array."""
    place = NamedSharding(mesh, PartitionSpec(*(None,) * axis, *mesh.axis_names))
    shape = list(parts[0].shape)
    shape[axis] *= len(parts)
    return jax.make_array_from_single_device_arrays(tuple(shape), place, parts)
