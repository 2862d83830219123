"""A sparse X (n, m): the nonzeros in short chunks, once by feature and once by example."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg.checks import check_dtype
from jax_logreg.errors import InputError, brief
from jax_logreg.hosts import most
from jax_logreg.matrix.operations import sum_blocks
from jax_logreg.pytree import pytree

# Nonzeros in a chunk. Wider chunks pay for more padding, narrower ones for more sums by segment;
# at 20 to 50 nonzeros a row, 8 and 16 are the fastest.
_WIDTH = 8


@pytree
@dataclass(frozen=True)
class Chunks:
    """A sparse matrix (rows, columns), each row's nonzeros cut into chunks of 8.

    A chunk is a column of `index` and `value` (8, c); `owner` (c,) is its row, ascending, and the
    chunks of row r are those from starts[r] to starts[r + 1]. The last one of a row is filled up
    with zeros at a column that the row has anyway, so that a 0·∞ appears only where it would in a
    dense product. A chunk sums in place, without a scatter, which leaves an eighth of the work to
    the sum by segment.
    """

    index: Any
    value: Any
    owner: Any
    starts: Any
    columns: int = field(metadata={"static": True})
    longest: int = field(metadata={"static": True})

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.starts.size - 1

    def __matmul__(self, right: Array) -> Array:
        """`matrix @ right` for right (columns, k): (rows, k)."""
        # One term at a time: a sum over an axis of (8, c, k) runs ten times slower.
        terms = (self.value[i][:, None] * right[self.index[i]] for i in range(len(self.index)))
        partial = sum(terms, start=jnp.zeros((), right.dtype))
        return jax.ops.segment_sum(partial, self.owner, self.rows, indices_are_sorted=True)

    def map(self, f: Callable[[Array], Array]) -> "Chunks":
        """The same pattern with f(value) in the place of each nonzero."""
        value = jnp.where(self.value == 0, 0, f(self.value))
        return Chunks(self.index, value, self.owner, self.starts, self.columns, self.longest)

    def count(self) -> Array:
        """How many nonzeros each row has, (rows,), in integers: float32 counts to 2**24 only."""
        chunks = jnp.sum(self.value != 0, axis=0, dtype=jnp.int32)
        return jax.ops.segment_sum(chunks, self.owner, self.rows, indices_are_sorted=True)

    def dense(self, index: Array) -> Array:
        """The rows `index` (q,), dense (q, columns)."""
        chunk = self.starts[index][:, None] + jnp.arange(self.longest, dtype=jnp.int32)[None]
        inside = chunk < self.starts[index + 1][:, None]
        # Entries that belong to other rows go to a column that does not exist.
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
    def dtype(self) -> Any:
        """The dtype of the entries."""
        return self.by_feature.value.dtype

    def __rmatmul__(self, left: Array) -> Array:
        """`left @ X` for left (k, n): (k, m)."""
        return (self.by_example @ left.T).T

    def __matmul__(self, right: Array) -> Array:
        """`X @ right` for right (m, k): (n, k)."""
        return self.by_feature @ right

    def mean_absolute(self, s: Array, centre: Array | None = None) -> Array:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        return self._sum(jnp.abs, s, centre) / jnp.sum(s)

    def squares(self, d: Array, centre: Array | None = None) -> Array:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._sum(jnp.square, d, centre)

    def largest(self) -> Array:
        """The largest |X| of each feature, (n, 1)."""
        entries = self.by_feature
        chunks = jnp.max(jnp.abs(entries.value), axis=0)
        found = jax.ops.segment_max(chunks, entries.owner, entries.rows, indices_are_sorted=True)
        # A feature without chunks has no largest.
        return jnp.maximum(found, 0)[:, None]

    def _sum(self, f: Callable[[Array], Array], s: Array, centre: Array | None) -> Array:
        """Σ s·f(X − centre) over the examples, (n, 1), for an f with f(0) = 0."""
        entries = self.by_feature
        if centre is None:
            return entries.map(f) @ s.T
        own = centre[entries.owner].T
        present = entries.map(jnp.ones_like)
        # Of a feature without zeros nothing is absent, whatever rounding says.
        full = entries.count()[:, None] == s.size
        absent = jnp.where(full, 0, jnp.sum(s) - present @ s.T)
        return entries.map(lambda value: f(value - own)) @ s.T + f(centre) * absent

    @jax.default_matmul_precision("highest")
    def gram(self, d: Array) -> Array:
        """X diag(d) Xᵀ, (n, n), from blocks of examples made dense."""

        def of_block(first: Array, d: Array) -> Array:
            rows = self.by_example.dense(first + jnp.arange(d.size, dtype=jnp.int32))
            return (rows * d.T).T @ rows

        return sum_blocks(of_block, d, self.shape[0])

    def examples(self, index: Array) -> Array:
        """The columns `index` (q,), dense (n, q)."""
        return self.by_example.dense(index).T

    def features(self, index: Array) -> Array:
        """The rows `index` (q,), dense (q, m)."""
        return self.by_feature.dense(index)

    def to_scipy(self) -> Any:
        """The same as a scipy.sparse array (n, m)."""
        from scipy.sparse import csr_array  # type: ignore[import-untyped, unused-ignore]

        entries = self.by_feature
        index, value, owner = (np.asarray(a) for a in (entries.index, entries.value, entries.owner))
        stored = value != 0
        row = np.broadcast_to(owner, value.shape)[stored]
        return csr_array((value[stored], (row, index[stored])), shape=self.shape)


def from_scipy(S: Any, dtype: str) -> Sparse:
    """X (n, m) from any scipy.sparse matrix or array: duplicates summed, stored zeros dropped.

    Raises:
        InputError: what is none, or holds anything but real numbers.
    """
    if not hasattr(S, "tocsr") or isinstance(S, type):
        raise InputError(f"S is {brief(S)}: expected a matrix or an array of scipy.sparse, (n, m)")
    if len(S.shape) != 2 or 0 in S.shape or S.dtype.kind not in "biuf":
        raise InputError(
            f"S is {S.dtype} of shape {S.shape}: expected real numbers (n, m), both at least 1"
        )
    dtype = check_dtype(dtype)
    # The order that S has, or that of its transpose, spares a conversion.
    by_column = S.format == "csc"
    one = canonical(S.T if by_column else S, dtype)
    pair = _chunks(one), _chunks(one.T.tocsr())
    return Sparse(*(pair[::-1] if by_column else pair))


def split_scipy(
    S: Any, dtype: str, spans: list[slice], m: int, over_hosts: bool = False
) -> list[Sparse]:
    """The columns of each span, and empty ones up to m of them, as matrices of one structure,
    which may be that of other hosts' too.
    """
    rows, parts = canonical(S.T, dtype), []
    for span in spans:
        part = rows[span]
        part.resize(m, S.shape[0])
        parts.append(from_scipy(part.T, dtype))
    by_feature = _alike([part.by_feature for part in parts], over_hosts)
    by_example = _alike([part.by_example for part in parts], over_hosts)
    return [Sparse(*pair) for pair in zip(by_feature, by_example, strict=True)]


def _alike(parts: list[Chunks], over_hosts: bool) -> list[Chunks]:
    """The same with as many chunks each, those of zeros behind the last row's own."""
    size, longest = max(a.owner.size for a in parts), max(a.longest for a in parts)
    if over_hosts:
        size, longest = most(size, longest)
    filled = []
    for a in parts:
        missing = size - a.owner.size
        index, value = (np.pad(b, ((0, 0), (0, missing))) for b in (a.index, a.value))
        owner = np.pad(a.owner, (0, missing), constant_values=a.rows - 1)
        filled.append(Chunks(index, value, owner, a.starts, a.columns, longest))
    return filled


def canonical(S: Any, dtype: str) -> Any:
    """S as CSR in the dtype, without duplicates and stored zeros; S itself is left as it was."""
    if S.dtype not in (np.float32, np.float64):
        # Small integers would overflow where duplicates are summed.
        S = S.astype(np.float64)
    S = S.tocsr()
    if not S.has_canonical_format:
        S = S.copy()
        S.sum_duplicates()
    with np.errstate(over="ignore"):
        data = S.data.astype(dtype)
    if np.all(data):
        return type(S)((data, S.indices, S.indptr), shape=S.shape)
    S = type(S)((data, S.indices.copy(), S.indptr.copy()), shape=S.shape)
    S.eliminate_zeros()
    return S


def _chunks(S: Any) -> Chunks:
    """The rows of a CSR matrix (rows, columns) cut into chunks."""
    rows, columns = S.shape
    lengths = np.diff(S.indptr)
    counts = -(-lengths // _WIDTH)
    first = S.indices[S.indptr[:-1][counts > 0]]
    if S.nnz == 0:
        counts[0], first = 1, np.zeros(1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    holes = _WIDTH * counts - lengths
    hole = np.repeat(_WIDTH * starts[1:] - np.cumsum(holes), holes) + np.arange(holes.sum())
    filled = np.ones(_WIDTH * starts[-1], bool)
    filled[hole] = False
    index = np.repeat(first.astype(np.int32), _WIDTH * counts[counts > 0])
    value = np.zeros(index.shape, S.dtype)
    index[filled], value[filled] = S.indices, S.data
    return Chunks(
        jnp.asarray(index.reshape(-1, _WIDTH).T),
        jnp.asarray(value.reshape(-1, _WIDTH).T),
        jnp.asarray(np.repeat(np.arange(rows, dtype=np.int32), counts)),
        jnp.asarray(starts, jnp.int32),
        columns,
        int(counts.max()),
    )
