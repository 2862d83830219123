"""Examples as the design of a linear program: features centred and scaled, the intercept below."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from jax_logreg.logistic import Params
from jax_logreg.matrix import is_array, read_examples
from jax_logreg.shapes import Matrix, NDArray

Vector = np.ndarray

# Entries of X in one block, and how many are kept between passes (128 MiB).
_BLOCK, _KEEP = 1 << 18, 1 << 24
# Examples of a first guess, and of the medians.
_SAMPLE = 1000


class Design:
    """The counted examples as D (p, m): free features, centred and scaled, above the intercept.

    Each example is divided by its largest entry. Features are centred at one of their own values
    and scaled by a power of 2, so that ties remain ties. Constant features are left to the
    intercept.
    """

    def __init__(
        self, X: Matrix | NDArray, index: Vector, columns: Vector, intercept: bool
    ) -> None:
        self.X, self.index = np.asarray(X) if is_array(X) else X, index
        self.columns, self.intercept, self.m = columns, intercept, len(index)
        dtype = np.dtype(self.X.dtype)
        eps = 0.0 if dtype.kind in "biu" else float(jnp.finfo(dtype).eps)
        # The rounding error of a margin; in float64 less than the LP allows anyway.
        self.tolerance, self.slack = max(8 * eps, 1e-9), 4 * eps
        sample = np.unique(np.linspace(0, self.m - 1, _SAMPLE).astype(int))
        self.centre = np.zeros((len(columns), 1))
        values = np.sort(self._read(sample), axis=1)
        if intercept:
            self.centre = values[:, [len(sample) // 2]]
        gap = np.sort(np.abs(values - self.centre), axis=1)
        middle = (np.sum(gap == 0, axis=1, keepdims=True) + len(sample)) // 2
        median = np.take_along_axis(gap, np.minimum(middle, len(sample) - 1), axis=1)
        total, count, size = np.zeros((3, len(columns), 1))
        for part in self.parts():
            gap = np.abs(self._read(part) - self.centre)
            total += gap.sum(axis=1, keepdims=True)
            count += np.count_nonzero(gap, axis=1)[:, None]
            size = np.maximum(size, gap.max(axis=1, keepdims=True))
        varies = (size > 4 * eps * np.abs(self.centre))[:, 0]
        self.columns, self.centre = columns[varies], self.centre[varies]
        typical = np.where(median > 0, median, total / np.maximum(count, 1))[varies]
        self.scale = np.exp2(np.round(np.log2(typical)))
        self.p = len(self.columns) + intercept
        self._kept = None
        if self.p * self.m <= _KEEP:
            self._kept = [self.examples(part) for part in self.parts()]

    def parts(self) -> list[slice]:
        """Blocks of examples that stay in cache."""
        size = max(1, _BLOCK // max(1, len(self.columns)))
        return [slice(i, min(i + size, self.m)) for i in range(0, self.m, size)]

    def _read(self, which: slice | Vector) -> Vector:
        at = self.index[which]
        if not is_array(self.X):
            return read_examples(self.X, at).astype(np.float64)[self.columns]
        run = isinstance(which, slice) and at[-1] - at[0] == len(at) - 1
        # A run of examples is a view.
        x = self.X[:, at[0] : at[-1] + 1] if run else self.X[:, at]
        return np.asarray(x if len(x) == len(self.columns) else x[self.columns], np.float64)

    def examples(self, which: slice | Vector) -> Vector:
        """D of these examples."""
        D = (self._read(which) - self.centre) / self.scale
        size = np.abs(D).max(axis=0, initial=1.0 if self.intercept else 0.0)
        size[size == 0] = 1
        D /= size
        return np.vstack([D, 1 / size]) if self.intercept else D

    def blocks(self) -> Iterator[tuple[slice, Vector]]:
        """D, block by block."""
        for i, part in enumerate(self.parts()):
            yield part, self.examples(part) if self._kept is None else self._kept[i]

    def enter(self, params: Params) -> Vector:
        """The direction d (p, k) of parameters."""
        w = np.asarray(params.w, np.float64)[self.columns]
        b = np.asarray(params.b, np.float64).T + self.centre.T @ w
        return np.vstack([w * self.scale, b]) if self.intercept else w * self.scale

    def leave(self, d: Vector) -> tuple[Vector, Vector]:
        """The weights and intercepts of a direction d (p, k)."""
        w = d[: len(self.columns)] / self.scale
        if not self.intercept:
            return w, np.zeros((d.shape[1], 1))
        b = d[-1:] - self.centre.T @ w
        terms = np.abs(d[-1:]) + np.abs(self.centre).T @ np.abs(w)
        return w, np.where(np.abs(b) > 1e-14 * terms, b, 0).T
