"""Operations on X beyond its two products, the same for arrays and for matrices.

n features, m examples in columns, q the size of an index. A matrix that is no array offers each
function as a method, and its shape and dtype.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, TypeGuard

import jax
import numpy as np
from jax.tree_util import treedef_is_leaf

from jax_logreg._jax.programs import program
from jax_logreg.arrays import arange_like, as_array, fold, is_numpy, slice_of
from jax_logreg.arrays import xp as jnp
from jax_logreg.matrix.foreign import GivenX, is_scipy
from jax_logreg.shapes import Array, Float, Integer, Matrix, NDArray, T, TypeIs, X_nm

# Entries of a block of examples, 4 MB in float32, and the fewest examples that fill a product.
_BLOCK, _FEWEST = 2**20, 256
# Features from which half of a Gram matrix takes less time than the whole. Of 10 features it takes
# three times as long, of 200 two thirds.
_HALVED = 64


class InBlocks(Protocol):
    """A matrix whose examples come in blocks, by the methods of `over_blocks` and `each_block`."""

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """The sum of f(X of some examples, shared, their rows (r, b))."""

    def each_block(self, f: Callable[..., T], carry: T, *rows: Array) -> T:
        """The carry after f(carry, X of some examples, their rows (r, b)), block after block."""


def is_array(X: object) -> TypeIs[NDArray]:
    """Return whether X is read as a dense array, and not only used through its two products.

    A sparse matrix of SciPy is no array.
    """
    if type(X) is np.ndarray:
        return True
    if is_scipy(X):
        return False
    return not hasattr(X, "__rmatmul__") or treedef_is_leaf(jax.tree.structure(X))


def mean_absolute(
    X: X_nm, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
) -> Float[Array, "n 1"]:
    """Weighted mean of |X − centre| over the examples, Σ s·|X − centre| / Σ s, (n, 1)."""
    if not is_array(X):
        return X.mean_absolute(s, centre)
    return _weighted_sum(lambda X: jnp.abs(_centred(X, centre)), X, s) / jnp.sum(s)


def magnitude(X: X_nm, s: Float[Array, "1 m"]) -> Float[Array, "n 1"]:
    """The mean size of what a product sums for each feature, (n, 1): rounding is relative to it.

    For most it is the mean of |X|. A view, which subtracts its mean after the sum, has another.
    """
    return X.magnitude(s) if hasattr(X, "magnitude") else mean_absolute(X, s)


def squares(
    X: X_nm, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
) -> Float[Array, "n 1"]:
    """Σ d·(X − centre)² over the examples, (n, 1), for d (1, m), centre (n, 1).

    Without a centre it is the diagonal of the Gram matrix.
    """
    if not is_array(X):
        return X.squares(d, centre)
    return _weighted_sum(lambda X: jnp.square(_centred(X, centre)), X, d)


def _weighted_sum(f: Callable[[Array], Array], X: Array, d: Float[Array, "1 m"]) -> Array:
    """Σ d·f(X) over the examples, (n, 1), for a function of each entry."""
    if not is_numpy(X, d):
        # One fused reduction: a product would first write f(X) out.
        return jnp.sum(f(X) * d, axis=1, keepdims=True)

    def of_block(first: Array, d: Float[Array, "1 m"]) -> Array:
        return f(slice_of(X, first, d.size, 1)) @ d.T

    return sum_blocks(of_block, d, X.shape[0])


def extremes(X: X_nm) -> tuple[Array, Array]:
    """The least and the largest X of each feature, (n, 1) each, not finite where an entry is not.

    0 may count as an entry where a matrix pads with zeros or leaves them out.
    """
    return ends(X, 1) if is_array(X) else X.extremes()


def has_extremes(X: object) -> TypeGuard[X_nm]:
    """Return whether X knows its `extremes`: an array does, and each matrix of this package."""
    return is_array(X) or hasattr(X, "extremes")


def ends(X: Array, axis: int) -> tuple[Array, Array]:
    """The least and the largest along an axis of examples, as (n, 1); NaN counts as infinite.

    The maximum of several hosts may lose a NaN.
    """
    if is_numpy(X):
        return X.min(axis=axis).reshape(-1, 1), X.max(axis=axis).reshape(-1, 1)
    least, most = _ends(X, axis)
    return least, most


@partial(program, static_argnames="axis")
def _ends(X: Array, axis: int) -> tuple[Array, Array]:
    # Two reductions write nothing out.
    least = jnp.min(jnp.where(jnp.isnan(X), -jnp.inf, X), axis=axis)
    most = jnp.max(jnp.where(jnp.isnan(X), jnp.inf, X), axis=axis)
    return least.reshape(-1, 1), most.reshape(-1, 1)


def raw_row(X: GivenX, feature: int) -> np.ndarray:
    """The numbers (m,) of a feature as they are given, in float64."""
    if hasattr(X, "raw_row"):
        row: np.ndarray = X.raw_row(feature)
    elif is_scipy(X):
        row = X.tocsr()[[feature]].toarray()[0]
    elif is_array(X):
        row = np.asarray(X[feature])
    else:
        row = np.asarray(features(X, jax.device_put(np.array([feature], np.int32))))[0]
    return row.astype(np.float64)


def is_traced(X: object, *beside: object) -> TypeGuard[X_nm]:
    """Return whether X, or an array beside it, is one of a trace: X then is what JAX takes."""
    # JAX takes no iterator for a tree.
    leaves = [] if isinstance(X, Iterator) else jax.tree.leaves((X, beside))
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)


def known(a: Array) -> Array:
    """An array in NumPy; a traced one stays as it is."""
    return a if isinstance(a, jax.core.Tracer) else as_array(np.asarray(a))


def cast(X: T, dtype: object) -> T:
    """X, or what it gives back, in the dtype; a matrix that has no `astype` stays as it is."""
    if not hasattr(X, "astype") or getattr(X, "dtype", None) == dtype:
        return X
    return X.astype(dtype)


@jax.default_matmul_precision("highest")
def gram(X: X_nm, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
    """The weighted Gram matrix X diag(d) Xᵀ, (n, n), for d (1, m)."""
    if not is_array(X):
        return X.gram(d)

    def of_block(first: Array, d: Float[Array, "1 m"]) -> Array:
        block = slice_of(X, first, d.size, 1)
        if len(block) >= _HALVED and is_numpy(block, d) and np.all(d >= 0):
            # BLAS computes half of a matrix times its own transpose.
            root = block * np.sqrt(d)
            return root @ root.T
        return (block * d) @ block.T

    return sum_blocks(of_block, d, X.shape[0])


def sum_blocks(of_block: Callable[[Array, Array], Array], d: Float[Array, "1 m"], n: int) -> Array:
    """Σ of_block(first, d (1, size)) over blocks of the examples of weights d (1, m).

    So nothing that is computed is as large as X (n, m).
    """
    m = d.size
    size = min(max(_BLOCK // n, _FEWEST), m)
    number = arange_like(d, -(-m // size)) * size
    if number.size == 1:
        return of_block(number[0], d)
    # The last block starts early, and the examples that it repeats have weight 0.
    first = jnp.minimum(number, m - size)
    index = first[:, None] + arange_like(d, size)[None]
    weights = jnp.where(index >= number[:, None], d[0, index], 0)[:, None]
    total: Array = fold(lambda block: of_block(*block), (first, weights))
    return total


def in_blocks(X: object) -> TypeIs[InBlocks]:
    """Return whether X comes in blocks of examples, which `over_blocks` goes through once."""
    return not is_array(X) and getattr(X, "in_blocks", False)


def over_blocks(f: Callable[..., T], X: InBlocks, shared: object, *rows: Array) -> T:
    """Σ f(X of some examples, shared, their rows (r, b)) of an X in blocks; rows are (r, m)."""
    return X.over_blocks(f, shared, *rows)


def over_parts(f: Callable[..., T], X: object, shared: object, *rows: Array) -> T:
    """f(X, shared, rows (r, m)), for an f that is additive over the examples.

    Where several devices have parts of X, it is the sum of f over the parts, in one exchange.
    """
    if not hasattr(X, "over_parts"):
        return f(X, shared, *rows)
    return X.over_parts(f, shared, *rows)


def one_by_one(X: object) -> TypeGuard[InBlocks]:
    """Return whether `each_block` goes through X, whose blocks are then all in one place."""
    return in_blocks(X) and getattr(X, "one_by_one", False)


def each_block(f: Callable[..., T], carry: T, X: InBlocks, *rows: Array) -> T:
    """The carry after f(carry, X of some examples, their rows (r, b)), block after block."""
    return X.each_block(f, carry, *rows)


def examples(X: X_nm, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
    """The columns X[:, index], dense (n, q), for index (q,)."""
    return X[:, index] if is_array(X) else X.examples(index)


def read_examples(X: X_nm, index: np.ndarray) -> np.ndarray:
    """The columns X[:, index] in NumPy, (n, q), by one program for each power of 2 that q needs."""
    q = len(index)
    filled = np.resize(index, 1 << (q - 1).bit_length()) if q else index
    return np.asarray(_examples(X, filled))[:, :q]


_examples = program(examples)


def features(X: X_nm, index: Integer[Array, " q"]) -> Float[Array, "q m"] | Matrix:
    """The rows X[index], dense (q, m), for index (q,)."""
    return X[index] if is_array(X) else X.features(index)


@jax.default_matmul_precision("highest")
def dense_features(X: X_nm, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
    """The rows X[index], dense (q, m), also of a matrix whose rows are streamed."""
    rows = features(X, index)
    # An identity of JAX's: NumPy would not leave the product to the rows.
    return rows if is_array(rows) else jax.numpy.eye(index.size, dtype=rows.dtype) @ rows


def _centred(X: Array, centre: Float[Array, "n 1"] | None) -> Array:
    return X if centre is None else X - centre
