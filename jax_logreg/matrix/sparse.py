"""A sparse X (n, m): the nonzeros in short chunks, once by feature and once by example."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from jax_logreg._jax.programs import program
from jax_logreg.matrix.foreign import SciPySparse
from jax_logreg.matrix.operations import sum_blocks
from jax_logreg.matrix.spread import Spread, spread_of_nonzeros
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, DTypeLike, Float, Integer


@pytree
@dataclass(frozen=True)
class Chunks:
    """A sparse matrix (rows, columns), each row's nonzeros cut into chunks of 8.

    A chunk is a column of `index` and `value` (8, c); `owner` (c,) is its row, ascending. The
    chunks of row r are those from starts[r] to starts[r + 1]. The last chunk of a row is filled up
    with zeros at the row's first column: a 0·∞ then appears only where it would in a dense product.
    A chunk sums in place, without a scatter, which leaves an eighth of the work to the sum by
    segment.
    """

    index: Array
    value: Array
    owner: Array
    starts: Array
    columns: int = field(metadata={"static": True})
    longest: int = field(metadata={"static": True})

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.starts.size - 1

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`matrix @ right` for right (columns, k): (rows, k)."""
        # One term at a time: a sum over an axis of (8, c, k) runs ten times slower.
        terms = (self.value[i][:, None] * right[self.index[i]] for i in range(len(self.index)))
        partial = sum(terms, start=jnp.zeros((), right.dtype))
        return jax.ops.segment_sum(partial, self.owner, self.rows, indices_are_sorted=True)

    def map(self, f: Callable[[Array], Array]) -> "Chunks":
        """The chunks with f(value) in place of each nonzero."""
        value = jnp.where(self.value == 0, 0, f(self.value))
        return Chunks(self.index, value, self.owner, self.starts, self.columns, self.longest)

    def count(self) -> Array:
        """Return the nonzeros of each row, (rows,), as integers: float32 counts to 2**24 only."""
        chunks = jnp.sum(self.value != 0, axis=0, dtype=jnp.int32)
        return jax.ops.segment_sum(chunks, self.owner, self.rows, indices_are_sorted=True)

    def dense(self, index: Integer[Array, " q"]) -> Array:
        """The rows `index` (q,), dense (q, columns)."""
        chunk = self.starts[index][:, None] + jnp.arange(self.longest, dtype=jnp.int32)[None]
        inside = chunk < self.starts[index + 1][:, None]
        # Entries of other rows go to a column that does not exist, and are dropped.
        column = jnp.where(inside, self.index[:, chunk], self.columns)
        row = jnp.arange(index.size)[None, :, None]
        blank = jnp.zeros((index.size, self.columns), self.value.dtype)
        return blank.at[row, column].add(self.value[:, chunk], mode="drop")


@pytree
@dataclass(frozen=True)
class Sparse:
    """A sparse X (n, m) in both orders, so that both products gather and neither scatters."""

    by_feature: Chunks
    by_example: Chunks

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.by_feature.rows, self.by_example.rows

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""
        return self.by_feature.value.dtype

    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        return (self.by_example @ left.T).T

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        return self.by_feature @ right

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        return self._sum(jnp.abs, s, centre) / jnp.sum(s)

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._sum(jnp.square, d, centre)

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each, 0 being one of them."""
        return _extremes(self.by_feature)

    def astype(self, dtype: DTypeLike) -> "Sparse":
        """The same in the dtype."""
        pair = (self.by_feature, self.by_example)
        return Sparse(*(replace(part, value=part.value.astype(dtype)) for part in pair))

    def rescaled(self, factor: np.ndarray) -> "Sparse":
        """Each feature times its factor (n, 1)."""
        by_feature, by_example = self.by_feature, self.by_example
        column = jnp.asarray(factor[:, 0], self.dtype)
        value = by_feature.value * column[by_feature.owner][None]
        return Sparse(
            replace(by_feature, value=value),
            replace(by_example, value=by_example.value * column[by_example.index]),
        )

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        return spread_of_nonzeros(self.to_scipy(), s)

    def _sum(
        self,
        f: Callable[[Array], Array],
        s: Float[Array, "1 m"],
        centre: Float[Array, "n 1"] | None,
    ) -> Array:
        """Σ s·f(X − centre) over the examples, (n, 1), for an f with f(0) = 0."""
        entries = self.by_feature
        if centre is None:
            return entries.map(f) @ s.T
        own = centre[entries.owner].T
        present = entries.map(jnp.ones_like)
        # Rounding must leave nothing absent in a feature without zeros.
        full = entries.count()[:, None] == s.size
        absent = jnp.where(full, 0, jnp.sum(s) - present @ s.T)
        return entries.map(lambda value: f(value - own)) @ s.T + f(centre) * absent

    @jax.default_matmul_precision("highest")
    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n), from blocks of examples made dense."""

        def of_block(first: Array, d: Float[Array, "1 m"]) -> Array:
            rows = self.by_example.dense(first + jnp.arange(d.size, dtype=jnp.int32))
            return (rows * d.T).T @ rows

        return sum_blocks(of_block, d, self.shape[0])

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        return self.by_example.dense(index).T

    def features(self, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
        """The rows `index` (q,), dense (q, m)."""
        return self.by_feature.dense(index)

    def to_scipy(self) -> SciPySparse:
        """X as a scipy.sparse array (n, m)."""
        from scipy.sparse import csr_array  # type: ignore[import-untyped, unused-ignore]

        entries = self.by_feature
        index, value, owner = (np.asarray(a) for a in (entries.index, entries.value, entries.owner))
        stored = value != 0
        row = np.broadcast_to(owner, value.shape)[stored]
        return csr_array((value[stored], (row, index[stored])), shape=self.shape)


@program
def _extremes(entries: Chunks) -> tuple[Array, Array]:
    pairs = (
        (jnp.min, jax.ops.segment_min, jnp.minimum),
        (jnp.max, jax.ops.segment_max, jnp.maximum),
    )
    found = []
    for of_chunk, of_row, with_zero in pairs:
        chunks = of_chunk(entries.value, axis=0)
        rows = of_row(chunks, entries.owner, entries.rows, indices_are_sorted=True)
        # A feature without chunks has only zeros.
        found.append(with_zero(rows, 0)[:, None])
    return found[0], found[1]
