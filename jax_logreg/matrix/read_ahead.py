"""Blocks of examples from a source on the host, which a thread reads ahead of the computation."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np

from jax_logreg._jax.messages import hide_errors_of_callbacks
from jax_logreg.errors import InputError

# Blocks that are read before they are asked for.
_DEPTH = 2
# The last errors of readers, which XLA's own error hides.
_failures: deque[InputError] = deque(maxlen=16)


class Source(Protocol):
    """Examples in the order in which they are stored, read again in every pass."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the numbers as they are stored."""

    @property
    def by_rows(self) -> bool:
        """Return whether pieces have a row an example, (b, n), or a column, (n, b)."""

    def pieces(self, first: int, size: int) -> Iterator[np.ndarray]:
        """The examples from `first` on, in pieces: blocks of `size`, as far as that costs nothing.

        Raises:
            InputError: examples that cannot be read, or have changed since the last pass.
        """


class _Key(NamedTuple):
    number: int
    dtype: np.dtype


class ReadAhead:
    """The blocks of a source, of `size` examples, the last one filled up with zeros.

    The block that follows is read ahead: i + 1 after i, and the first after the last. Where another
    block is asked for, reading starts again there.
    """

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self.count = -(-source.shape[1] // size)
        self._blocks = _Blocks(source, size)
        # The thread ends with this object, or at the interpreter's exit. Its tasks know `_blocks`
        # alone: otherwise they would keep this object.
        self._thread = ThreadPoolExecutor(1, "jax_logreg reader")
        self._lock = Lock()
        self._ahead: deque[tuple[_Key, Future[np.ndarray]]] = deque()
        self._at: tuple[_Key, np.ndarray] | None = None
        self._extremes: tuple[np.ndarray, np.ndarray] | None = None

    def block(self, number: int, dtype: np.dtype) -> np.ndarray:
        """Block `number` in the dtype: (size, n) by rows, else (n, size).

        Raises:
            InputError: as of the source.
        """
        key = _Key(number, dtype)
        with self._lock:
            if self._at is None or self._at[0] != key:
                self._at = None
                try:
                    self._at = key, self._next(key)
                except InputError as error:
                    self._forget()
                    _failures.append(error)
                    raise
            return self._at[1]

    def examples(self, index: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The examples `index` (q,), (q, n): each block that holds some is read once."""
        found = np.empty((len(index), self.source.shape[0]), dtype)
        owner = index // self.size
        for number in np.unique(owner):
            here = owner == number
            block = self.block(int(number), dtype)
            at = index[here] % self.size
            found[here] = block[at] if self.source.by_rows else block[:, at].T
        return found

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest of each feature, (n, 1) each; NaN where an entry is NaN.

        They are `extremes` (n,) of the source where it has them; else the source is read once.
        """
        if self._extremes is None:
            found = getattr(self.source, "extremes", None)
            least, most = self._look_through() if found is None else found
            self._extremes = (np.asarray(least)[:, None], np.asarray(most)[:, None])
        return self._extremes

    def _look_through(self) -> tuple[np.ndarray, np.ndarray]:
        axis = 0 if self.source.by_rows else 1
        ends = [(x.min(axis), x.max(axis)) for x in self.source.pieces(0, self.size)]
        least, most = (np.stack(each).astype(np.float64) for each in zip(*ends, strict=True))
        return least.min(axis=0), most.max(axis=0)

    def read_alone(self, dtype: np.dtype) -> Iterator[np.ndarray]:
        """Every block, read by this thread, without reading ahead."""
        blocks = _Blocks(self.source, self.size)
        return (blocks.read(number, dtype) for number in range(self.count))

    def _next(self, key: _Key) -> np.ndarray:
        if not self._ahead or self._ahead[0][0] != key:
            self._forget()
            self._read(key)
        _, block = self._ahead.popleft()
        later = self._ahead[-1][0].number if self._ahead else key.number
        while len(self._ahead) < min(_DEPTH, self.count - 1):
            later = (later + 1) % self.count
            self._read(_Key(later, key.dtype))
        return block.result()

    def _read(self, key: _Key) -> None:
        self._ahead.append((key, self._thread.submit(self._blocks.read, *key)))

    def _forget(self) -> None:
        for _, future in self._ahead:
            future.cancel()
        self._ahead.clear()


class _Blocks:
    """Blocks put together from the pieces of a source, for one thread."""

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self.axis = 0 if source.by_rows else 1
        self.number, self.pieces, self.left = 0, iter(()), None

    pieces: Iterator[np.ndarray]
    left: np.ndarray | None

    def read(self, number: int, dtype: np.dtype) -> np.ndarray:
        """Block `number`; the block after the last one read costs least."""
        m = self.source.shape[1]
        if number == 0 or number != self.number:
            self.pieces = self.source.pieces(number * self.size, self.size)
            self.left = None
        self.number = -1
        wanted = min(self.size, m - number * self.size)
        block = self._joined(self._parts(wanted), wanted, dtype)
        self.number = number + 1
        return block

    def _parts(self, wanted: int) -> Iterator[np.ndarray]:
        while wanted > 0:
            piece = next(self.pieces) if self.left is None else self.left
            taken, left = np.split(piece, [wanted], axis=self.axis)
            self.left = left if left.shape[self.axis] else None
            wanted -= taken.shape[self.axis]
            yield taken

    def _joined(self, parts: Iterator[np.ndarray], wanted: int, dtype: np.dtype) -> np.ndarray:
        first = next(parts)
        if first.shape[self.axis] == self.size and first.dtype == dtype:
            return np.ascontiguousarray(first)
        n = self.source.shape[0]
        block = np.empty((self.size, n) if self.source.by_rows else (n, self.size), dtype)
        along = np.moveaxis(block, self.axis, 0)
        at = 0
        with np.errstate(over="ignore"):
            for part in (first, *parts):
                along[at : at + part.shape[self.axis]] = np.moveaxis(part, self.axis, 0)
                at += part.shape[self.axis]
        along[wanted:] = 0
        return block


@contextmanager
def plain_errors() -> Iterator[None]:
    """Replace an error of XLA by the reader's error that caused it; also a decorator.

    Raises:
        InputError: the error that a reader raised inside a compiled program.
    """
    try:
        yield
    except InputError:
        raise
    except (RuntimeError, ValueError) as error:
        # XLA raises either of the two types, by where it notices the error.
        text = str(error)
        for failure in list(_failures):
            if str(failure) in text:
                _failures.remove(failure)
                raise failure from None
        raise


hide_errors_of_callbacks(InputError)
