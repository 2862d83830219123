"""Mean and deviation of each feature, in float64 on the host, of numbers of any size."""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.matrix.foreign import SciPySparse, is_scipy
from jax_logreg.matrix.operations import is_array

# Entries that are read in float64 at a time, and how many features they are of: where examples lie
# in rows, as many as a cache line of float32 holds.
_BLOCK, _FEWEST = 2**20, 16


class Spread(NamedTuple):
    """Weighted mean, deviation, least and largest of each feature, (n, 1).

    Examples of weight 0 do not count. `weight` is the sum of the weights.
    """

    weight: float
    mean: np.ndarray
    deviation: np.ndarray
    least: np.ndarray
    largest: np.ndarray

    def merged(self, other: "Spread") -> "Spread":
        """The spread of the examples of both (Chan, Golub and LeVeque, 1979).

        `hypot` adds deviations: it neither over- nor underflows.
        """
        if 0 in (self.weight, other.weight):
            return other if self.weight == 0 else self
        total = self.weight + other.weight
        a, b = self.weight / total, other.weight / total
        with np.errstate(invalid="ignore"):
            apart = other.mean - self.mean
        own = np.hypot(a**0.5 * self.deviation, b**0.5 * other.deviation)
        return Spread(
            total,
            self.mean + b * apart,
            np.hypot(own, (a * b) ** 0.5 * apart),
            np.minimum(self.least, other.least),
            np.maximum(self.largest, other.largest),
        )

    def standard(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale (n, 1) that make a feature standard; a constant feature becomes 0.

        So its mean is its value: rounding may leave it a tiny deviation from a computed mean.
        """
        constant = self.least == self.largest
        return np.where(constant, self.least, self.mean), np.where(constant, 1.0, self.deviation)


def power_of_two(values: np.ndarray) -> np.ndarray:
    """The largest power of 2 that is at most each value, and 1 for 0. To divide by it is exact."""
    _, exponent = np.frexp(values)
    return np.where(values > 0, np.ldexp(1.0, exponent - 1), 1.0)


def spread(X: object, s: np.ndarray) -> Spread:
    """Weighted mean and deviation of each feature of X (n, m) under s (m,), in float64."""
    if hasattr(X, "spread"):
        found: Spread = X.spread(s)
        return found
    if is_scipy(X):
        return spread_of_nonzeros(X, s)
    if is_array(X):
        return spread_of_array(np.asarray(X), s)
    raise InputError(
        f"X is a {type(X).__name__}, whose mean and deviation are not known: expected an array, a "
        "SciPy sparse matrix, or a matrix of jax_logreg.matrix: pass both, as "
        "Standardised(X, mean, scale)"
    )


def spread_of_array(X: np.ndarray, s: np.ndarray) -> Spread:
    """The spread of X (n, m) under weights s (m,)."""
    found = [] if len(X) else [_nothing(0)]
    for rows in _slices(X.shape[0], _FEWEST):
        parts = [_of_block(X[rows, at], s[at]) for at in _slices(X.shape[1], _BLOCK // _FEWEST)]
        found.append(reduce(Spread.merged, parts, _nothing(X[rows].shape[0])))
    columns = (np.concatenate(each) for each in zip(*(part[1:] for part in found), strict=True))
    return Spread(found[0].weight, *columns)


def spread_of_blocks(blocks: Iterable[np.ndarray], s: np.ndarray) -> Spread:
    """The spread of an X whose examples come block after block, (n, b) each, under s (m,)."""
    found, first = None, 0
    for block in blocks:
        # The last block may be filled up with zeros.
        own = _of_block(block[:, : len(s) - first], s[first : first + block.shape[1]])
        found, first = own if found is None else found.merged(own), first + block.shape[1]
    assert found is not None
    return found


def spread_of_nonzeros(S: SciPySparse, s: np.ndarray) -> Spread:
    """The spread of a SciPy sparse matrix (n, m) under weights s (m,)."""
    rows = S.tocsc()[:, np.flatnonzero(s > 0)].astype(np.float64).tocsr()
    rows.sum_duplicates()
    s, total = s[s > 0], float(s.sum())
    n, m = rows.shape
    stored = np.diff(rows.indptr)
    owner, full = np.repeat(np.arange(n), stored), stored == m
    # 0 is an entry of each feature that is not full.
    least, largest = np.where(full, np.inf, 0), np.where(full, -np.inf, 0)
    with np.errstate(invalid="ignore"):
        np.minimum.at(least, owner, rows.data)
        np.maximum.at(largest, owner, rows.data)
        unit = power_of_two(np.maximum(np.abs(least), np.abs(largest)))
        data, own = rows.data / unit[owner], s[rows.indices]
        mean = np.bincount(owner, own * data, n) / total
        squares = np.bincount(owner, own * (data - mean[owner]) ** 2, n)
        absent = np.where(full, 0, np.maximum(total - np.bincount(owner, own, n), 0))
        deviation = np.sqrt((squares + absent * mean**2) / total)
        columns = (part[:, None] for part in (mean * unit, deviation * unit, least, largest))
        return Spread(total, *columns)


def tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Features and examples of an array (n, m), about _BLOCK entries at a time."""
    return product(_slices(shape[0], _FEWEST), _slices(shape[1], _BLOCK // _FEWEST))


def _slices(count: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]


def _nothing(n: int) -> Spread:
    return Spread(0.0, *np.zeros((4, n, 1)))


def _of_block(x: np.ndarray, s: np.ndarray) -> Spread:
    if not np.all(s > 0):
        x, s = x[:, s > 0], s[s > 0]
    n, total = len(x), float(s.sum())
    if not s.size:
        return _nothing(n)
    x = x.astype(np.float64)
    least, largest = (end(x, axis=1, keepdims=True) for end in (np.min, np.max))
    unit = power_of_two(np.maximum(np.abs(least), np.abs(largest)))
    with np.errstate(invalid="ignore"):
        x = x / unit
        mean = (x @ s[:, None]) / total
        # About the mean: a difference of squares would cancel. `shift` is the mean's own rounding.
        rest = x - mean
        shift = (rest @ s[:, None]) / total
        deviation = np.sqrt(np.maximum((rest**2 @ s[:, None]) / total - shift**2, 0))
        return Spread(total, (mean + shift) * unit, deviation * unit, least, largest)
