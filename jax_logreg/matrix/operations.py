"""What is asked of X beside its two products, alike for arrays and for the matrices in their stead.

n features, m examples in columns, q the size of an index. A matrix of its own kind offers each
function as a method, and its shape and dtype.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import treedef_is_leaf


def is_array(X: Any) -> bool:
    """Whether X is to be read as a dense array, rather than used through its two products."""
    return not hasattr(X, "__rmatmul__") or treedef_is_leaf(jax.tree.structure(X))


def mean_absolute(X: Any, s: Array, centre: Array | None = None) -> Array:
    """Weighted mean of |X − centre| over the examples, Σ s·|X − centre| / Σ s, (n, 1).

    Without a centre (n, 1) it is the scale of each feature.
    """
    if not is_array(X):
        return X.mean_absolute(s, centre)
    # One fused reduction: a product would first write |X| out.
    return jnp.sum(jnp.abs(_centred(X, centre)) * s, axis=1, keepdims=True) / jnp.sum(s)


def squares(X: Any, d: Array, centre: Array | None = None) -> Array:
    """Σ d·(X − centre)² over the examples, (n, 1), for d (1, m), centre (n, 1).

    Without a centre it is the diagonal of the Gram matrix.
    """
    if not is_array(X):
        return X.squares(d, centre)
    return jnp.sum(jnp.square(_centred(X, centre)) * d, axis=1, keepdims=True)


@jax.default_matmul_precision("highest")
def gram(X: Any, d: Array) -> Array:
    """The weighted Gram matrix X diag(d) Xᵀ, (n, n), for d (1, m)."""
    return (X * d) @ X.T if is_array(X) else X.gram(d)


def examples(X: Any, index: Array) -> Array:
    """The columns X[:, index], dense (n, q), for index (q,)."""
    return X[:, index] if is_array(X) else X.examples(index)


def features(X: Any, index: Array) -> Array:
    """The rows X[index], dense (q, m), for index (q,)."""
    return X[index] if is_array(X) else X.features(index)


def _centred(X: Array, centre: Array | None) -> Array:
    return X if centre is None else X - centre
