"""The exact Hessian of a softmax, block by block."""

import numpy as np

from jax_logreg.arrays import map_over, of_kind
from jax_logreg.logistic import hessian_weights
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float, X_nm


def class_hessian(objective: Objective, X: X_nm, A: Float[Array, "k m"]) -> Array:
    """The Hessian of k classes at A (k, m), without penalty, (k·(n+1), k·(n+1)).

    X may have only some of the features. Parameters are ordered class by class, w before b. The
    blocks of i, j and of j, i are the same.
    """
    k = A.shape[0]
    i, j = np.triu_indices(k)
    pairs = of_kind(i, A), of_kind(j, A)
    blocks = map_over(lambda ij: hessian_block(objective, X, A, *ij), pairs)
    where = np.zeros((k, k), int)
    where[i, j] = where[j, i] = np.arange(i.size)
    side = k * blocks.shape[1]
    return blocks[where].transpose(0, 2, 1, 3).reshape(side, side)


def hessian_block(
    objective: Objective, X: X_nm, A: Float[Array, "k m"], i: Array, j: Array
) -> Array:
    """The Hessian's block of outputs i and j, (n+1, n+1), without penalty."""
    s = objective.batch.s
    return objective.gram(X, hessian_weights(A, s, i, j) / objective.total)
