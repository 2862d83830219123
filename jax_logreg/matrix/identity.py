"""The digest of an X (n, m), the same wherever and however X is stored."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg.errors.describing import describe, digest
from jax_logreg.matrix.chunking import canonical
from jax_logreg.matrix.dense import Transposed
from jax_logreg.matrix.foreign import GivenX, SciPySparse, check_sparse, is_scipy
from jax_logreg.matrix.operations import is_array
from jax_logreg.matrix.sparse import Sparse
from jax_logreg.matrix.stacked import Stacked
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.matrix.streamed import Streamed
from jax_logreg.shapes import Matrix

# Entries of a strip of examples, which stays in a core's cache while it is transposed and digested.
_STRIP = 2**18
# Several threads share the strips: a digest takes longer than reading them.
_THREADS = 8
# Means and scales are sums, which round in another order on another number of cores. They may
# differ by these shares of a scale, and of a float32 mean.
_NEAR, _ROUNDED = 1e-4, 1e-6


class Identity(NamedTuple):
    """A line with the kind, shape and digest of X, and the (2, n) means and scales of its views."""

    line: str
    views: tuple[np.ndarray, ...]


def identify(X: GivenX, dtype: str) -> Identity:
    """Return the identity of X (n, m), which depends on every number of X.

    Arrays and SciPy matrices are digested as `dtype`, as a fit reads them, whatever their order in
    memory. A stream is read once. `are_near` compares the means and scales of a view.
    """
    views: list[np.ndarray] = []
    line = _line(X, dtype, views)
    return Identity(line, tuple(views))


def are_near(before: np.ndarray, now: np.ndarray) -> bool:
    """Return whether the means and scales (2, n) of two views are alike up to rounding."""
    if before.shape != now.shape:
        return False
    allowed = _NEAR * np.abs(now[1]) + _ROUNDED * np.abs(now[0])
    return bool(np.all(np.abs(before - now) <= allowed))


def _line(X: GivenX, dtype: str, views: list[np.ndarray]) -> str:
    if isinstance(X, Standardised):
        views.append(np.stack([np.asarray(a, np.float64).ravel() for a in (X.mean, X.scale)]))
        return f"Standardised {_line(X.X, _dtype_of(X.X, dtype), views)}"
    if isinstance(X, Stacked):
        return f"Stacked {' and '.join(_line(one, dtype, views) for one in X.matrices)}"
    if isinstance(X, Streamed):
        return _of_stream(X)
    if isinstance(X, Transposed):
        return _of_array(np.asarray(X.rows).T, str(X.dtype))
    if isinstance(X, Sparse):
        return _of_sparse(X.to_scipy(), str(X.dtype))
    if is_scipy(X):
        return _of_sparse(check_sparse(X), dtype)
    return _of_array(np.asarray(X), dtype) if is_array(X) else _of_matrix(X, dtype, views)


def _dtype_of(X: object, dtype: str) -> str:
    """Return the dtype that the inner matrix of a view keeps."""
    return str(X.dtype) if hasattr(X, "dtype") else dtype


def _of_array(X: np.ndarray, dtype: str) -> str:
    n, m = X.shape
    size = max(_STRIP // max(n, 1), 1)

    def of_strip(first: int) -> bytes:
        # A thread has error settings of its own.
        with np.errstate(over="ignore", invalid="ignore"):
            strip = np.ascontiguousarray(X[:, first : first + size].T, dtype)
        return blake2b(strip.data, digest_size=16).digest()

    strips = _over_threads(of_strip, range(0, m, size))
    return f"{dtype} of shape {X.shape} and digest {digest(b''.join(strips))}"


def _over_threads(f: Callable[[int], bytes], firsts: range) -> Iterable[bytes]:
    if len(firsts) < 2:
        return map(f, firsts)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
        return list(pool.map(f, firsts))


def _of_sparse(S: SciPySparse, dtype: str) -> str:
    rows = canonical(S.T, dtype)
    parts = (rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data)
    found = digest(b"".join(digest(np.ascontiguousarray(part).data).encode() for part in parts))
    return f"sparse {dtype} of shape {S.shape} and digest {found}"


def _of_stream(X: Streamed) -> str:
    assert X.ahead is not None
    found = blake2b(digest_size=16)
    for block in X.ahead.read_alone(np.dtype(X.stored)):
        found.update(np.ascontiguousarray(block).data)
    chosen = "" if X.chosen is None else f", features {describe(X.chosen)}"
    return (
        f"{X.stored} stream of shape {X.shape} in blocks of {X.size}{chosen} and digest "
        f"{found.hexdigest()}"
    )


def _of_matrix(X: Matrix, dtype: str, views: list[np.ndarray]) -> str:
    """Return the line of any other pytree: its structure, and the digest of its arrays."""
    within = partial(_is_known, X)
    leaves, kind = jax.tree.flatten(X, is_leaf=within)
    lines = "\n".join(
        describe(leaf) if hasattr(leaf, "__array__") else _line(leaf, dtype, views)
        for leaf in leaves
    )
    found = digest(f"{describe(kind)}\n{lines}".encode())
    return f"{type(X).__name__} of shape {tuple(X.shape)} and digest {found}"


def _is_known(outer: object, inner: object) -> bool:
    """Return whether a matrix within another has a line of its own."""
    kinds = Standardised, Stacked, Streamed, Transposed, Sparse
    return inner is not outer and isinstance(inner, kinds)
