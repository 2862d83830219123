"""A dense X (n, m): where it lies in memory, and in which order."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import treedef_is_leaf

# XLA:CPU aliases a NumPy buffer at this alignment instead of copying it.
_ALIGNMENT = 64
# From n / m = 2 on, both products are faster over rows of examples: experiments/layout.py.
_WIDE = 2


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Transposed:
    """X (n, m), kept in memory as its transpose, rows (m, n): the faster order where n ≫ m."""

    rows: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m), as for the array it stands for."""
        m, n = self.rows.shape
        return n, m

    @property
    def dtype(self) -> Any:
        """The dtype of the entries."""
        return self.rows.dtype

    def __rmatmul__(self, left: Array) -> Array:
        """`left @ X` for left (k, n): (k, m)."""
        return (self.rows @ left.T).T

    def __matmul__(self, right: Array) -> Array:
        """`X @ right` for right (m, k): (n, k)."""
        return (right.T @ self.rows).T

    def mean_absolute(self, s: Array) -> Array:
        """Σ s·|X| / Σ s over the examples, (n, 1)."""
        return jnp.sum(jnp.abs(self.rows) * s.T, axis=0)[:, None] / jnp.sum(s)


def is_array(X: Any) -> bool:
    """Whether X is to be read as a dense array, rather than used through its two products."""
    return not hasattr(X, "__rmatmul__") or treedef_is_leaf(jax.tree.structure(X))


def mean_absolute(X: Any, s: Array) -> Array:
    """Weighted mean of |X| over the examples, Σ s·|X| / Σ s, (n, 1): the scale of each feature."""
    if not is_array(X):
        return X.mean_absolute(s)
    # One fused reduction: a product would first write |X| out.
    return jnp.sum(jnp.abs(X) * s, axis=1, keepdims=True) / jnp.sum(s)


def place(X: Any, dtype: str, device: jax.Device | None) -> Array | Transposed:
    """X (n, m) as `dtype` on the device, in the order in which its two products are fastest there.

    A jax array stays where it is unless a device is named.
    """
    if isinstance(X, jax.Array) and device is None:
        wide = _is_wide(X.shape) and {d.platform for d in X.devices()} == {"cpu"}
        X = X.astype(dtype)
        return Transposed(X.T) if wide else X
    device = device or jax.devices()[0]
    if device.platform != "cpu":
        return jax.device_put(np.asarray(X, dtype), device)
    if _is_wide(X.shape):
        return Transposed(jax.device_put(aligned(np.asarray(X).T, dtype), device))
    return jax.device_put(aligned(np.asarray(X), dtype), device)


def _is_wide(shape: tuple[int, ...]) -> bool:
    n, m = shape
    return n >= _WIDE * m


def aligned(X: np.ndarray, dtype: str) -> np.ndarray:
    """X in the dtype, in a buffer of its own that XLA:CPU uses where it lies.

    One copy instead of NumPy's and then XLA's; and NumPy asks for huge pages, which XLA does not.
    """
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(X.size * itemsize + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    buffer = raw[start : start + X.size * itemsize].view(dtype).reshape(X.shape)
    with np.errstate(over="ignore"):
        np.copyto(buffer, X, casting="unsafe")
    return buffer
