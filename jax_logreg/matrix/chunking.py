"""Sparse matrices of SciPy's as chunks of nonzeros."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_dtype
from jax_logreg.hosts import most
from jax_logreg.matrix.sparse import Chunks, Sparse

# Nonzeros in a chunk. Wider chunks pay for more padding, narrower ones for more sums by segment;
# at 20 to 50 nonzeros a row, 8 and 16 are the fastest.
_WIDTH = 8


def from_scipy(S: Any, dtype: str) -> Sparse:
    """X (n, m) from any scipy.sparse matrix or array: duplicates summed, stored zeros dropped.

    Raises:
        InputError: no sparse matrix, or one of other entries than real numbers.
    """
    if not hasattr(S, "tocsr") or isinstance(S, type):
        raise InputError(f"S is {brief(S)}: expected a matrix or an array of scipy.sparse, (n, m)")
    if len(S.shape) != 2 or 0 in S.shape or S.dtype.kind not in "biuf":
        raise InputError(
            f"S is {S.dtype} of shape {S.shape}: expected real numbers (n, m), both at least 1"
        )
    dtype = check_dtype(dtype)
    # The order that S has, or that of its transpose, spares a conversion.
    by_column = S.format == "csc"
    one = canonical(S.T if by_column else S, dtype)
    # Whatever JAX's default: it would make float32 of what is asked for in float64.
    with jax.enable_x64(dtype == "float64" or jax.config.read("jax_enable_x64")):
        pair = _chunks(one), _chunks(one.T.tocsr())
    return Sparse(*(pair[::-1] if by_column else pair))


def split_scipy(
    S: Any, dtype: str, spans: list[slice], m: int, over_hosts: bool = False
) -> list[Sparse]:
    """The columns of each span, and empty ones up to m of them, as matrices of one structure,
    which may be that of other hosts' too.
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
    """The same with as many chunks each, those of zeros behind the last row's own."""
    size, longest = max(a.owner.size for a in parts), max(a.longest for a in parts)
    if over_hosts:
        size, longest = most(size, longest)
    filled = []
    for a in parts:
        missing = size - a.owner.size
        index, value = (np.pad(b, ((0, 0), (0, missing))) for b in (a.index, a.value))
        owner = np.pad(a.owner, (0, missing), constant_values=a.rows - 1)
        filled.append(Chunks(index, value, owner, a.starts, a.columns, longest))
    return filled


def canonical(S: Any, dtype: str) -> Any:
    """S as CSR in the dtype, without duplicates and stored zeros; S itself is left as it was."""
    if S.dtype not in (np.float32, np.float64):
        # Small integers would overflow where duplicates are summed.
        S = S.astype(np.float64)
    S = S.tocsr()
    if not S.has_canonical_format:
        S = S.copy()
        S.sum_duplicates()
    with np.errstate(over="ignore"):
        data = S.data.astype(dtype)
    if np.all(data):
        return type(S)((data, S.indices, S.indptr), shape=S.shape)
    S = type(S)((data, S.indices.copy(), S.indptr.copy()), shape=S.shape)
    S.eliminate_zeros()
    return S


def _chunks(S: Any) -> Chunks:
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
    return Chunks(
        jnp.asarray(index.reshape(-1, _WIDTH).T),
        jnp.asarray(value.reshape(-1, _WIDTH).T),
        jnp.asarray(np.repeat(np.arange(rows, dtype=np.int32), counts)),
        jnp.asarray(starts, jnp.int32),
        columns,
        int(counts.max()),
    )
