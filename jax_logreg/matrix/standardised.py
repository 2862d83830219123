"""A standardised X that is never formed: what is sparse stays sparse, what is small stays small."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np

from jax_logreg.arrays import as_array
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import read_array
from jax_logreg.matrix.operations import (
    cast,
    each_block,
    examples,
    extremes,
    features,
    gram,
    in_blocks,
    is_array,
    is_traced,
    known,
    magnitude,
    mean_absolute,
    one_by_one,
    over_blocks,
    over_parts,
    raw_row,
    squares,
)
from jax_logreg.matrix.spread import Spread, power_of_two, spread
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, DTypeLike, Float, Integer, T, X_nm


@pytree
@dataclass(frozen=True)
class Standardised:
    """(X − mean) / scale for any matrix X (n, m), mean (n, 1) and scale (n, 1).

    Products subtract the mean's part after the sum over X. Where |mean| ≫ scale that costs about
    log₁₀(|mean| / scale) digits, and twice as many in the Gram matrix. A fit loses none where X is
    a NumPy array: it forms the view in float64 when it places X.
    """

    X: X_nm
    mean: Array
    scale: Array
    # NumPy's products leave what they do not know to it.
    __array_ufunc__: ClassVar[None] = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.X.shape
        return n, m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of mean and scale; JAX's default where they are NumPy's."""
        return self.mean.dtype if isinstance(self.mean, Array) else jax.numpy.zeros((), float).dtype

    @jax.default_matmul_precision("highest")
    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ (X − mean) / scale` for left (k, n): (k, m)."""
        X, mean, scale = self._in(left.dtype)
        left = left / scale.T
        return left @ X - left @ mean

    @jax.default_matmul_precision("highest")
    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`(X − mean) / scale @ right` for right (m, k): (n, k)."""
        X, mean, scale = self._in(right.dtype)
        return (X @ right - mean * jnp.sum(right, axis=0, keepdims=True)) / scale

    @property
    def in_blocks(self) -> bool:
        """Return whether the inner matrix comes in blocks."""
        return in_blocks(self.X)

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)) over the inner blocks."""
        assert in_blocks(self.X)
        return over_blocks(_of_inner(f), self.X, (self.mean, self.scale, shared), *rows)

    def over_parts(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(part, shared, rows) over the parts of an inner matrix that several devices share."""
        return over_parts(_of_inner(f), self.X, (self.mean, self.scale, shared), *rows)

    @property
    def one_by_one(self) -> bool:
        """Return whether the blocks of the inner matrix are in one place."""
        return one_by_one(self.X)

    def each_block(self, f: Callable[..., T], carry: T, *rows: Array) -> T:
        """The carry after f(carry, X of some examples, their rows (r, b)), block after block."""

        def of_block(carry: T, X: X_nm, *rows: Array) -> T:
            return f(carry, Standardised(X, self.mean, self.scale), *rows)

        assert in_blocks(self.X)
        return each_block(of_block, carry, self.X, *rows)

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − mean − scale·centre| / scale / Σ s over the examples, (n, 1)."""
        X, mean, scale = self._in(s.dtype)
        return mean_absolute(X, s, _shifted(mean, scale, centre)) / scale

    def magnitude(self, s: Float[Array, "1 m"]) -> Float[Array, "n 1"]:
        """(Σ s·|X| / Σ s + |mean|) / scale, (n, 1)."""
        X, mean, scale = self._in(s.dtype)
        return (magnitude(X, s) + jnp.abs(mean)) / scale

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·((X − mean) / scale − centre)² over the examples, (n, 1)."""
        X, mean, scale = self._in(d.dtype)
        return squares(X, d, _shifted(mean, scale, centre)) / scale**2

    @jax.default_matmul_precision("highest")
    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """(X D Xᵀ − mean gᵀ − g meanᵀ + mean meanᵀ·Σ d) / (scale scaleᵀ), g = X dᵀ: (n, n)."""
        X, mean, scale = self._in(d.dtype)
        g = X @ d.T - mean * (jnp.sum(d) / 2)
        crossed = mean * g.T
        return (gram(X, d) - crossed - crossed.T) / (scale * scale.T)

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        X, mean, scale = self._in(self.dtype)
        return (examples(X, index) - mean) / scale

    def features(self, index: Integer[Array, " q"]) -> "Array | Standardised":
        """The rows `index` (q,), (q, m), dense if those of the inner matrix are."""
        X, mean, scale = self._in(self.dtype)
        inner, mean, scale = features(X, index), mean[index], scale[index]
        return (inner - mean) / scale if is_array(inner) else Standardised(inner, mean, scale)

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest of each feature, (n, 1) each."""
        least, most, mean, scale = map(known, (*extremes(self.X), self.mean, self.scale))
        with np.errstate(invalid="ignore", divide="ignore"):
            return (least - mean) / scale, (most - mean) / scale

    def astype(self, dtype: DTypeLike) -> "Standardised":
        """The same in the dtype."""
        return Standardised(*self._in(dtype))

    def raw_row(self, feature: int) -> np.ndarray:
        """The numbers (m,) of a feature of the inner matrix as they are given."""
        return raw_row(self.X, feature)

    def rescaled(self, factor: np.ndarray) -> "Standardised":
        """Each feature times its factor (n, 1)."""
        scale = np.asarray(self.scale, np.float64) / factor
        return Standardised(self.X, self.mean, as_array(scale))

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        mean, scale = (np.asarray(part, np.float64) for part in (self.mean, self.scale))
        inner = spread(self.X, s)
        ends = ((part - mean) / scale for part in (inner.mean, inner.least, inner.largest))
        middle, least, largest = ends
        return Spread(inner.weight, middle, inner.deviation / scale, least, largest)

    def _in(self, dtype: DTypeLike) -> tuple[X_nm, Array, Array]:
        """Inner matrix, mean and scale in the dtype."""
        return cast(self.X, dtype), self.mean.astype(dtype), self.scale.astype(dtype)


def _of_inner(f: Callable[..., T]) -> Callable[..., T]:
    """`f` as a function of the inner matrix, with mean and scale before the shared values."""

    def of_some(X: X_nm, moments: tuple[Array, Array, object], *rows: Array) -> T:
        mean, scale, shared = moments
        return f(Standardised(X, mean, scale), shared, *rows)

    return of_some


def _shifted(mean: Array, scale: Array, centre: Float[Array, "n 1"] | None) -> Array:
    return mean if centre is None else mean + scale * centre


def standardise(X: Any, s: object) -> Standardised:
    """X (n, m) with mean 0 and deviation 1 under weights s, (1, m) or (m,).

    A constant feature becomes 0. Mean and scale are float64, whatever JAX's default, and X does not
    change: a fit converts to its own dtype. Inside a trace the dtype is that of s.

    Raises:
        InputError: an X that is no matrix of real numbers; weights below 0, not finite, all 0, or
        of
            another number than the examples.
    """
    X, s = _read(X), s if isinstance(s, jax.Array) else read_array("s", s)
    if is_traced(X, s):
        return _traced(X, s)
    found = spread(X, _weights(s, X.shape[1]))
    if isinstance(X, np.ndarray) and X.dtype.kind in "iu" and X.dtype.itemsize > 2:
        # JAX would make int32 of int64, which overflows. Two bytes or fewer fit into float32.
        X = X.astype(np.float64)
    return Standardised(X, *map(as_array, found.standard()))


def _read(X: Any) -> Any:
    """X (n, m) with two axes, of real numbers; lists as an array."""
    listed = is_array(X) and not isinstance(X, jax.Array)
    array = read_array("X", X) if listed else X
    dtype = np.dtype(getattr(array, "dtype", np.float64))
    real = dtype.kind in "biuf" or jax.numpy.issubdtype(dtype, np.floating)
    if len(array.shape) != 2 or 0 in array.shape or not real:
        raise InputError(
            f"X is {dtype} of shape {array.shape}: expected real numbers (n, m), features x "
            "examples, both at least 1"
        )
    # A data frame keeps the names of its rows.
    return array if isinstance(X, list | tuple) else X


def _weights(s: object, m: int) -> np.ndarray:
    """Weights (m,) in float64, divided by a power of 2 so that the largest is near 1."""
    s = np.asarray(s)
    if s.dtype.kind not in "biuf":
        raise InputError(f"s has dtype {s.dtype}: expected real numbers, ({m},) or (1, {m})")
    if s.shape not in ((m,), (1, m)):
        raise InputError(
            f"s has shape {s.shape}: expected ({m},) or (1, {m}), one weight for each column of X"
        )
    s = s.reshape(m).astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(s) & (s >= 0)))
    if wrong.size:
        raise InputError(
            f"s of example {wrong[0]} is {s[wrong[0]]}: expected a finite weight of at least 0: 0 "
            "leaves an example out"
        )
    if not np.any(s):
        raise InputError("s is 0 for every example: expected a positive weight for at least one")
    return s / power_of_two(s.max())


@jax.default_matmul_precision("highest")
def _traced(X: X_nm, s: Float[Array, "1 m"]) -> Standardised:
    total = jnp.sum(s)
    mean = X @ s.T / total
    # Rounding may leave a constant feature a tiny deviation from its mean, but none from an entry.
    first = examples(X, jnp.argmax(s > 0, axis=1))
    constant = mean_absolute(X, s, first) == 0
    mean = jnp.where(constant, first, mean)
    deviation = jnp.sqrt(squares(X, s, mean) / total)
    return Standardised(X, mean, jnp.where(constant, 1, deviation))
