"""Examples as they were read, and the scaling that makes features of them."""

from collections.abc import Callable, Iterator, Sequence
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
# Characters of a label: a longer text is no class, and every other label takes as much memory.
_LONGEST = 1000


class Part(NamedTuple):
    """One host's part among several equal parts of the examples."""

    number: int
    of: int

    def rows(self, m: int) -> slice:
        """Return the rows of the part among m examples."""
        return slice(m * self.number // self.of, m * (self.number + 1) // self.of)


class NoWeights(InputError):
    """The error of a file without the weights that were asked for."""


# Names an example, given by its number, as a person finds it.
Where = Callable[[int], str]


def check_finite(X: np.ndarray, source: object, features: Sequence[str], example: Where) -> None:
    """Refuse NaN and infinity among X (n, m), by feature and example (InputError)."""
    if X.dtype.kind != "f":
        return
    for rows in _blocks(X):
        finite = np.isfinite(X[rows])
        if not finite.all():
            feature, i = (int(one) for one in np.argwhere(~finite)[0])
            feature += rows.start
            raise InputError(
                f"{source}: feature '{features[feature]}' of {example(i)} is {X[feature, i]}: "
                "expected a finite number: leave that example out, or fill the value in"
            )


def check_labels(source: object, labels: np.ndarray, n: int, m: int) -> None:
    """Refuse labels of another shape than (m,), for m examples of n features (InputError)."""
    if labels.shape != (m,):
        mend = "; did you mean its transpose?" if labels.shape == (n,) else ""
        raise InputError(
            f"{source} holds {m} examples of {n} features, one a row, but labels of shape "
            f"{labels.shape}: expected ({m},), a label for each example{mend}"
        )


def check_weights(
    source: object, weights: np.ndarray | None, name: str, m: int, example: Where
) -> None:
    """Refuse weights that are no finite numbers of at least 0 (InputError)."""
    if weights is None:
        raise NoWeights(
            f"{source} can hold no weights: data.weights names a column of .csv and .parquet, or "
            "an array of .npz and .h5: leave it out"
        )
    if weights.dtype.kind not in "buif" or weights.shape != (m,):
        raise InputError(
            f"{source}: the weights '{name}' are {weights.dtype} of shape "
            f"{weights.shape}: expected a number for each of the {m} examples"
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"{source}: the weight '{name}' of {example(int(wrong[0]))} is "
            f"{weights[wrong[0]]:g}: expected a finite number, 0 or larger: mend the weight"
        )


class Examples(NamedTuple):
    """Raw numbers X (n, m), examples in columns, with m raw labels and m weights.

    `divisor` is 255 for pictures, which stay uint8. `labels` are None where they are not wanted,
    `weights` where every example counts once. `categories` are columns of text, no part of X.
    `notes` are findings in the file. `files` are the files of pictures, one an example, else empty.
    `where` names an example, given by its number, as a person finds it in the file.
    """

    X: np.ndarray
    labels: np.ndarray | None
    features: tuple[str, ...]
    source: str
    divisor: float = 1.0
    weights: np.ndarray | None = None
    categories: tuple[Column, ...] = ()
    # The number of example 0, where these are a part.
    first: int = 0
    # Height, width and perhaps colours of pictures, whose product is n; else empty.
    picture: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    where: Where | None = None

    def example(self, i: int) -> str:
        """Return the name of example i, as a person finds it."""
        if hasattr(self.X, "example"):
            # A stream also names the file.
            return str(self.X.example(i))
        i += self.first
        return f"example {i}" if self.where is None else self.where(i)

    def check(self, fewest: int = 1) -> None:
        """Refuse too few examples, no features, NaN and infinity (InputError)."""
        n, m = self.X.shape
        if n + len(self.categories) == 0 or m < fewest:
            what = "examples" if n + len(self.categories) else "features"
            raise InputError(f"{self.source} holds no {what}: expected at least one")
        check_finite(self.X, self.source, self.features, self.example)

    def take(self, columns: np.ndarray) -> "Examples":
        """Return these examples."""
        labels = None if self.labels is None else self.labels[columns]
        weights = None if self.weights is None else self.weights[columns]
        whose = self.example
        return self._replace(
            # `where` has the numbers that examples have in the file.
            first=0,
            where=lambda i: whose(int(columns[i])),
            X=self.X[:, columns],
            labels=labels,
            weights=weights,
            categories=tuple(column.take(columns) for column in self.categories),
            files=tuple(self.files[i] for i in columns) if self.files else (),
        )

    def part(self, part: Part) -> "Examples":
        """Return one part of the examples, in buffers of its own."""
        rows = part.rows(self.X.shape[1])
        return self.take(np.arange(rows.start, rows.stop))


class Scaling(NamedTuple):
    """Features are (X − mean) / scale; mean and scale (n,), float64."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, examples: Examples, standardise: bool) -> "Scaling":
        """Return the scaling to weighted mean 0 and deviation 1, or by the divisor alone.

        A constant feature becomes 0.
        """
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
        """Return features (n, m) of raw numbers X (n, m), in the dtype, rounded once."""
        features = np.empty(X.shape, dtype)
        for rows in _blocks(X):
            mean, scale = self.mean[rows, None], self.scale[rows, None]
            with np.errstate(over="ignore"):
                features[rows] = (X[rows] - mean) / scale
        return features


def _blocks(X: np.ndarray) -> Iterator[slice]:
    """Return slices of at least 16 features, a cache line of float32 where examples are rows."""
    n, m = X.shape
    size = max(_BLOCK // max(m, 1), 16)
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def numbered(n: int) -> tuple[str, ...]:
    """Return names for n features without names."""
    check_room(f"the names of {n} features", 80 * n)
    return tuple(f"x{i}" for i in range(n))


def label_values(labels: object) -> np.ndarray:
    """Return labels as text, integers or numbers: 1.0 becomes 1, and bytes text.

    Raises:
        InputError: a text too long for a class, or bytes that are no Unicode text.
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
    # Beyond 2^53, and for NaN and infinity, an integer would be another number.
    if labels.dtype.kind == "f":
        # Half precision does not hold 2^53.
        values = labels.astype(np.float64)
        if np.all((np.abs(values) < 2**53) & (values == np.round(values))):
            return labels.astype(np.int64)
    return labels


def _check_lengths(values: list[object]) -> None:
    longest = max((len(value) for value in values if isinstance(value, str | bytes)), default=0)
    if longest > _LONGEST:
        raise InputError(
            f"a label has {longest} characters: expected a class, of at most {_LONGEST}: name the "
            "column of labels with data.label"
        )
    check_room(f"{len(values)} labels of up to {longest} characters", 4 * longest * len(values))


def _checked_text(labels: np.ndarray) -> np.ndarray:
    """Return the labels in the machine's byte order."""
    labels = np.ascontiguousarray(labels, labels.dtype.newbyteorder("="))
    codes = labels.reshape(-1).view(np.uint32) if labels.itemsize else np.empty(0, np.uint32)
    if (codes > 0x10FFFF).any() or ((codes >= 0xD800) & (codes < 0xE000)).any():
        raise InputError("a label is no Unicode text: expected a class: save the labels as UTF-8")
    return labels
