"""X (n, m) that is never whole in memory: blocks of examples, read again in every pass."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import ClassVar
from weakref import WeakValueDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg.arrays import as_array
from jax_logreg.matrix.blocked import Blocked, layout, total
from jax_logreg.matrix.read_ahead import ReadAhead, Source
from jax_logreg.matrix.spread import Spread, spread_of_blocks
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float, Integer, T

# Entries of a block with a column a feature: reading and both products are fast with the long
# columns of many examples.
_COLUMNS = 3 * 2**21
# Bytes of a block with a row an example. The blocks read ahead, the one handed over and XLA's copy
# fit into the cache together. Reading a block takes several times as long as asking for it.
_ROWS = 2**22
# Dtypes that are handed over as stored: they are small, and XLA converts them without loss.
_KEPT = ("uint8", "int8", "uint16", "int16", "float32")

_open: WeakValueDictionary[int, ReadAhead] = WeakValueDictionary()
_numbers = count()


@pytree
@dataclass(frozen=True)
class Streamed(Blocked):
    """X (n, m) whose blocks come from a reader on the host, with a thread that reads ahead.

    Compiled programs know the reader by its number alone: one program serves every stream of its
    shape, and none keeps a reader alive. `chosen` (q,) selects features. Columns past m are zero.
    """

    reader: Array
    blocks: Array
    chosen: Array | None
    width: int = field(metadata={"static": True})
    m: int = field(metadata={"static": True})
    size: int = field(metadata={"static": True})
    stored: str = field(metadata={"static": True})
    by_rows: bool = field(metadata={"static": True})
    scale = None
    ahead: ClassVar[ReadAhead | None] = None

    def __post_init__(self) -> None:
        """Keep the reader alive as long as this X."""
        known = isinstance(self.reader, np.ndarray | jax.Array)
        if known and not isinstance(self.reader, jax.core.Tracer):
            object.__setattr__(self, "ahead", _open.get(int(self.reader)))

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.block_shape[2], self.m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the examples given back: float64 where JAX has it."""
        return np.dtype(jnp.zeros((), float).dtype)

    @property
    def block_shape(self) -> tuple[int, int, int]:
        """(blocks, size, n)."""
        n = self.width if self.chosen is None else self.chosen.shape[-1]
        return self.blocks.shape[0], self.size, n

    @property
    def _handed(self) -> np.dtype:
        """The dtype of the blocks that the reader hands over."""
        return np.dtype(self.stored) if self.stored in _KEPT else self.dtype

    def load(self, block: Array) -> Array:
        """The numbers (size, n) of block `block`."""
        stored = self._load(block)
        return stored if self.by_rows else stored.T

    def _load(self, block: Array) -> Array:
        """The numbers of a block as they are stored: (size, n) by rows, else (n, size)."""
        shape = (self.size, self.width) if self.by_rows else (self.width, self.size)
        stored = self._from_host(_block, shape, block)
        if self.chosen is None:
            return stored
        return stored[:, self.chosen] if self.by_rows else stored[self.chosen]

    def _from_host(
        self, read: Callable[..., np.ndarray], shape: tuple[int, int], which: Array
    ) -> Array:
        """The numbers of this shape that `read` returns."""
        dtype = self._handed
        # JAX takes no float64 from a callback: float64 is off in the callback's thread.
        halves = dtype == np.float64
        out = jax.ShapeDtypeStruct((*shape, 2), np.uint32) if halves else None
        out = out or jax.ShapeDtypeStruct(shape, dtype)
        # In one operand: each costs JAX as long as reading 1 MB.
        key = jnp.append(self.reader, which.astype(np.int32))
        found = jax.pure_callback(partial(read, dtype, out), out, key)
        return lax.bitcast_convert_type(found, dtype) if halves else found

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)): each number is read once."""
        if self.by_rows:
            return super().over_blocks(f, shared, *rows)

        def of_block(block: Array, *rows: Array) -> T:
            return f(self.decode(self._load(block), rows[0].dtype), shared, *rows)

        return total(of_block, self.blocks, *map(self._by_block, rows))

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each, as they are stored."""
        if self.ahead is None:
            return super().extremes()
        chosen = slice(None) if self.chosen is None else np.asarray(self.chosen)
        least, most = (as_array(end[chosen]) for end in self.ahead.extremes())
        return least, most

    def astype(self, dtype: object) -> "Streamed":
        """X itself: its products are in the dtype of the other factor."""
        return self

    def raw_row(self, feature: int) -> np.ndarray:
        """The numbers (m,) of a feature, read in one pass."""
        assert self.ahead is not None
        blocks = self.ahead.read_alone(np.dtype(np.float64))
        parts = (block[:, feature] if self.by_rows else block[feature] for block in blocks)
        return np.concatenate(list(parts))[: self.m]

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64."""
        assert self.ahead is not None
        blocks = self.ahead.read_alone(np.dtype(np.float64))
        return spread_of_blocks((block.T if self.by_rows else block for block in blocks), s)

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        found = self._from_host(_examples, (index.size, self.width), index)
        found = found if self.chosen is None else found[:, self.chosen]
        return found.astype(self.dtype).T

    def features(self, index: Integer[Array, " q"]) -> "Streamed":
        """The rows `index` (q,), (q, m), streamed too, so that memory need not hold them."""
        return replace(self, chosen=index if self.chosen is None else self.chosen[index])

    @jax.default_matmul_precision("highest")
    def _sum(self, f: Callable[[Array], Array], rows: Array) -> Array:
        """f(stored numbers) @ rows.T for rows (k, m): (n, k)."""
        if self.by_rows:
            return super()._sum(f, rows)

        @jax.checkpoint
        def of_block(block: Array, rows: Array) -> Array:
            return f(self.decode(self._load(block), rows.dtype).T).T @ rows.T

        return total(of_block, self.blocks, self._by_block(rows))


def stream(source: Source, size: int | None = None) -> Streamed:
    """The examples of a source as an X, in blocks of about `size` examples."""
    n, m = source.shape
    entries = _ROWS // source.dtype.itemsize if source.by_rows else _COLUMNS
    blocks, size = layout(n, m, size or entries // n)
    ahead = ReadAhead(source, size)
    number = next(_numbers)
    _open[number] = ahead
    stored = "uint8" if source.dtype == np.bool_ else source.dtype.name
    reader, index = np.asarray(number, np.int32), np.arange(ahead.count, dtype=np.int32)
    assert ahead.count <= blocks
    return Streamed(as_array(reader), as_array(index), None, n, m, size, stored, source.by_rows)


def _block(dtype: np.dtype, out: jax.ShapeDtypeStruct, key: object) -> np.ndarray:
    reader, number = np.asarray(key).tolist()
    return _open[reader].block(number, dtype).view(out.dtype).reshape(out.shape)


def _examples(dtype: np.dtype, out: jax.ShapeDtypeStruct, key: object) -> np.ndarray:
    reader, *index = np.asarray(key)
    found = _open[int(reader)].examples(np.asarray(index), dtype)
    return found.view(out.dtype).reshape(out.shape)
