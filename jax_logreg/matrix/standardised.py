"""A standardised X that is never formed: what is sparse stays sparse, what is small stays small."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jax_logreg.matrix.operations import (
    each_block,
    examples,
    features,
    gram,
    in_blocks,
    is_array,
    mean_absolute,
    one_by_one,
    over_blocks,
    over_parts,
    squares,
)
from jax_logreg.pytree import pytree


@pytree
@dataclass(frozen=True)
class Standardised:
    """(X − mean) / scale for any matrix X (n, m), mean (n, 1) and scale (n, 1).

    Products subtract what the mean contributes after the sum over X. Where |mean| ≫ scale that
    costs about log₁₀(|mean| / scale) digits, in the Gram matrix twice as many: subtract such a mean
    from a dense X beforehand, or compute in float64.
    """

    X: Any
    mean: Array
    scale: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        n, m = self.X.shape
        return n, m

    @property
    def dtype(self) -> Any:
        """The dtype of mean and scale."""
        return self.mean.dtype

    @jax.default_matmul_precision("highest")
    def __rmatmul__(self, left: Array) -> Array:
        """`left @ (X − mean) / scale` for left (k, n): (k, m)."""
        left = left / self.scale.T
        return left @ self.X - left @ self.mean

    @jax.default_matmul_precision("highest")
    def __matmul__(self, right: Array) -> Array:
        """`(X − mean) / scale @ right` for right (m, k): (n, k)."""
        return (self.X @ right - self.mean * jnp.sum(right, axis=0, keepdims=True)) / self.scale

    @property
    def in_blocks(self) -> bool:
        """Whether the inner matrix is."""
        return in_blocks(self.X)

    def over_blocks(self, f: Callable[..., Any], shared: Any, *rows: Array) -> Any:
        """Σ f(X of some examples, shared, their rows (r, b)) over the inner blocks."""
        return over_blocks(*self._of_inner(f, shared), *rows)

    def over_parts(self, f: Callable[..., Any], shared: Any, *rows: Array) -> Any:
        """The same over the parts of an inner matrix that several devices share."""
        return over_parts(*self._of_inner(f, shared), *rows)

    @property
    def one_by_one(self) -> bool:
        """Whether the inner matrix goes so."""
        return one_by_one(self.X)

    def each_block(self, f: Callable[..., Any], carry: Any, *rows: Array) -> Any:
        """The carry after f(carry, X of some examples, their rows (r, b)), block after block."""

        def of_block(carry: Any, X: Any, *rows: Array) -> Any:
            return f(carry, Standardised(X, self.mean, self.scale), *rows)

        return each_block(of_block, carry, self.X, *rows)

    def mean_absolute(self, s: Array, centre: Array | None = None) -> Array:
        """Σ s·|X − mean − scale·centre| / scale / Σ s over the examples, (n, 1)."""
        return mean_absolute(self.X, s, self._shifted(centre)) / self.scale

    def squares(self, d: Array, centre: Array | None = None) -> Array:
        """Σ d·((X − mean) / scale − centre)² over the examples, (n, 1)."""
        return squares(self.X, d, self._shifted(centre)) / self.scale**2

    @jax.default_matmul_precision("highest")
    def gram(self, d: Array) -> Array:
        """(X D Xᵀ − mean gᵀ − g meanᵀ + mean meanᵀ·Σ d) / (scale scaleᵀ), g = X dᵀ: (n, n)."""
        g = self.X @ d.T - self.mean * (jnp.sum(d) / 2)
        crossed = self.mean * g.T
        return (gram(self.X, d) - crossed - crossed.T) / (self.scale * self.scale.T)

    def examples(self, index: Array) -> Array:
        """The columns `index` (q,), dense (n, q)."""
        return (examples(self.X, index) - self.mean) / self.scale

    def features(self, index: Array) -> Any:
        """The rows `index` (q,), dense (q, m), unless those of the inner matrix are in parts."""
        inner, mean, scale = features(self.X, index), self.mean[index], self.scale[index]
        return (inner - mean) / scale if is_array(inner) else Standardised(inner, mean, scale)

    def _of_inner(self, f: Callable[..., Any], shared: Any) -> tuple[Callable[..., Any], Any, Any]:
        """As an f of the inner matrix, that matrix, and what is shared."""

        def of_some(X: Any, moments: tuple[Array, Array, Any], *rows: Array) -> Any:
            mean, scale, shared = moments
            return f(Standardised(X, mean, scale), shared, *rows)

        return of_some, self.X, (self.mean, self.scale, shared)

    def _shifted(self, centre: Array | None) -> Array:
        return self.mean if centre is None else self.mean + self.scale * centre


@jax.default_matmul_precision("highest")
def standardise(X: Any, s: Array) -> Standardised:
    """X with weighted mean 0 and standard deviation 1 under s (1, m); a constant feature becomes 0.

    The deviation is summed about the mean, not as a difference of squares, which would cancel.
    """
    total = jnp.sum(s)
    mean = X @ s.T / total
    # Rounding would leave a constant feature a tiny deviation from its mean, but none from a value.
    first = examples(X, jnp.argmax(s > 0, axis=1))
    constant = mean_absolute(X, s, first) == 0
    mean = jnp.where(constant, first, mean)
    deviation = jnp.sqrt(squares(X, s, mean) / total)
    return Standardised(X, mean, jnp.where(constant, 1, deviation))
