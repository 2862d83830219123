"""X (n, m) in parts along the examples, each on a device of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jax_logreg.errors import InputError
from jax_logreg.hosts import most
from jax_logreg.matrix.compressed import Compressed
from jax_logreg.matrix.dense import Transposed
from jax_logreg.matrix.operations import (
    examples,
    features,
    gram,
    is_array,
    largest,
    mean_absolute,
    squares,
)
from jax_logreg.matrix.placing import arrange, check_sparse
from jax_logreg.matrix.sparse import Sparse, split_scipy
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.pytree import pytree


@pytree
@dataclass(frozen=True)
class Sharded:
    """X (n, m) as one matrix whose arrays have a leading axis of D parts, each part (n, m/D).

    No device is named here: where that axis is sharded over a mesh, what is done to each part is
    done where the part lies, and a sum over the parts becomes an all-reduce.
    """

    parts: Any

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m), what pads the last parts included."""
        n, q = self._one.shape
        return n, self._count * q

    @property
    def dtype(self) -> Any:
        """The dtype of the entries."""
        return self._one.dtype

    def __rmatmul__(self, left: Array) -> Array:
        """`left @ X` for left (k, n): (k, m)."""
        # By a left of its own each part has an ordinary product; by one for all, blocks of a
        # compressed X would first be turned round.
        lefts = jnp.broadcast_to(left, (self._count, *left.shape))
        Z = jax.vmap(lambda left, X: left @ X, out_axes=1)(lefts, self.parts)
        return Z.reshape(left.shape[0], -1)

    def __matmul__(self, right: Array) -> Array:
        """`X @ right` for right (m, k): (n, k)."""
        return self._sum(lambda X, d: X @ d.T, right.T)

    def mean_absolute(self, s: Array, centre: Array | None = None) -> Array:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        if is_array(self.parts):
            return self._sum_rows(jnp.abs, s, centre) / jnp.sum(s)

        def of_part(X: Any, s: Array) -> Array:
            total = jnp.sum(s)
            # A part may have no weight, and then no mean.
            return jnp.where(total > 0, mean_absolute(X, s, centre) * total, 0)

        return self._sum(of_part, s) / jnp.sum(s)

    def squares(self, d: Array, centre: Array | None = None) -> Array:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        if is_array(self.parts):
            return self._sum_rows(jnp.square, d, centre)
        return self._sum(lambda X, d: squares(X, d, centre), d)

    def largest(self) -> Array:
        """The largest |X| of each feature, (n, 1)."""
        return jnp.max(jax.vmap(largest)(self.parts), axis=0)

    def gram(self, d: Array) -> Array:
        """X diag(d) Xᵀ, (n, n)."""
        return self._sum(gram, d)

    @jax.jit
    def examples(self, index: Array) -> Array:
        """The columns `index` (q,), dense (n, q)."""
        size = self._one.shape[1]

        def of_part(number: Array, X: Any) -> Array:
            mine = index // size == number
            # Zeros for what other parts have, so that the sum is exact.
            return jnp.where(mine[None], examples(X, jnp.where(mine, index % size, 0)), 0)

        numbers = jnp.arange(self._count, dtype=index.dtype)
        return jnp.sum(jax.vmap(of_part)(numbers, self.parts), axis=0)

    def features(self, index: Array) -> "Sharded":
        """The rows `index` (q,), (q, m), in the same parts, which are dense."""
        return Sharded(jax.vmap(lambda X: features(X, index))(self.parts))

    @property
    def _count(self) -> int:
        return jax.tree.leaves(self.parts)[0].shape[0]

    @property
    def _one(self) -> Any:
        """A part by its shapes alone."""
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), self.parts)

    def _sum(self, f: Callable[[Any, Array], Array], d: Array) -> Array:
        """Σ f(part, d of its examples) over the parts, for d (r, m)."""
        d = d.reshape(d.shape[0], self._count, -1)
        return jnp.sum(jax.vmap(f, in_axes=(0, 1))(self.parts, d), axis=0)

    def _sum_rows(self, f: Callable[[Array], Array], d: Array, centre: Array | None) -> Array:
        """Σ d·f(X − centre) of dense parts, (n, 1), all their rows being those of one matrix.

        XLA:CPU takes 30 times as long to reduce an array of three axes.
        """
        count, n, q = self.parts.shape
        rows = self.parts.reshape(count * n, q)
        if centre is not None:
            rows = rows - jnp.tile(centre, (count, 1))
        weights = jnp.broadcast_to(d.reshape(count, 1, q), (count, n, q)).reshape(rows.shape)
        sums = jnp.sum(f(rows) * weights, axis=1)
        return jnp.sum(sums.reshape(count, n), axis=0)[:, None]


def shard(X: Any, dtype: str, mesh: Mesh) -> Any:
    """X (n, m), spread over the devices of the mesh; zeros follow its last example.

    Over several hosts X is the part that this one has, and zeros follow the last of each.
    An array or a SciPy sparse matrix is read as `dtype`, a matrix keeps its own.

    Raises:
        InputError: a matrix that cannot be split.
    """
    if isinstance(X, Standardised):
        everywhere = NamedSharding(mesh, PartitionSpec())

        def replicate(a: Any) -> Array:
            return jax.make_array_from_process_local_data(everywhere, np.asarray(a))

        inner = shard(X.X, str(X.X.dtype), mesh)
        return Standardised(inner, replicate(X.mean), replicate(X.scale))
    return Sharded(_join(_split(X, dtype, list(mesh.local_devices), mesh), mesh))


def _split(X: Any, dtype: str, devices: list[jax.Device], mesh: Mesh) -> list[Any]:
    """X as one part a device, (n, q) each and all of one structure, still on the host."""
    m = X.shape[1]
    q = -(-m // len(devices))
    over_hosts = len(devices) < mesh.size
    if over_hosts:
        (q,) = most(q)
    spans = [slice(min(i * q, m), min((i + 1) * q, m)) for i in range(len(devices))]
    if isinstance(X, Compressed):
        return [X.cut(span, q) for span in spans]
    if isinstance(X, Transposed):
        rows = np.asarray(X.rows).T
        return [Transposed(_filled(rows[:, span], q).T) for span in spans]
    if isinstance(X, Sparse):
        return split_scipy(X.to_scipy(), X.dtype.name, spans, q, over_hosts)
    if hasattr(X, "tocsr"):
        return split_scipy(check_sparse(X), dtype, spans, q, over_hosts)
    if not is_array(X):
        raise InputError(
            f"X is a {type(X).__name__}, which devices cannot share: expected an array, a SciPy "
            "sparse matrix, Transposed, Compressed, Sparse, or one of these Standardised"
        )
    X = np.asarray(X)
    pairs = zip(spans, devices, strict=True)
    return [arrange(_filled(X[:, span], q), dtype, device) for span, device in pairs]


def _filled(X: np.ndarray, q: int) -> np.ndarray:
    """X (n, ≤ q) with zeros up to q columns."""
    missing = q - X.shape[1]
    return np.pad(X, ((0, 0), (0, missing))) if missing else X


def _join(parts: list[Any], mesh: Mesh) -> Any:
    """The parts as one, with a leading axis, each going straight to its device."""
    sharding = NamedSharding(mesh, PartitionSpec(*mesh.axis_names))

    def join(*leaves: Any) -> Array:
        pairs = zip(leaves, mesh.local_devices, strict=True)
        arrays = [jax.device_put(np.asarray(leaf)[None], device) for leaf, device in pairs]
        shape = (mesh.size, *arrays[0].shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, arrays)

    return jax.tree.map(join, *parts)
