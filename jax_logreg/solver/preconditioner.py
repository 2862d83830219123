"""An approximate Hessian from a sample of the examples, and the solution of systems with it."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg import matrix
from jax_logreg.arrays import cho_solve, eye_like, opaque, set_at, top_k
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params, damped, hessian_diagonal, over_outputs
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float

# Examples per feature in a sample, and its fewest examples.
_SAMPLE, _FEWEST = 4, 2000
# Rank of the approximation where n x n is too large, and the most numbers that its factor may hold.
_RANK, _LARGEST = 512, 2**21
# Where D would have nothing of a parameter's curvature, it has this share of R's part.
_COUNTED_TWICE = 0.01


class Preconditioner(NamedTuple):
    """H ≈ D (I + R Rᵀ) D over the n+1 parameters of an output.

    It is one of three: the Cholesky factor of the whole, (n+1, n+1), intercept last; the diagonal
    of D, w (n, 1) and b (1, 1), with R, w (n, q) and b (1, q), and the factor of I + Rᵀ R; D alone.
    `weights` (1, m) are the curvatures that it was made with.
    """

    factor: Array | None
    root: Params | None
    low_rank: Params | None
    weights: Float[Array, "1 m"]

    def solve(self, v: Params) -> Params:
        """H⁻¹ v, by the Woodbury identity where there is an R."""
        if self.root is None:
            assert self.factor is not None
            return split(cho_solve(self.factor, join(v)))
        v = jax.tree.map(jnp.divide, v, self.root)
        if self.low_rank is not None:
            assert self.factor is not None
            R = self.low_rank
            with jax.default_matmul_precision("highest"):
                inner = cho_solve(self.factor, (v.w.T @ R.w + v.b @ R.b).T)
                v = Params(v.w - R.w @ inner, v.b - (R.b @ inner).T)
        return jax.tree.map(jnp.divide, v, self.root)


def join(params: Params) -> Array:
    """The columns (n+1, k) of w and b, intercept last."""
    return jnp.concatenate([params.w, params.b.T])


def split(columns: Array) -> Params:
    """The parameters of columns (n+1, k)."""
    return Params(columns[:-1], columns[-1:].T)


def curvatures(objective: Objective, Z: Float[Array, "k m"], damp: bool = True) -> Array:
    """The weights (1, m) of the Hessian's diagonal blocks, their mean over the outputs.

    A preconditioner is made of those at `damped` probabilities; the plain ones cost less.
    """
    _, Y, s = objective.batch
    A = damped(Z, Y, objective.family) if damp else objective.family.activation(Z)
    d = hessian_diagonal(A, s)
    return over_outputs(d) / (len(d) * objective.total)


def make_preconditioner(
    objective: Objective, params: Params, weights: Float[Array, "1 m"], largest_gram: int
) -> Preconditioner:
    """The preconditioner of these weights, as exact as the number of features allows."""
    n, m = objective.batch.X.shape
    l2 = objective.l2(params.w)
    if n <= largest_gram:
        return Preconditioner(_gram_factor(objective, weights, l2), None, None, weights)
    rank = _rank(n, m)
    if not rank:
        root = _root(_diagonal(objective, weights, l2))
        return Preconditioner(None, root, None, weights)
    return _low_rank(objective, weights, l2, rank)


def unmade_preconditioner(
    objective: Objective, params: Params, largest_gram: int
) -> Preconditioner:
    """Zeros in the shapes of what `make_preconditioner` makes."""
    n, m = objective.batch.X.shape
    zeros = partial(jnp.zeros_like, params.w)
    weights = zeros(shape=objective.batch.s.shape)
    if n <= largest_gram:
        return Preconditioner(zeros(shape=(n + 1, n + 1)), None, None, weights)
    root, rank = Params(zeros(shape=(n, 1)), zeros(shape=(1, 1))), _rank(n, m)
    if not rank:
        return Preconditioner(None, root, None, weights)
    low_rank = Params(zeros(shape=(n, rank)), zeros(shape=(1, rank)))
    return Preconditioner(zeros(shape=(rank, rank)), root, low_rank, weights)


def _rank(n: int, m: int) -> int:
    """The rank of an approximation of n features and m examples; 0 where it is too small to pay."""
    rank = min(_RANK, m, _LARGEST // n)
    return rank if rank >= 64 else 0


def sample(
    objective: Objective, weights: Float[Array, "r m"]
) -> tuple[Float[Array, "n q"], Float[Array, "r q"]]:
    """A sample of the examples, with weights, whose Gram matrix approximates that of all."""
    n, m = objective.batch.X.shape
    size = min(m, max(_SAMPLE * n, _FEWEST))
    # With a constant index XLA would gather all weights where devices share them.
    index = opaque(spaced(m, size), weights)
    d = weights[:, index]
    d = d * (jnp.sum(weights) / jnp.sum(d))
    return matrix.examples(objective.batch.X, index), d


def spaced(m: int, size: int) -> np.ndarray:
    """The numbers (size,) of examples spread evenly over 0 to m − 1, with both ends.

    They are computed in integers: beyond 2**24 float32 has only some, and rounds the last to m.
    """
    if size == 1:
        return np.zeros(1, np.int32)
    return (np.arange(size, dtype=np.int64) * (m - 1) // (size - 1)).astype(np.int32)


def _gram_factor(objective: Objective, weights: Float[Array, "1 m"], l2: Array) -> Array:
    X, d = sample(objective, weights)
    hessian = objective.gram(X, d) + jnp.diag(jnp.append(l2, 0))
    diagonal = jnp.diag(hessian)
    ridge = 100 * jnp.finfo(d.dtype).eps * jnp.where(diagonal > 0, diagonal, 1)
    return jnp.linalg.cholesky(hessian + jnp.diag(ridge))


def _low_rank(
    objective: Objective, weights: Float[Array, "1 m"], l2: Array, rank: int
) -> Preconditioner:
    """R from the examples of largest weight, which carry nearly all the curvature near a sharp fit.

    The other examples enter by their diagonal.
    """
    _, index = top_k(weights[0], rank)
    rest = set_at(weights, (slice(None), index), 0)
    s = jnp.sqrt(weights[:, index])
    R = Params(
        matrix.examples(objective.batch.X, index) * s,
        s if objective.intercept else jnp.zeros_like(s),
    )
    covered = jax.tree.map(lambda R: jnp.sum(R**2, axis=1, keepdims=True), R)
    root = _root(_diagonal(objective, rest, l2), covered)
    R = jax.tree.map(jnp.divide, R, root)
    with jax.default_matmul_precision("highest"):
        inner = R.w.T @ R.w + R.b.T @ R.b
    return Preconditioner(jnp.linalg.cholesky(inner + eye_like(s, rank)), root, R, weights)


def _diagonal(objective: Objective, weights: Float[Array, "1 m"], l2: Array) -> Params:
    """The Hessian's diagonal, w (n, 1) and b (1, 1)."""
    squares = matrix.squares(objective.batch.X, weights) + l2
    return Params(squares, jnp.sum(weights, axis=1, keepdims=True))


def _root(diagonal: Params, covered: Params | None = None) -> Params:
    """The root of a diagonal; an entry of 0 counts as 1, or as a share of R's part.

    Where R has all examples, it has all of b, and D has only a rounding error of b. R divided by
    that would be so large that b is lost.
    """
    eps = jnp.finfo(diagonal.w.dtype).eps
    floor = eps * jnp.maximum(jnp.max(diagonal.w), jnp.max(diagonal.b))
    least = jnp.where(floor > 0, floor, 1)

    def of_part(d: Float[Array, "1 m"], covered: Array) -> Array:
        small = jnp.where(covered > 0, _COUNTED_TWICE * covered, least)
        return jnp.sqrt(jnp.where(d > floor, d, small))

    covered = jax.tree.map(jnp.zeros_like, diagonal) if covered is None else covered
    return jax.tree.map(of_part, diagonal, covered)
