"""A dense X (n, m): where it lies in memory, and in which order."""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np

from jax_logreg.arrays import as_array, is_numpy, slice_of
from jax_logreg.arrays import xp as jnp
from jax_logreg.matrix.operations import ends, gram, sum_blocks
from jax_logreg.matrix.spread import Spread, spread_of_array
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, DTypeLike, Float, Integer, X_nm

# XLA:CPU uses a NumPy buffer of this alignment in place, and copies any other.
_ALIGNMENT = 64
# From n / m = 2 on, both products are faster over rows of examples: experiments/layout.py.
_WIDE = 2
# Features x examples of a tile, whose cache lines stay in a core's cache while it is transposed. A
# copy of fewer than _SMALL entries is not worth threads, and a few threads saturate memory.
_TILE = (64, 1024)
_SMALL = 2**17
_THREADS = 8


@pytree
@dataclass(frozen=True)
class Transposed:
    """X (n, m), kept in memory as its transpose, rows (m, n): the faster order where n ≫ m."""

    rows: Array
    # NumPy leaves `array @ X` to `__rmatmul__`.
    __array_ufunc__ = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        m, n = self.rows.shape
        return n, m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""
        return self.rows.dtype

    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        return (self.rows @ left.T).T

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        return (right.T @ self.rows).T

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
        """The least and the largest X of each feature, (n, 1) each."""
        return ends(self.rows, 0)

    def astype(self, dtype: DTypeLike) -> "Transposed":
        """The same in the dtype."""
        with np.errstate(over="ignore"):
            return Transposed(self.rows.astype(dtype))

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        return spread_of_array(np.asarray(self.rows).T, s)

    @jax.default_matmul_precision("highest")
    def _sum(
        self,
        f: Callable[[Array], Array],
        d: Float[Array, "1 m"],
        centre: Float[Array, "n 1"] | None,
    ) -> Array:
        """Σ d·f(X − centre) over the examples, (n, 1)."""

        def of_block(first: Array, d: Float[Array, "1 m"]) -> Array:
            block = self._block(first, d.size)
            return (d @ f(block if centre is None else block - centre.T)).T

        return sum_blocks(of_block, d, self.shape[0])

    @jax.default_matmul_precision("highest")
    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n)."""
        if is_numpy(self.rows, d):
            return gram(self.rows.T, d)

        def of_block(first: Array, d: Float[Array, "1 m"]) -> Array:
            block = self._block(first, d.size)
            return (block * d.T).T @ block

        return sum_blocks(of_block, d, self.shape[0])

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        return self.rows[index].T

    def features(self, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
        """The rows `index` (q,), dense (q, m)."""
        return self.rows[:, index].T

    def _block(self, first: Array, size: int) -> Array:
        return slice_of(self.rows, first, size, 0)


def arrange_dense(X: object, dtype: str, device: jax.Device | None) -> object:
    """X (n, m) as `dtype`, in the order in which its two products are fastest on the device.

    An array of NumPy stays in NumPy: a large one is copied to an aligned buffer.
    """
    if isinstance(X, jax.Array) and device is None:
        on_cpu = {d.platform for d in X.devices()} == {"cpu"}
        X = X.astype(dtype)
        return Transposed(X.T) if on_cpu and _is_wide(X.shape) else X
    X, device = np.asarray(X), device or jax.devices()[0]
    return arrange_rows(X, dtype) if device.platform == "cpu" else np.asarray(X, dtype)


def arrange_rows(X: np.ndarray, dtype: str) -> X_nm:
    """X (n, m) of NumPy as `dtype`, in the order in which its two products are fastest on a CPU."""
    if _is_wide(X.shape):
        return Transposed(as_array(aligned(X.T, dtype)))
    return as_array(aligned(X, dtype))


def _is_wide(shape: tuple[int, ...]) -> bool:
    n, m = shape
    return n >= _WIDE * m


def new_buffer(shape: tuple[int, ...], dtype: str | np.dtype) -> np.ndarray:
    """An array that is not filled yet, aligned so that XLA:CPU does not copy it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned(X: np.ndarray, dtype: str) -> np.ndarray:
    """X in the dtype, in a buffer of its own that XLA:CPU uses in place.

    This is one copy in place of two, NumPy's and XLA's. NumPy asks for huge pages, which XLA does
    not. A small X is only converted.
    """
    if X.size < _SMALL:
        with np.errstate(over="ignore"):
            return np.array(X, dtype, order="C")
    buffer = new_buffer(X.shape, dtype)
    with np.errstate(over="ignore"):
        if abs(X.strides[0]) >= abs(X.strides[1]):
            np.copyto(buffer, X, casting="unsafe")
        else:
            _copy_turned(buffer, X)
    return buffer


def _copy_turned(buffer: np.ndarray, X: np.ndarray) -> None:
    """Copy X, whose columns are contiguous, into the buffer, whose rows are.

    A plain copy would read a cache line for every entry.
    """
    features, examples = _TILE

    def copy(first: int) -> None:
        strip = slice(first, first + examples)
        # A thread has error settings of its own.
        with np.errstate(over="ignore"):
            for i in range(0, len(X), features):
                tile = slice(i, i + features), strip
                np.copyto(buffer[tile], X[tile], casting="unsafe")

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
        list(pool.map(copy, range(0, X.shape[1], examples)))
