"""Views in a form that makes a fit as precise as a plain array does."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jax_logreg._jax.programs import program
from jax_logreg.arrays import as_array, is_numpy
from jax_logreg.matrix.dense import Transposed, new_buffer
from jax_logreg.matrix.foreign import SciPySparse, is_scipy
from jax_logreg.matrix.operations import is_array
from jax_logreg.matrix.read_ahead import Source
from jax_logreg.matrix.sparse import Sparse
from jax_logreg.matrix.spread import power_of_two, tiles
from jax_logreg.matrix.stacked import Stacked
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.matrix.streamed import Streamed, stream
from jax_logreg.shapes import Array, NDArray

# Up to these scales, and means in units of them, a view loses about a digit. Its squares are far
# within float32.
_SCALE, _MEAN = 2.0**20, 16.0
# The largest power of 2 that float32 has together with its reciprocal.
_LARGEST_UNIT = 2.0**125


def settle(X: object, dtype: str) -> Any:
    """X with its views in the dtype: mean and scale are float64 until here.

    A view of a NumPy array is formed. Where a view would lose digits, so are a JAX array and the
    blocks of a stream. So are the features of a sparse matrix that would lose digits: few of their
    entries are 0. Another inner matrix is brought to units near 1, which is exact.
    """
    if isinstance(X, Stacked):
        return Stacked(tuple(settle(one, dtype) for one in X.matrices))
    if not isinstance(X, Standardised):
        return X
    mean, scale = (np.asarray(part, np.float64) for part in (X.mean, X.scale))
    inner = settle(X.X, dtype)
    if isinstance(inner, Stacked):
        ends = np.cumsum([one.shape[0] for one in inner.matrices])[:-1]
        parts = zip(inner.matrices, np.split(mean, ends), np.split(scale, ends), strict=True)
        views = (Standardised(one, *map(as_array, moments)) for one, *moments in parts)
        return Stacked(tuple(settle(view, dtype) for view in views))
    if isinstance(inner, Transposed) and is_numpy(inner.rows):
        inner = np.asarray(inner.rows).T
    if isinstance(inner, np.ndarray):
        return _form(inner, mean, scale, dtype)
    wild, far = (scale > _SCALE) | (scale < 1 / _SCALE), np.abs(mean) > _MEAN * scale
    lossy = bool(np.any(wild | far))
    if lossy and isinstance(inner, Transposed):
        return Transposed(_form_placed(inner.rows, mean.T, scale.T, dtype))
    if lossy and is_array(inner):
        return _form_placed(inner, mean, scale, dtype)
    if isinstance(inner, Streamed) and inner.ahead is not None and lossy:
        extremes = tuple(((end - mean) / scale)[:, 0] for end in inner.ahead.extremes())
        source = Scaled(inner.ahead.source, mean, scale, dtype, extremes)
        return stream(source, inner.size)
    if np.any(far) and (isinstance(inner, Sparse) or is_scipy(inner)):
        inner = _filled(inner, mean, scale, far[:, 0])
        mean, scale = np.where(far, 0, mean), np.where(far, 1, scale)
        wild &= ~far
    if np.any(wild) and not isinstance(inner, Streamed):
        unit = np.where(wild, power_of_two(scale), 1)
        if not is_scipy(inner):
            unit = np.clip(unit, 1 / _LARGEST_UNIT, _LARGEST_UNIT)
        near = _rescaled(inner, 1 / unit)
        if near is not None:
            inner, mean, scale = near, mean / unit, scale / unit
    with np.errstate(over="ignore"):
        return Standardised(inner, *(as_array(part.astype(dtype)) for part in (mean, scale)))


def _form(X: np.ndarray, mean: np.ndarray, scale: np.ndarray, dtype: str) -> np.ndarray:
    """(X − mean) / scale in the dtype, rounded once, in a buffer of its own."""
    found = new_buffer(X.shape, dtype)
    for rows, columns in tiles(X.shape):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found[rows, columns] = (X[rows, columns] - mean[rows]) / scale[rows]
    return found


def _form_placed(X: NDArray, mean: np.ndarray, scale: np.ndarray, dtype: str) -> Array:
    """`_form` of an array of JAX, where it lies; the mean is its rounded value and the rest."""
    unit = np.clip(power_of_two(scale), 1 / _LARGEST_UNIT, _LARGEST_UNIT)
    near = mean / unit
    first = near.astype(dtype)
    parts = (1 / unit, first, near - first, scale / unit)
    return _standard(X.astype(dtype), *(part.astype(dtype) for part in parts))


@program
def _standard(X: Array, factor: Array, first: Array, second: Array, scale: Array) -> Array:
    return ((X * factor - first) - second) / scale


def _filled(
    X: Sparse | SciPySparse, mean: np.ndarray, scale: np.ndarray, which: np.ndarray
) -> SciPySparse:
    """A sparse X (n, m) of SciPy, its features `which` (n,) formed, the others as they are.

    Where a share p of the entries is one number, and the others are 0, mean / scale is
    √(p / (1 − p)).
    """
    from scipy import sparse

    rows = (X.to_scipy() if isinstance(X, Sparse) else X).astype(np.float64).tocsr()
    formed = _form(rows[which].toarray(), mean[which], scale[which], "float64")
    parts = sparse.vstack([rows[~which], sparse.csr_array(formed)], format="csr")
    return parts[np.argsort(np.concatenate([np.flatnonzero(~which), np.flatnonzero(which)]))]


def _rescaled(X: object, factor: np.ndarray) -> object:
    """Each feature of a matrix times a power of 2, (n, 1); None where a matrix cannot do so."""
    if is_scipy(X):
        return X.astype(np.float64).multiply(factor)
    return X.rescaled(factor) if hasattr(X, "rescaled") else None


class Scaled:
    """A source whose features are (x − mean) / scale, computed in float64, in the dtype.

    `extremes` are the least and the largest of each feature, (n,).
    """

    def __init__(
        self,
        source: Source,
        mean: np.ndarray,
        scale: np.ndarray,
        dtype: str,
        extremes: tuple[np.ndarray, ...],
    ) -> None:
        self.source, self.dtype = source, np.dtype(dtype)
        self.mean, self.scale, self.extremes = mean, scale, extremes

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.source.shape

    @property
    def by_rows(self) -> bool:
        """Return whether pieces of the source have a row an example."""
        return self.source.by_rows

    def pieces(self, first: int, size: int) -> Iterator[np.ndarray]:
        """The examples from `first` on, in pieces.

        Raises:
            InputError: as of the source.
        """
        mean, scale = (part.T if self.by_rows else part for part in (self.mean, self.scale))
        for piece in self.source.pieces(first, size):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                scaled = ((piece - mean) / scale).astype(self.dtype)
            yield scaled
