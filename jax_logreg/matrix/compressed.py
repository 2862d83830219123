"""X (n, m) in one, two or four bytes an entry, converted by blocks inside its products."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg.arrays import as_array
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import check_choice, check_dtype, real_array
from jax_logreg.matrix.blocked import Blocked, layout
from jax_logreg.matrix.dense import new_buffer
from jax_logreg.matrix.spread import Spread, spread_of_blocks
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, DTypeLike, Float, Integer, T

# Entries of a block: 6 MB once converted to float32.
_BLOCK = 3 * 2**19
_LARGEST = float(np.finfo(np.float32).max)
_DTYPES = {"uint8": "uint8", "int8": "int8", "bfloat16": "uint16", "float32": "float32"}


@pytree
@dataclass(frozen=True)
class Compressed(Blocked):
    """X (n, m) as blocks of examples (blocks, size, n), times scale (n, 1) where there is one.

    The sums are made in the dtype of the other factor. bfloat16 is stored as its 16 bits, uint16,
    the upper half of a float32: XLA:CPU shifts them 15 times faster than it converts bfloat16.
    Columns past m are zero.
    """

    blocks: Array
    scale: Array | None
    m: int = field(metadata={"static": True})
    dense: str = field(metadata={"static": True})

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.blocks.shape[2], self.m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the examples and features given back."""
        return np.dtype(self.dense)

    @property
    def block_shape(self) -> tuple[int, int, int]:
        """(blocks, size, n)."""
        count, size, n = self.blocks.shape
        return count, size, n

    def decode(self, stored: Array, dtype: DTypeLike) -> Array:
        """Stored numbers in the dtype."""
        if stored.dtype == jnp.uint16:
            bits = lax.shift_left(stored.astype(jnp.uint32), jnp.full_like(stored, 16, jnp.uint32))
            stored = lax.bitcast_convert_type(bits, jnp.float32)
        return stored.astype(dtype)

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)): each number is read once."""
        if self.blocks.dtype.itemsize == 1:
            # Bytes are copied to the cache before they are converted: a tenth faster.
            return super().over_blocks(f, shared, *rows)
        # A scan within a scan would copy each block first, more than half of the time here.
        stored = self.blocks.reshape(-1, self.block_shape[2])
        return self._over_pieces(stored, f, shared, *map(self._filled, rows))

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        size = self.blocks.shape[1]
        stored = self.blocks[index // size, index % size]
        return self._scaled(self.decode(stored, self.dtype)).T

    def features(self, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
        """The rows `index` (q,), dense (q, m)."""
        stored = self.blocks[:, :, index].reshape(-1, index.size)[: self.m].T
        x = self.decode(stored, self.dtype)
        return x if self.scale is None else x * self.scale[index].astype(x.dtype)

    def astype(self, dtype: DTypeLike) -> "Compressed":
        """The same X, whose examples and features are given back in the dtype."""
        return replace(self, dense=str(np.dtype(dtype)))

    def rescaled(self, factor: np.ndarray) -> "Compressed":
        """Each feature times its factor (n, 1)."""
        scale = factor if self.scale is None else np.asarray(self.scale, np.float64) * factor
        return replace(self, scale=as_array(scale))

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        return spread_of_blocks(map(self._on_host, np.asarray(self.blocks)), s)

    def _on_host(self, stored: np.ndarray) -> np.ndarray:
        """The numbers (n, size) of a block in NumPy."""
        if stored.dtype == np.uint16:
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        x = stored.T.astype(np.float64)
        return x if self.scale is None else x * np.asarray(self.scale, np.float64)

    def cut(self, span: slice, m: int, size: int) -> "Compressed":
        """The columns of the span in NumPy, and zeros up to m, in blocks of about `size`."""
        n = self.blocks.shape[2]
        stored = np.asarray(self.blocks).reshape(-1, n)[span]
        count, size = layout(n, m, size)
        blocks = new_buffer((count * size, n), stored.dtype)
        blocks[: len(stored)], blocks[len(stored) :] = stored, 0
        blocks = blocks.reshape(count, size, n)
        return Compressed(as_array(blocks), self.scale, m, self.dense)


def compress(X: object, storage: str, dtype: str = "float32") -> Compressed:
    """X (n, m) stored as "uint8", "bfloat16", "float32", or "int8" times max |X| / 127 a feature.

    `dtype` is that of the examples and features given back.

    Raises:
        InputError: another storage; numbers that are not finite, or that uint8 cannot hold exactly.
    """
    check_choice("storage", storage, _DTYPES)
    dtype = check_dtype(dtype)
    X = real_array("X", X, (None, None), "real numbers (n, m), features x examples")
    if 0 in X.shape:
        raise InputError(f"X has shape {X.shape}: expected (n, m), both at least 1")
    n, m = X.shape
    count, size = layout(n, m, _BLOCK // n)
    stored = new_buffer((count * size, n), _DTYPES[storage])
    stored[m:] = 0
    scale = None
    if storage == "int8":
        scale = _scale(X).astype(dtype)
    for start in range(0, m, size):
        columns = slice(start, min(start + size, m))
        stored[columns] = _encode(X[:, columns], storage, scale, start).T
    blocks = jax.device_put(stored.reshape(count, size, n))
    return Compressed(blocks, None if scale is None else jax.device_put(scale), m, dtype)


def _scale(X: np.ndarray) -> np.ndarray:
    """The step max |X| / 127, (n, 1), rounded up to 17 bits: times 7 bits it is exact in float32.

    So a product has the same value when it is fused into a sum.
    """
    largest = np.maximum(X.max(axis=1), -X.min(axis=1).astype(np.float64))[:, None]
    # `_encode` refuses numbers beyond float32, and names one.
    largest[(largest == 0) | ~(largest < _LARGEST)] = 127
    mantissa, exponent = np.frexp(largest / 127)
    return np.ldexp(np.ceil(mantissa * 2**17), exponent - 17)


def _encode(X: np.ndarray, storage: str, scale: np.ndarray | None, start: int) -> np.ndarray:
    """The columns X (n, b), from example `start` on, as stored; refused where they do not fit."""
    with np.errstate(over="ignore", invalid="ignore"):
        if storage == "uint8":
            stored = X.astype(np.uint8)
            fits = stored == X
        elif storage == "bfloat16":
            stored = X.astype(jnp.bfloat16)
            fits = np.isfinite(stored)
            stored = stored.view(np.uint16)
        elif scale is None:
            stored = X.astype(np.float32)
            fits = np.isfinite(stored)
        else:
            stored = np.rint(X / scale).astype(np.int8)
            fits = np.abs(X) < _LARGEST
    if not fits.all():
        feature, example = np.argwhere(~fits)[0]
        _refuse(X[feature, example], feature, start + example, storage)
    return stored


def _refuse(value: float, feature: int, example: int, storage: str) -> None:
    expected, mend = "finite numbers", "leave that example out, or fill the value in"
    if np.isfinite(value):
        expected, mend = f"numbers within the range of {storage}", "scale the feature"
    if storage == "uint8":
        expected, mend = "integers from 0 to 255", "store X as 'int8', 'bfloat16' or 'float32'"
    raise InputError(f"X[{feature}, {example}] is {value}: expected {expected}: {mend}")
