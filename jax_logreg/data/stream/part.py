"""One file of a stream: pieces of its examples, and of what is read of it but once."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.data.columns import Columns
from jax_logreg.data.library_errors import library_errors
from jax_logreg.errors import InputError


class Names(NamedTuple):
    """The columns, arrays or files that are read: those of `data.reading.Reading`."""

    label: str = "label"
    x: str = "X"
    y: str = "Y"
    labels: str = "*_labels.npy"
    weights: str | None = None
    exclude: Sequence[str] = ()

    @property
    def columns(self) -> Columns:
        """The columns that are meant, where the file is a table."""
        return Columns(self.label, self.weights, (), self.exclude)


class Part(ABC):
    """A file that is opened again for every pass; only the content of its header stays in memory.

    `features` and `dtype` are known once it is made; `length` and `labels` (length,), `weights`
    (length,) and `extremes`, the least and the largest of each feature, (n,), once `first_pass` has
    been through.
    """

    by_rows = True
    divisor = 1.0
    # Labels are texts, which together say whether they are numbers.
    spelled = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.features: tuple[str, ...] = ()
        self.dtype: np.dtype = np.dtype(np.float64)
        self.length = 0
        self.labels = np.empty(0)
        self.weights: np.ndarray | None = None
        # Lines to be said, and all columns of a table.
        self.notes: tuple[str, ...] = ()
        self.columns: list[str] | None = None
        self.extremes: Any = None
        self._state = _state(path)

    def example(self, i: int) -> str:
        """Example i as a person finds it."""
        return f"example {i}"

    @abstractmethod
    def first_pass(self, size: int) -> Iterator[np.ndarray]:
        """All examples in pieces, counted, with labels and weights kept."""

    @abstractmethod
    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        """The examples from `first` on in pieces, of `size` where that costs nothing."""

    def read(self, size: int) -> Iterator[np.ndarray]:
        """`first_pass`, each entry having been looked at.

        Raises:
            InputError: the file cannot be read, or holds an entry that is not finite.
        """
        at = 0
        with library_errors(self.path):
            for piece in self.first_pass(size):
                self._check(piece, at)
                self._widen(piece)
                at += piece.shape[0 if self.by_rows else 1]
                yield piece
        self.length = at

    def pieces(self, first: int, size: int) -> Iterator[np.ndarray]:
        """`later_pass` of a file that is still what it was.

        Raises:
            InputError: it is not, or cannot be read.
        """
        try:
            now = _state(self.path)
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read any more: {error.strerror}: expected it to stay "
                "where it is until the run has ended"
            ) from None
        if now != self._state:
            raise InputError(
                f"{self.path} has changed since it was first read: expected it to stay as it is "
                "until the run has ended"
            )
        with library_errors(self.path):
            left = self.length - first
            for piece in self.later_pass(first, size):
                left -= piece.shape[0 if self.by_rows else 1]
                yield piece
            if left != 0:
                raise InputError(f"{self.path} has lost or won examples since it was first read")

    def _widen(self, piece: np.ndarray) -> None:
        """Let the extremes hold those of a piece."""
        axis = 0 if self.by_rows else 1
        if piece.shape[axis]:
            least, most = (end(piece, axis=axis).astype(np.float64) for end in (np.min, np.max))
            if self.extremes is not None:
                least = np.minimum(least, self.extremes[0])
                most = np.maximum(most, self.extremes[1])
            self.extremes = least, most

    def _check(self, piece: np.ndarray, at: int) -> None:
        if piece.dtype.kind != "f" or np.isfinite(piece).all():
            return
        rows = piece if self.by_rows else piece.T
        example, feature = np.argwhere(~np.isfinite(rows))[0].tolist()
        raise InputError(
            f"{self.path}: feature '{self.features[feature]}' of {self.example(at + example)} is "
            f"{rows[example, feature]}: expected a finite number: leave that example out, or fill "
            "the value in"
        )


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
