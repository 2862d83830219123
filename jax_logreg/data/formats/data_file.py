"""One file of examples: its header at once, and the examples in pieces, or whole."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from jax_logreg.data.categories import Column
from jax_logreg.data.columns import Columns
from jax_logreg.data.examples import (
    Examples,
    Part,
    Where,
    check_finite,
    check_labels,
    check_weights,
)
from jax_logreg.data.library_errors import library_errors
from jax_logreg.errors import InputError


class Names(NamedTuple):
    """The columns, arrays or files to read, as in `data.reading.Reading`."""

    label: str = "label"
    x: str = "X"
    y: str = "Y"
    labels: str = "*_labels.npy"
    weights: str | None = None
    categorical: Sequence[str] | Literal["auto"] = ()
    exclude: Sequence[str] = ()
    pixels: int | None = None
    zero_based: bool = False

    @property
    def columns(self) -> Columns:
        """The columns to read, where the file is a table."""
        return Columns(self.label, self.weights, self.categorical, self.exclude)


class DataFile(ABC):
    """A file in one format: a stream opens it for every pass, and a reader loads it whole.

    `features` and `dtype` are known at once. `length`, `labels` and `weights` (length,), and
    `extremes` are known after a pass. `extremes` are the least and the largest of each feature,
    (n,). A format implements `first_pass` and `later_pass`. With no size, `first_pass` reads a
    whole file by the quickest way.
    """

    # A row an example, rather than a column a feature.
    by_rows = True
    divisor = 1.0
    # Labels are texts; all of them together show whether they are numbers.
    spelled = False
    # Whether pieces are read without the rest of the file.
    in_pieces: ClassVar[bool] = True
    # Whether it has named columns.
    is_table: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        names: Names,
        features: Sequence[str] | None = None,
        labelled: bool = True,
        whole: bool = False,
    ) -> None:
        """Look at the header of a file.

        Args:
            path: the file.
            names: the columns or arrays to read.
            features: the features to expect, by default all.
            labelled: whether labels and weights are wanted.
            whole: whether it will be read at once, and so has to fit into memory.

        Raises:
            InputError: another kind of file, or one without these columns or arrays.
        """
        self.path, self.names, self.labelled, self.whole = path, names, labelled, whole
        self.features: tuple[str, ...] = ()
        self.dtype: np.dtype = np.dtype(np.float64)
        self.length, self.first = 0, 0
        self.labels: np.ndarray | None = None
        self.weights: np.ndarray | None = None
        self.categories: tuple[Column, ...] = ()
        self.picture: tuple[int, ...] = ()
        self.files: tuple[str, ...] = ()
        # Findings for the user, and all columns of a table.
        self.notes: tuple[str, ...] = ()
        self.columns: list[str] | None = None
        self.extremes: tuple[np.ndarray, np.ndarray] | None = None
        self._state = _state(path)
        with library_errors(path):
            self._look(features)

    @abstractmethod
    def _look(self, features: Sequence[str] | None) -> None:
        """Read the header: features, dtype, and what else it has."""

    @abstractmethod
    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        """Yield all examples in pieces, or in one where size is None, and keep labels and weights.

        With a part they are the examples of one host.
        """

    @abstractmethod
    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        """Yield the examples from `first` on in pieces, of `size` where that costs nothing."""

    def example(self, i: int) -> str:
        """Return the name of example i, as a person finds it."""
        return f"example {i}"

    def load(self, part: Part | None = None) -> Examples:
        """Return all examples, or those of a part, as one array; entries are not checked.

        Raises:
            InputError: the file cannot be read, or is larger than memory.
        """
        with library_errors(self.path):
            pieces = list(self.first_pass(None, part if self.in_pieces else None))
            axis = 0 if self.by_rows else 1
            X = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis)
        examples = Examples(
            X.T if self.by_rows else X,
            self.labels,
            self.features,
            str(self.path),
            self.divisor,
            self.weights,
            self.categories,
            self.first,
            self.picture,
            self.notes,
            self.files,
            self.example,
        )
        return examples if part is None or self.in_pieces else examples.part(part)

    def read(self, size: int) -> Iterator[np.ndarray]:
        """Yield the pieces of `first_pass`, each entry checked.

        Raises:
            InputError: the file cannot be read, or holds an entry that is not finite.
        """
        at, axis = 0, 0 if self.by_rows else 1
        with library_errors(self.path):
            for piece in self.first_pass(size):
                check_finite(
                    piece.T if self.by_rows else piece, self.path, self.features, self._at(at)
                )
                self._widen(piece)
                at += piece.shape[axis]
                yield piece
        self.length = at
        if self.labels is not None:
            check_labels(self.path, self.labels, len(self.features), at)
        if self.names.weights is not None:
            check_weights(self.path, self.weights, self.names.weights, at, self.example)

    def pieces(self, first: int, size: int) -> Iterator[np.ndarray]:
        """Yield the pieces of `later_pass`, of a file that has not changed.

        Raises:
            InputError: the file has changed, or cannot be read.
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
                raise InputError(
                    f"{self.path} has another number of examples than when it was first read: "
                    "expected it to stay as it is until the run has ended"
                )

    def _at(self, first: int) -> Where:
        """Return a function that names the examples of a piece, whose first is number `first`."""
        return lambda i: self.example(first + i)

    def _widen(self, piece: np.ndarray) -> None:
        """Widen the extremes by those of a piece."""
        axis = 0 if self.by_rows else 1
        if piece.shape[axis]:
            least, most = (end(piece, axis=axis).astype(np.float64) for end in (np.min, np.max))
            if self.extremes is not None:
                least = np.minimum(least, self.extremes[0])
                most = np.maximum(most, self.extremes[1])
            self.extremes = least, most


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
