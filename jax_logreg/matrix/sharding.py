"""X (n, m) split along the examples; each part goes straight to its device."""

from collections.abc import Sequence

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jax_logreg.arrays import as_array
from jax_logreg.errors import InputError
from jax_logreg.hosts import most
from jax_logreg.matrix.categorical import Categorical
from jax_logreg.matrix.chunking import split_scipy
from jax_logreg.matrix.compressed import Compressed
from jax_logreg.matrix.dense import Transposed
from jax_logreg.matrix.foreign import GivenX, check_sparse, is_scipy
from jax_logreg.matrix.operations import (
    cast,
    is_array,
)
from jax_logreg.matrix.placing import arrange
from jax_logreg.matrix.settling import settle
from jax_logreg.matrix.sharded import Sharded
from jax_logreg.matrix.sparse import Sparse
from jax_logreg.matrix.stacked import Stacked
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.shapes import Matrix


def shard(X: object, dtype: str, mesh: Mesh) -> Matrix:
    """X (n, m), spread over the devices of the mesh; zeros follow its last example.

    Over several hosts X is the part of this host, and zeros follow the last example of each part.
    X is read as `dtype`.

    Raises:
        InputError: a matrix that cannot be split.
    """
    settled = settle(X, dtype)
    if isinstance(settled, Standardised):
        everywhere = NamedSharding(mesh, PartitionSpec())

        def replicate(a: object) -> Array:
            return jax.make_array_from_process_local_data(everywhere, np.asarray(a))

        inner = shard(settled.X, dtype, mesh)
        return Standardised(inner, replicate(settled.mean), replicate(settled.scale))
    return Sharded(_join(_split(settled, dtype, mesh), mesh), mesh)


def examples_each(m: int, mesh: Mesh) -> int:
    """Return how many examples each device of a mesh has, where this host has m.

    All devices have as many as those of the host with the most examples need.
    """
    q = -(-m // len(mesh.local_devices))
    return most(q)[0] if len(mesh.local_devices) < mesh.size else q


def _split(X: GivenX, dtype: str, mesh: Mesh) -> Sequence[Matrix | Array]:
    """X as one part a device, (n, q) each and of one structure, still on the host."""
    m, devices = X.shape[1], list(mesh.local_devices)
    q = examples_each(m, mesh)
    over_hosts = len(devices) < mesh.size
    spans = [slice(min(i * q, m), min((i + 1) * q, m)) for i in range(len(devices))]
    if isinstance(X, Stacked):
        several = [_split(one, dtype, mesh) for one in X.matrices]
        return [Stacked(parts) for parts in zip(*several, strict=True)]
    if isinstance(X, Standardised):
        return [Standardised(part, X.mean, X.scale) for part in _split(X.X, dtype, mesh)]
    if isinstance(X, Categorical):
        return [cast(X, dtype).cut(span, q) for span in spans]
    if isinstance(X, Compressed):
        X = cast(X, dtype)
        size = X.block_shape[1]
        if over_hosts:
            (size,) = most(size)
        return [X.cut(span, q, size) for span in spans]
    if isinstance(X, Transposed):
        rows = np.asarray(X.rows, dtype).T
        return [Transposed(as_array(_filled(rows[:, span], q).T)) for span in spans]
    if isinstance(X, Sparse):
        return split_scipy(X.to_scipy(), dtype, spans, q, over_hosts)
    if is_scipy(X):
        return split_scipy(check_sparse(X), dtype, spans, q, over_hosts)
    if not is_array(X):
        raise InputError(
            f"X is a {type(X).__name__}, which devices cannot share: expected an array, a SciPy "
            "sparse matrix, Transposed, Compressed, Sparse, Categorical, or a Standardised or "
            "Stacked of them: pass devices=None for one device"
        )
    X = np.asarray(X)
    pairs = zip(spans, devices, strict=True)
    return [arrange(_filled(X[:, span], q), dtype, device) for span, device in pairs]


def _filled(X: np.ndarray, q: int) -> np.ndarray:
    """X (n, ≤ q) with zeros up to q columns."""
    missing = q - X.shape[1]
    return np.pad(X, ((0, 0), (0, missing))) if missing else X


def _join(parts: Sequence[Matrix | Array], mesh: Mesh) -> Matrix | Array:
    """The parts as one matrix with a leading axis; each part goes straight to its device."""
    sharding = NamedSharding(mesh, PartitionSpec(*mesh.axis_names))

    def join(*leaves: object) -> Array:
        pairs = zip(leaves, mesh.local_devices, strict=True)
        arrays = [jax.device_put(np.asarray(leaf)[None], device) for leaf, device in pairs]
        shape = (mesh.size, *arrays[0].shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, arrays)

    return jax.tree.map(join, *parts)
