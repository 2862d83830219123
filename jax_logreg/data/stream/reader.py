"""Several files, one after the other, as the examples of one X."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jax_logreg.data.columns import check_excluded
from jax_logreg.data.formats import FORMATS, DataFile, Names
from jax_logreg.data.spelling import values_of
from jax_logreg.data.stream.finding import find_files, notes_on_hidden
from jax_logreg.errors import InputError

# Entries of a piece of the first pass.
_PIECE = 2**22


class Reader:
    """The examples of several files, or those `chosen` (m,), read again in each pass.

    It is a `matrix.read_ahead.Source`.
    """

    def __init__(
        self, parts: list[DataFile], chosen: np.ndarray | None = None, notes: tuple[str, ...] = ()
    ) -> None:
        self.parts, self.chosen, self._notes = parts, chosen, notes
        self.starts = np.cumsum([0, *(part.length for part in parts)])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        m = int(self.starts[-1]) if self.chosen is None else len(self.chosen)
        return len(self.parts[0].features), m

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the numbers of all files."""
        return np.result_type(*(part.dtype for part in self.parts))

    @property
    def divisor(self) -> float:
        """255 for pictures, else 1."""
        return self.parts[0].divisor

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features."""
        return self.parts[0].features

    @property
    def labels(self) -> np.ndarray:
        """The raw labels (m,)."""
        found = [np.asarray(part.labels) for part in self.parts]
        texts = [labels for part, labels in zip(self.parts, found, strict=True) if part.spelled]
        if texts:
            # With 01 in one file, the 1 of another is text too.
            kind = values_of(np.unique(np.concatenate(texts)).tolist()).dtype.kind
            found = [
                labels.astype(np.int64) if part.spelled and kind == "i" else labels
                for part, labels in zip(self.parts, found, strict=True)
            ]
        return self._of_all(found, "labels")

    @property
    def notes(self) -> tuple[str, ...]:
        """Findings for the user; of the same finding in many files, that of the first."""
        lines = [(line.removeprefix(str(p.path)), line) for p in self.parts for line in p.notes]
        return (*self._notes, *tuple(dict(reversed(lines)).values())[::-1])

    def example(self, i: int) -> str:
        """Return the name of example i, as a person finds it, and its file if there are several."""
        at = int(i if self.chosen is None else self.chosen[i])
        number = int(np.searchsorted(self.starts, at, side="right")) - 1
        part = self.parts[number]
        found = part.example(at - int(self.starts[number]))
        return found if len(self.parts) == 1 else f"{found} of {part.path}"

    @property
    def weights(self) -> np.ndarray | None:
        """The weights (m,), None where every example counts once."""
        found = [part.weights for part in self.parts if part.weights is not None]
        return self._of_all(found, "weights") if found else None

    def _of_all(self, found: list[np.ndarray], what: str) -> np.ndarray:
        for part, values in zip(self.parts, found, strict=True):
            text, first = values.dtype.kind == "U", found[0].dtype.kind == "U"
            if text != first:
                kinds = "text", "numbers"
                raise InputError(
                    f"{part.path} has {what} that are {kinds[not text]}: expected "
                    f"{kinds[not first]}, as {self.parts[0].path} has"
                )
        values = np.concatenate(found)
        return values if self.chosen is None else values[self.chosen]

    @property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest number of each feature, (n,), over all examples."""
        ends = zip(*(part.extremes for part in self.parts if part.length), strict=True)
        least, most = (np.stack(each) for each in ends)
        return least.min(axis=0), most.max(axis=0)

    @property
    def by_rows(self) -> bool:
        """Return whether the files have a row an example, rather than a column a feature."""
        return self.parts[0].by_rows

    def __getitem__(self, key: tuple[slice, np.ndarray]) -> "Reader":
        """X[:, columns]: the examples of these numbers, which ascend."""
        _, columns = key
        chosen = np.asarray(columns if self.chosen is None else self.chosen[columns])
        return Reader(self.parts, chosen)

    def pieces(self, first: int, size: int) -> Iterator[np.ndarray]:
        """Yield the examples from `first` on, in pieces.

        Raises:
            InputError: a file that cannot be read, or has changed.
        """
        if self.chosen is None:
            yield from self._all(first, size)
        elif first < len(self.chosen):
            at = int(self.chosen[first])
            for piece in self._all(at, size):
                length = piece.shape[0 if self.by_rows else 1]
                here = slice(*np.searchsorted(self.chosen, [at, at + length]))
                wanted = self.chosen[here] - at
                at += length
                if len(wanted):
                    yield piece[wanted] if self.by_rows else np.take(piece, wanted, axis=1)

    def _all(self, first: int, size: int) -> Iterator[np.ndarray]:
        for part, start, end in zip(self.parts, self.starts, self.starts[1:], strict=False):
            if first < end:
                yield from part.pieces(max(first - int(start), 0), size)


def open_reader(paths: Sequence[Path], names: Names, like: Reader | None = None) -> Reader:
    """Return a reader of the files of some paths, all read once: for labels, weights and length.

    With `like` they have the features of that reader.

    Raises:
        InputError: no file, one that does not fit the others, or an entry that is not finite.
    """
    files = [file for path in paths for file in find_files(path, names)]
    parts = [FORMATS[file.suffix.lower()](file, names) for file in files]
    if like is None and names.exclude:
        _check_excluded(paths[0], parts, names.exclude)
    parts = [part for part in parts if part.features]
    for part in parts:
        _match(parts[0] if like is None else like.parts[0], part)
    for part in parts:
        for _ in part.read(max(_PIECE // max(len(part.features), 1), 1)):
            pass
    filled = [part for part in parts if part.length]
    if not filled:
        raise InputError(f"{paths[0]} holds no examples: expected at least one")
    return Reader(filled, notes=notes_on_hidden(paths))


def _check_excluded(path: Path, parts: list[DataFile], exclude: Sequence[str]) -> None:
    columns = [part.columns for part in parts if part.columns is not None]
    if not columns:
        raise InputError(
            f"{path} has no columns to leave out: data.exclude names those of tables: leave it out"
        )
    check_excluded(path, dict.fromkeys(name for names in columns for name in names), exclude)


def _match(first: DataFile, part: DataFile) -> None:
    """Give a file the features of the first one, or refuse it."""
    if part.by_rows != first.by_rows or part.divisor != first.divisor:
        raise InputError(
            f"{part.path} is of another kind than {first.path}: expected files of one kind: save "
            "them alike"
        )
    # Columns go by their names.
    if set(part.features) != set(first.features):
        raise InputError(_unlike(first, part))
    part.features = first.features


def _unlike(first: DataFile, other: DataFile) -> str:
    lacking = [name for name in first.features if name not in other.features]
    more = [name for name in other.features if name not in first.features]
    which = f"lacks '{lacking[0]}'" if lacking else f"has '{more[0]}' too"
    return (
        f"{other.path} has {len(other.features)} features and {which}: expected the "
        f"{len(first.features)} of {first.path}"
    )
