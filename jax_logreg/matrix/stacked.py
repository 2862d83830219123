"""Several matrices over the same examples, the features of one after those of another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg.arrays import as_array
from jax_logreg.errors import InputError, brief
from jax_logreg.matrix.operations import (
    cast,
    dense_features,
    examples,
    extremes,
    gram,
    known,
    magnitude,
    mean_absolute,
    raw_row,
    squares,
)
from jax_logreg.matrix.spread import Spread, spread
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float, Integer, X_nm

# Entries of the features that are made dense at a time, 16 MB in float32.
_BLOCK = 2**22


@pytree
@dataclass(frozen=True)
class Stacked:
    """X (n, m) of matrices (n₁, m), (n₂, m), ... one under the other, n = n₁ + n₂ + ...

    Each keeps its own way of storing: numbers beside categories, dense beside sparse.
    """

    matrices: tuple[X_nm, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return sum(X.shape[0] for X in self.matrices), self.matrices[0].shape[1]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries; JAX's default where all matrices are NumPy's."""
        placed = [X.dtype for X in self.matrices if not isinstance(X, np.ndarray)]
        return placed[0] if placed else jnp.zeros((), float).dtype

    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        terms = [part @ X for X, part in zip(self.matrices, self._split(left.T), strict=True)]
        return sum(terms[1:], start=terms[0])

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        return jnp.concatenate([X @ right for X in self.matrices])

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        return self._each(lambda X, own: mean_absolute(X, s, own), centre)

    def magnitude(self, s: Float[Array, "1 m"]) -> Float[Array, "n 1"]:
        """The mean size of what a product sums for each feature, (n, 1)."""
        return self._each(lambda X, _: magnitude(X, s), None)

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._each(lambda X, own: squares(X, d, own), centre)

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each."""
        least, most = zip(*map(extremes, self.matrices), strict=True)
        if isinstance(known(least[0]), jax.core.Tracer):
            return jnp.concatenate(least), jnp.concatenate(most)
        return as_array(np.concatenate(least)), as_array(np.concatenate(most))

    def raw_row(self, feature: int) -> np.ndarray:
        """The numbers (m,) of a feature as they are given."""
        for X in self.matrices:
            if feature < X.shape[0]:
                break
            feature -= X.shape[0]
        return raw_row(X, feature)

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        parts = [spread(X, s) for X in self.matrices]
        columns = (np.concatenate(each) for each in zip(*(p[1:] for p in parts), strict=True))
        return Spread(parts[0].weight, *columns)

    def astype(self, dtype: object) -> "Stacked":
        """The same in the dtype."""
        return Stacked(tuple(cast(X, dtype) for X in self.matrices))

    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n), block by block of two matrices."""
        rows: list[list[Array]] = []
        for i, X in enumerate(self.matrices):
            before = [rows[j][i].T for j in range(i)]
            after = [_crossed(X, other, d) for other in self.matrices[i + 1 :]]
            rows.append([*before, gram(X, d), *after])
        return jnp.block(rows)

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        return jnp.concatenate([examples(X, index) for X in self.matrices])

    def features(self, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
        """The rows `index` (q,), dense (q, m)."""
        found = jnp.zeros((index.size, self.shape[1]), self.dtype)
        first = 0
        for X in self.matrices:
            own, n = index - first, X.shape[0]
            mine = (own >= 0) & (own < n)
            found = jnp.where(mine[:, None], dense_features(X, jnp.clip(own, 0, n - 1)), found)
            first += n
        return found

    def _split(self, a: Array) -> list[Array]:
        """The rows of `a` (n, k) that belong to each matrix, transposed: (k, nᵢ)."""
        ends = np.cumsum([X.shape[0] for X in self.matrices])
        return [part.T for part in jnp.split(a, ends[:-1])]

    def _each(
        self, f: Callable[[X_nm, Array | None], Array], centre: Float[Array, "n 1"] | None
    ) -> Array:
        """`f` of each matrix and its part of the centre (n, 1), one under the other."""
        parts = (
            [None] * len(self.matrices)
            if centre is None
            else [part.T for part in self._split(centre)]
        )
        return jnp.concatenate([f(X, own) for X, own in zip(self.matrices, parts, strict=True)])


@jax.default_matmul_precision("highest")
def _crossed(A: X_nm, B: X_nm, d: Float[Array, "1 m"]) -> Array:
    """A diag(d) Bᵀ, (a, b). The matrix of fewer features is made dense, some features at a time."""
    if A.shape[0] > B.shape[0]:
        return _crossed(B, A, d).T
    a, m = A.shape
    size = min(max(_BLOCK // m, 1), a)
    count = -(-a // size)
    # The last block starts early, and repeats some features.
    first = np.minimum(np.arange(count) * size, a - size)

    def of_block(first: Array) -> Array:
        rows = dense_features(A, first + jnp.arange(size, dtype=jnp.int32))
        return (B @ (rows * d).T).T

    blocks = lax.map(of_block, jnp.asarray(first, jnp.int32)).reshape(count * size, -1)
    block = np.arange(a) // size
    return blocks[block * size + np.arange(a) - first[block]]


def stack(matrices: Sequence[Any]) -> Stacked:
    """The matrices (nᵢ, m), one under the other; NumPy arrays may have any dtype.

    Raises:
        InputError: an empty list, or matrices of several numbers of examples or of several dtypes.
    """
    if isinstance(matrices, str | bytes) or not isinstance(matrices, Sequence):
        raise InputError(f"matrices is {brief(matrices)}: expected a list of matrices (n, m)")
    for i, X in enumerate(matrices):
        if isinstance(X, type) or len(getattr(X, "shape", ())) != 2 or not hasattr(X, "dtype"):
            raise InputError(
                f"matrices[{i}] is {brief(X)}: expected a matrix (n, m), of a list np.asarray(list)"
            )
    if not matrices:
        raise InputError("matrices is an empty list: expected at least one matrix (n, m)")
    lengths = [X.shape[1] for X in matrices]
    if len(set(lengths)) > 1:
        raise InputError(
            f"matrices have {lengths} examples each: expected as many in each: leave out the "
            "examples that some lack"
        )
    dtypes = [str(X.dtype) for X in matrices if not isinstance(X, np.ndarray)]
    if len(set(dtypes)) > 1:
        raise InputError(
            f"matrices have dtypes {', '.join(dtypes)}: expected one dtype for all: "
            "X.astype(dtype) converts one"
        )
    return Stacked(tuple(matrices))
