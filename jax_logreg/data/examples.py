"""Examples as they were read, and the scaling that makes features of them."""

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np

from jax_logreg.data.categories import Column
from jax_logreg.errors import InputError
from jax_logreg.hosts import share
from jax_logreg.matrix import Spread, spread_of_array
from jax_logreg.placement.memory import check_room

# Entries that are converted at a time: a block in float64 stays small beside X.
_BLOCK = 4_000_000
# Characters of a label: what is longer is no class, and every other label takes as much room.
_LONGEST = 1000


class Part(NamedTuple):
    """The part of one host among several equal parts of the examples."""

    number: int
    of: int

    def rows(self, m: int) -> slice:
        """Return the rows of the part among m examples."""
        return slice(m * self.number // self.of, m * (self.number + 1) // self.of)


class NoWeights(InputError):
    """The error of a file that lacks the weights it was to hold."""


class Examples(NamedTuple):
    """Raw numbers X (n, m), examples in columns, their m raw labels, or None, and m weights.

    `divisor` is 255 for pictures, which stay uint8. `first_line` is the line of a text file on
    which example 0 stands, else None. `weights` are None where every example counts once.
    `categories` are the columns that are no numbers, and no part of X. `notes` are lines to be said
    of what was read. `files` are the files of pictures, one an example, else empty.
    """

    X: np.ndarray
    labels: np.ndarray | None
    features: tuple[str, ...]
    source: str
    divisor: float = 1.0
    first_line: int | None = None
    weights: np.ndarray | None = None
    categories: tuple[Column, ...] = ()
    # The number of example 0, where these are a part.
    first: int = 0
    # Of pictures: height, width and perhaps colours, whose product is n; else empty.
    picture: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def example(self, i: int) -> str:
        """Example i as a person finds it."""
        if self.files:
            return f"example {self.first + i} ({self.files[i]})"
        if hasattr(self.X, "example"):
            # A stream knows the file.
            return str(self.X.example(i))
        i += self.first
        return f"example {i}" + (
            "" if self.first_line is None else f" (line {i + self.first_line})"
        )

    def check(self, fewest: int = 1) -> None:
        """Refuse too few examples, no features, NaN and infinity (InputError)."""
        n, m = self.X.shape
        if n + len(self.categories) == 0 or m < fewest:
            what = "examples" if n + len(self.categories) else "features"
            raise InputError(f"{self.source} holds no {what}: expected at least one")
        for rows in _blocks(self.X):
            finite = np.isfinite(self.X[rows])
            if not finite.all():
                feature, example = np.argwhere(~finite)[0]
                feature += rows.start
                raise InputError(
                    f"{self.source}: feature '{self.features[feature]}' of {self.example(example)} "
                    f"is {self.X[feature, example]}: expected a finite number: "
                    "leave that example out, or fill the value in"
                )

    def take(self, columns: np.ndarray) -> "Examples":
        """These examples only."""
        labels = None if self.labels is None else self.labels[columns]
        weights = None if self.weights is None else self.weights[columns]
        return self._replace(
            X=self.X[:, columns],
            labels=labels,
            weights=weights,
            categories=tuple(column.take(columns) for column in self.categories),
            files=tuple(self.files[i] for i in columns) if self.files else (),
        )

    def part(self, part: Part) -> "Examples":
        """One part of these, in buffers of its own."""
        rows = part.rows(self.X.shape[1])
        taken = self.take(np.arange(rows.start, rows.stop))
        return taken._replace(first=self.first + rows.start)


class Scaling(NamedTuple):
    """Features are (X − mean) / scale; mean and scale (n,), float64."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, examples: Examples, standardise: bool) -> "Scaling":
        """Weighted mean 0 and deviation 1 (a constant feature: 0), or the divisor alone."""
        X, s = examples.X, examples.weights
        n, m = X.shape
        if not standardise:
            return cls(np.zeros(n), np.full(n, examples.divisor))
        own = spread_of_array(X, np.ones(m) if s is None else s.astype(np.float64))
        # Each of several hosts sends the sums of its part.
        parts = share(lambda: {"weight": own.weight, "found": np.stack(own[1:])})
        of_each = [Spread(float(one["weight"]), *one["found"]) for one in parts]
        mean, scale = reduce(Spread.merged, of_each).standard()
        return cls(mean[:, 0], scale[:, 0])

    def apply(self, X: np.ndarray, dtype: str) -> np.ndarray:
        """Features (n, m) of raw numbers X (n, m), in the dtype, rounded once."""
        features = np.empty(X.shape, dtype)
        for rows in _blocks(X):
            mean, scale = self.mean[rows, None], self.scale[rows, None]
            with np.errstate(over="ignore"):
                features[rows] = (X[rows] - mean) / scale
        return features


def _blocks(X: np.ndarray) -> Iterator[slice]:
    """Slices of at least 16 features, a cache line of float32 where examples lie in rows."""
    n, m = X.shape
    size = max(_BLOCK // max(m, 1), 16)
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def numbered(n: int) -> tuple[str, ...]:
    """Names for n features that have none."""
    check_room(f"the names of {n} features", 80 * n)
    return tuple(f"x{i}" for i in range(n))


def label_values(labels: object) -> np.ndarray:
    """Labels as one-dimensional text, integers or numbers: 1.0 is 1, bytes are text.

    Raises:
        InputError: a text too long for a class, or no text.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "O":
        labels = labels.tolist()
    if isinstance(labels, list):
        _check_lengths(labels)
    labels = np.asarray(labels)
    if labels.dtype.kind == "S":
        check_room(f"{labels.size} labels of {labels.itemsize} bytes", 4 * labels.nbytes)
        labels = np.char.decode(labels, "utf-8")
    if labels.dtype.kind == "U":
        return _checked_text(labels)
    # Beyond 2^53, and for NaN and infinity, an integer would not be the same number.
    if labels.dtype.kind == "f" and np.all((np.abs(labels) < 2**53) & (labels == np.round(labels))):
        return labels.astype(np.int64)
    return labels


def _check_lengths(values: list[object]) -> None:
    longest = max((len(value) for value in values if isinstance(value, str | bytes)), default=0)
    if longest > _LONGEST:
        raise InputError(
            f"a label has {longest} characters: expected a class, of at most {_LONGEST}"
        )
    check_room(f"{len(values)} labels of up to {longest} characters", 4 * longest * len(values))


def _checked_text(labels: np.ndarray) -> np.ndarray:
    """The labels, in the machine's byte order."""
    labels = np.ascontiguousarray(labels, labels.dtype.newbyteorder("="))
    codes = labels.reshape(-1).view(np.uint32) if labels.itemsize else np.empty(0, np.uint32)
    if (codes > 0x10FFFF).any() or ((codes >= 0xD800) & (codes < 0xE000)).any():
        raise InputError("a label is no Unicode text: expected a class")
    return labels
