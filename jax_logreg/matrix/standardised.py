"""A standardised X that is never formed: what is sparse stays sparse, what is small stays small."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
from jax_logreg.shapes import Array, Float, Integer, T, X_nm


@pytree
@dataclass(frozen=True)
class Standardised:
    """(X − mean) / scale for any matrix X (n, m), mean (n, 1) and scale (n, 1).

    Products subtract what the mean contributes after the sum over X. Where |mean| ≫ scale that
    costs about log₁₀(|mean| / scale) digits, in the Gram matrix twice as many. A fit forms what
    NumPy has anyway, in float64, when it places it, and loses none.
    """

    X: Any
    mean: Any
    scale: Any

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.X.shape
        return n, m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of mean and scale; of those in NumPy the one that JAX computes in."""
        return self.mean.dtype if isinstance(self.mean, Array) else jnp.zeros((), float).dtype

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
        """Return whether the inner matrix is."""
        return in_blocks(self.X)

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)) over the inner blocks."""
        return over_blocks(*self._of_inner(f, shared), *rows)

    def over_parts(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """The same over the parts of an inner matrix that several devices share."""
        return over_parts(*self._of_inner(f, shared), *rows)

    @property
    def one_by_one(self) -> bool:
        """Return whether the inner matrix goes so."""
        return one_by_one(self.X)

    def each_block(self, f: Callable[..., T], carry: object, *rows: Array) -> T:
        """The carry after f(carry, X of some examples, their rows (r, b)), block after block."""

        def of_block(carry: object, X: object, *rows: Array) -> Any:
            return f(carry, Standardised(X, self.mean, self.scale), *rows)

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

    def features(self, index: Integer[Array, " q"]) -> Any:
        """The rows `index` (q,), dense (q, m), unless those of the inner matrix are in parts."""
        X, mean, scale = self._in(self.dtype)
        inner, mean, scale = features(X, index), mean[index], scale[index]
        return (inner - mean) / scale if is_array(inner) else Standardised(inner, mean, scale)

    def extremes(self) -> tuple[Any, Any]:
        """The least and the largest of each feature, (n, 1) each."""
        least, most, mean, scale = map(known, (*extremes(self.X), self.mean, self.scale))
        with np.errstate(invalid="ignore", divide="ignore"):
            return (least - mean) / scale, (most - mean) / scale

    def astype(self, dtype: object) -> "Standardised":
        """The same in the dtype."""
        return Standardised(*self._in(dtype))

    def raw_row(self, feature: int) -> np.ndarray:
        """The numbers (m,) of a feature of the inner matrix as they are given."""
        return raw_row(self.X, feature)

    def rescaled(self, factor: np.ndarray) -> "Standardised":
        """Each feature times its factor (n, 1)."""
        return Standardised(self.X, self.mean, np.asarray(self.scale, np.float64) / factor)

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        mean, scale = (np.asarray(part, np.float64) for part in (self.mean, self.scale))
        inner = spread(self.X, s)
        ends = ((part - mean) / scale for part in (inner.mean, inner.least, inner.largest))
        middle, least, largest = ends
        return Spread(inner.weight, middle, inner.deviation / scale, least, largest)

    def _in(self, dtype: object) -> tuple[Any, Any, Any]:
        """Inner matrix, mean and scale in the dtype."""
        return cast(self.X, dtype), self.mean.astype(dtype), self.scale.astype(dtype)

    def _of_inner(
        self, f: Callable[..., T], shared: object
    ) -> tuple[Callable[..., T], Any, tuple[Any, Any, object]]:
        """As an f of the inner matrix, that matrix, and what is shared."""

        def of_some(X: X_nm, moments: tuple[Array, Array, object], *rows: Array) -> T:
            mean, scale, shared = moments
            return f(Standardised(X, mean, scale), shared, *rows)

        return of_some, self.X, (self.mean, self.scale, shared)


def _shifted(mean: Any, scale: Any, centre: Float[Array, "n 1"] | None) -> Any:
    return mean if centre is None else mean + scale * centre


def standardise(X: Any, s: Any) -> Standardised:
    """X (n, m) with mean 0 and deviation 1 under weights s, (1, m) or (m,); what is constant is 0.

    Mean and scale are float64, whatever JAX's default, and X stays as it is given: a fit computes
    in the dtype that it is asked for. Inside a trace the dtype is that of s.

    Raises:
        InputError: an X that is no matrix of real numbers; weights that are bad, or not one an
            example.
    """
    X, s = _read(X), s if isinstance(s, jax.Array) else read_array("s", s)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((X, s))):
        return _traced(X, s)
    found = spread(X, _weights(s, X.shape[1]))
    if isinstance(X, np.ndarray) and X.dtype.kind in "iu" and X.dtype.itemsize > 2:
        # JAX's default integers would wrap round, and float32 has no more digits than 2 bytes need.
        X = X.astype(np.float64)
    return Standardised(X, *found.standard())


def _read(X: Any) -> Any:
    """X (n, m) with two axes, of real numbers; lists as an array."""
    listed = not isinstance(X, jax.Array) and not hasattr(X, "tocsr") and is_array(X)
    array = read_array("X", X) if listed else X
    dtype = np.dtype(getattr(array, "dtype", np.float64))
    real = dtype.kind in "biuf" or jnp.issubdtype(dtype, jnp.floating)
    if len(array.shape) != 2 or 0 in array.shape or not real:
        raise InputError(
            f"X is {dtype} of shape {array.shape}: expected real numbers (n, m), features x "
            "examples, both at least 1"
        )
    # A data frame keeps the names of its rows.
    return array if isinstance(X, list | tuple) else X


def _weights(s: object, m: int) -> np.ndarray:
    """Weights (m,) in float64, of the size of 1."""
    s = np.asarray(s)
    if s.dtype.kind not in "biuf":
        raise InputError(f"s is {s.dtype} of shape {s.shape}: expected real numbers")
    s = s.astype(np.float64)
    if s.shape not in ((m,), (1, m)) or not np.all(np.isfinite(s) & (s >= 0)) or not np.any(s > 0):
        raise InputError(
            f"s has shape {s.shape}: expected ({m},) or (1, {m}) finite weights, 0 or larger, not "
            "all 0"
        )
    return s.reshape(m) / power_of_two(s.max())


@jax.default_matmul_precision("highest")
def _traced(X: Any, s: Float[Array, "1 m"]) -> Standardised:
    total = jnp.sum(s)
    mean = X @ s.T / total
    # Rounding would leave a constant feature a tiny deviation from its mean, but none from a value.
    first = examples(X, jnp.argmax(s > 0, axis=1))
    constant = mean_absolute(X, s, first) == 0
    mean = jnp.where(constant, first, mean)
    deviation = jnp.sqrt(squares(X, s, mean) / total)
    return Standardised(X, mean, jnp.where(constant, 1, deviation))
