"""X (n, m) in parts along the examples, each on a device of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, PartitionSpec

from jax_logreg._jax.programs import program
from jax_logreg.matrix.operations import (
    dense_features,
    examples,
    extremes,
    gram,
    in_blocks,
    magnitude,
    mean_absolute,
    over_blocks,
    squares,
)
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float, Integer, Matrix, T, X_nm


@pytree
@dataclass(frozen=True)
class Sharded:
    """X (n, m) as one matrix whose arrays have a leading axis of D parts, each part (n, m/D).

    That axis lies over the mesh: each device computes with its own part, and a sum over the parts
    is an all-reduce.
    """

    parts: Matrix | Array
    mesh: Mesh = field(metadata={"static": True})

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m), with the padding of the last parts."""
        n, q = self._one.shape
        return n, self.mesh.size * q

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""
        return self._one.dtype

    @property
    def in_blocks(self) -> bool:
        """Return whether the parts come in blocks."""
        return in_blocks(self._one)

    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        return self._map(lambda X, left: left @ X, self._by_example, left)

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        return self._sum(lambda X, _, d: X @ d.T, None, right.T)

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)) over the blocks of every part."""
        return self._sum(partial(over_blocks, f), shared, *rows)

    def over_parts(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(part, shared, rows (r, m/D) of its examples) over the parts, one all-reduce."""
        return self._sum(f, shared, *rows)

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""

        def of_part(X: X_nm, centre: Float[Array, "n 1"] | None, s: Float[Array, "1 m"]) -> Array:
            total = jnp.sum(s)
            # A part may have no weight, and then no mean.
            return jnp.where(total > 0, mean_absolute(X, s, centre) * total, 0)

        return self._sum(of_part, centre, s) / jnp.sum(s)

    def magnitude(self, s: Float[Array, "1 m"]) -> Float[Array, "n 1"]:
        """The mean size of what a product sums for each feature, (n, 1)."""

        def of_part(X: X_nm, _: None, s: Float[Array, "1 m"]) -> Array:
            total = jnp.sum(s)
            return jnp.where(total > 0, magnitude(X, s) * total, 0)

        return self._sum(of_part, None, s) / jnp.sum(s)

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._sum(lambda X, centre, d: squares(X, d, centre), centre, d)

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each, padding being 0."""
        return _extremes(self)

    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n)."""
        return self._sum(lambda X, _, d: gram(X, d), None, d)

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        size = self._one.shape[1]

        def of_part(X: X_nm, index: Integer[Array, " q"]) -> Array:
            number = lax.axis_index(self._axis).astype(index.dtype)
            mine = index // size == number
            # Zeros for the examples of other parts, so that the sum is exact.
            return jnp.where(mine[None], examples(X, jnp.where(mine, index % size, 0)), 0)

        return self._sum(of_part, index)

    def features(self, index: Integer[Array, " q"]) -> "Sharded":
        """The rows `index` (q,), (q, m), in the same parts, each dense."""
        rows = self._map(
            lambda X, index: dense_features(X, index)[None], PartitionSpec(self._axis), index
        )
        return Sharded(rows, self.mesh)

    @property
    def _axis(self) -> str:
        return self.mesh.axis_names[0]

    @property
    def _by_example(self) -> PartitionSpec:
        return PartitionSpec(None, self._axis)

    @property
    def _one(self) -> Matrix | Array:
        """A part by its shapes alone."""
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), self.parts)

    def _sum(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(part, shared, rows (r, m/D) of its examples) over the parts, for rows (r, m)."""

        def of_part(*part: object) -> T:
            # One all-reduce: between hosts the number of exchanges counts, not their size.
            flat, restore = ravel_pytree(f(*part))
            return restore(lax.psum(flat, self._axis))

        return self._map(of_part, PartitionSpec(), shared, *rows)

    def _map(self, f: Callable[..., T], out: PartitionSpec, shared: object, *rows: Array) -> T:
        """f(part, shared, rows of its examples) of every part, on its device.

        Shared arrays must be arguments: `shard_map` does not see arrays that f closes over.
        """

        def of_part(parts: object, shared: object, *rows: Array) -> T:
            return f(jax.tree.map(lambda a: a[0], parts), shared, *rows)

        specs = (PartitionSpec(self._axis), PartitionSpec(), *(self._by_example for _ in rows))
        mapped = jax.shard_map(
            of_part, mesh=self.mesh, in_specs=specs, out_specs=out, check_vma=False
        )
        return mapped(self.parts, shared, *rows)


@program
def _extremes(X: Sharded) -> tuple[Array, Array]:
    def of_part(part: X_nm, _: None) -> tuple[Array, Array]:
        least, most = extremes(part)
        # The maximum of several hosts may lose a NaN.
        least = jnp.where(jnp.isnan(least), -jnp.inf, least)
        most = jnp.where(jnp.isnan(most), jnp.inf, most)
        return lax.pmin(least, X._axis), lax.pmax(most, X._axis)

    return X._map(of_part, PartitionSpec(), None)
