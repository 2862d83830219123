"""Sparse matrices of SciPy as chunks of nonzeros."""

import jax
import numpy as np

from jax_logreg.arrays import as_array
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_dtype
from jax_logreg.hosts import most
from jax_logreg.matrix.foreign import SciPyCompressed, SciPySparse, is_scipy
from jax_logreg.matrix.sparse import Chunks, Sparse

# Nonzeros in a chunk. Wider chunks pay for more padding, narrower ones for more sums by segment. At
# 20 to 50 nonzeros a row, 8 and 16 are the fastest.
_WIDTH = 8


def from_scipy(S: object, dtype: str) -> Sparse:
    """X (n, m) from any scipy.sparse matrix or array: duplicates summed, stored zeros dropped.

    Raises:
        InputError: an S that is no sparse matrix of real numbers, or an empty one.
    """
    if not is_scipy(S) or isinstance(S, type):
        raise InputError(
            f"S is {brief(S)}: expected a matrix or an array of scipy.sparse, (n, m): "
            "scipy.sparse.csr_array(S) makes one of an array"
        )
    if len(S.shape) != 2 or 0 in S.shape or S.dtype.kind not in "biuf":
        raise InputError(
            f"S is {S.dtype} of shape {S.shape}: expected real numbers (n, m), features x "
            "examples, both at least 1"
        )
    dtype = check_dtype(dtype)
    # Chunks by rows and by columns are both made: to start in the order that S has spares a
    # conversion.
    by_column = S.format == "csc"
    one = canonical(S.T if by_column else S, dtype)
    # By default JAX would make float32 of float64.
    with jax.enable_x64(dtype == "float64" or jax.config.read("jax_enable_x64")):
        pair = _chunks(one), _chunks(one.T.tocsr())
    return Sparse(*(pair[::-1] if by_column else pair))


def split_scipy(
    S: SciPySparse, dtype: str, spans: list[slice], m: int, over_hosts: bool = False
) -> list[Sparse]:
    """The columns of each span, and empty ones up to m of them, as matrices of one structure.

    With `over_hosts` all hosts have that structure.
    """
    rows, parts = canonical(S.T, dtype), []
    for span in spans:
        part = rows[span]
        part.resize(m, S.shape[0])
        parts.append(from_scipy(part.T, dtype))
    by_feature = _alike([part.by_feature for part in parts], over_hosts)
    by_example = _alike([part.by_example for part in parts], over_hosts)
    return [Sparse(*pair) for pair in zip(by_feature, by_example, strict=True)]


def _alike(parts: list[Chunks], over_hosts: bool) -> list[Chunks]:
    """The parts with as many chunks each: chunks of zeros follow those of the last row."""
    size, longest = max(a.owner.size for a in parts), max(a.longest for a in parts)
    if over_hosts:
        size, longest = most(size, longest)
    filled = []
    for a in parts:
        missing = size - a.owner.size
        padding = (0, 0), (0, missing)
        index, value = (as_array(np.pad(b, padding)) for b in (a.index, a.value))
        owner = as_array(np.pad(a.owner, (0, missing), constant_values=a.rows - 1))
        filled.append(Chunks(index, value, owner, a.starts, a.columns, longest))
    return filled


def canonical(S: SciPySparse, dtype: str) -> SciPyCompressed:
    """S as CSR in the dtype, without duplicates and stored zeros; S itself does not change."""
    if S.dtype not in (np.float32, np.float64):
        # Small integers would overflow where duplicates are summed.
        S = S.astype(np.float64)
    rows = S.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    with np.errstate(over="ignore"):
        data = rows.data.astype(dtype)
    if np.all(data):
        return type(rows)((data, rows.indices, rows.indptr), shape=S.shape)
    rows = type(rows)((data, rows.indices.copy(), rows.indptr.copy()), shape=S.shape)
    rows.eliminate_zeros()
    return rows


def _chunks(S: SciPyCompressed) -> Chunks:
    """The rows of a CSR matrix (rows, columns) cut into chunks."""
    rows, columns = S.shape
    lengths = np.diff(S.indptr)
    counts = -(-lengths // _WIDTH)
    first = S.indices[S.indptr[:-1][counts > 0]]
    if S.nnz == 0:
        counts[0], first = 1, np.zeros(1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    holes = _WIDTH * counts - lengths
    hole = np.repeat(_WIDTH * starts[1:] - np.cumsum(holes), holes) + np.arange(holes.sum())
    filled = np.ones(_WIDTH * starts[-1], bool)
    filled[hole] = False
    index = np.repeat(first.astype(np.int32), _WIDTH * counts[counts > 0])
    value = np.zeros(index.shape, S.dtype)
    index[filled], value[filled] = S.indices, S.data
    owner = np.repeat(np.arange(rows, dtype=np.int32), counts)
    # `jnp.asarray` would compile a program of each shape.
    numbers = (index.reshape(-1, _WIDTH).T, value.reshape(-1, _WIDTH).T, owner)
    index, value, owner, starts = jax.device_put((*numbers, starts.astype(np.int32)))
    return Chunks(index, value, owner, starts, columns, int(counts.max()))
