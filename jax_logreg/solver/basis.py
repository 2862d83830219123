"""The part of their Hessians that many models over one X share: eigenvectors of a Gram matrix."""

from typing import NamedTuple

import jax

from jax_logreg import matrix
from jax_logreg.arrays import normal_like
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params, over_examples
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.preconditioner import curvatures, join, sample, split

# Up to so many features all eigenvectors pay for themselves. Beyond, so many do, after so many
# rounds.
_LARGEST, _RANK, _ROUNDS = 1024, 256, 2
# The rounding of a feature of so many times the common size would hide the others.
_LARGE = 10


class Basis(NamedTuple):
    """Orthonormal eigenvectors (n+1, r) of D⁻¹ G D⁻¹, for G = [X; 1] diag(d) [X; 1]ᵀ and Σ d = 1.

    `values` (r, 1) are their eigenvalues, `rest` () is the mean of the eigenvalues left out, and
    `size` (n+1, 1) the diagonal of D. `share` (r, 1) is vᵀ D⁻² v of each vector: the penalty counts
    in it by that share.
    """

    vectors: Array
    values: Array
    rest: Array
    size: Array
    share: Array


class SharedPreconditioner(NamedTuple):
    """The inverse of D⁻¹ (c·G + l2) D⁻¹ of one model: eigenvalues in the basis (r, 1), else ()."""

    inverse: Array
    outside: Array

    def solve(self, basis: Basis, v: Params) -> Params:
        """H⁻¹ v."""
        columns = join(v) / basis.size
        with jax.default_matmul_precision("highest"):
            inside = (self.inverse - self.outside) * (basis.vectors.T @ columns)
            return split((self.outside * columns + basis.vectors @ inside) / basis.size)


def make_basis(objective: Objective, params: Params) -> Basis:
    """The basis of the Hessian at the parameters."""
    n, m = objective.batch.X.shape
    weights = curvatures(objective, objective.linear(params))
    weights = weights / jnp.sum(weights)
    size = _sizes(matrix.squares(objective.batch.X, weights))
    if n > _LARGEST:
        return _largest_of(objective, weights, size, min(_RANK, m, n))
    X, d = sample(objective, weights)
    scaled = objective.gram(X, d / jnp.sum(d)) / size / size.T
    values, vectors = jnp.linalg.eigh(scaled)
    # No eigenvalue is left out. A small `rest` would hide the others in rounding: so it is large.
    return _basis(vectors, values, values[-1], size)


def _basis(vectors: Array, values: Array, rest: Array, size: Array) -> Basis:
    with jax.default_matmul_precision("highest"):
        share = (vectors**2).T @ (1 / size**2)
    return Basis(vectors, jnp.maximum(values, 0)[:, None], rest, size, share)


def _sizes(squares: Array) -> Array:
    """D (n+1, 1) from the diagonal (n, 1) of G: 1, so that the penalty is the same in all of G.

    A feature far above the common size has its own size: there the penalty counts for little. The
    intercept has no penalty, and so its own size also where it is far below.
    """
    size = jnp.sqrt(squares)
    common = jnp.nanmedian(jnp.where(size > 0, size, jnp.nan))
    common = jnp.where(common > 0, common, 1)
    of_b = 1 / common
    far = (of_b > _LARGE) | (of_b * _LARGE < 1)
    w = jnp.where(size > _LARGE * common, size / common, 1)
    return jnp.append(w, jnp.where(far, of_b, 1))[:, None]


def shared_preconditioner(
    basis: Basis, objective: Objective, params: Params, weights: Float[Array, "1 m"]
) -> SharedPreconditioner:
    """Return the preconditioner of weights (1, m) of the basis' size, and the penalty's mean l2."""
    scale, l2 = over_examples(weights)[0, 0], jnp.mean(objective.l2(params.w))
    values, rest = scale * basis.values + l2 * basis.share, scale * basis.rest + l2
    floor = jnp.finfo(values.dtype).eps * jnp.max(values)
    return SharedPreconditioner(1 / jnp.maximum(values, floor), 1 / jnp.maximum(rest, floor))


def _largest_of(objective: Objective, d: Float[Array, "1 m"], size: Array, rank: int) -> Basis:
    """Approximate the largest eigenvalues by iterating a random subspace: two products a round.

    Source: Halko, Martinsson and Tropp, 2011.
    """
    n = objective.batch.X.shape[0]

    def times_gram(V: Array) -> Array:
        V = V / size
        Z = objective.linear(split(V)) * d
        cross = over_examples(Z).T if objective.intercept else V[-1:]
        return jnp.concatenate([objective.batch.X @ Z.T, cross]) / size

    with jax.default_matmul_precision("highest"):
        V = normal_like(d, (n + 1, rank))
        for _ in range(_ROUNDS):
            V = jnp.linalg.qr(times_gram(V))[0]
        image = times_gram(V)
        values, turn = jnp.linalg.eigh(V.T @ image)
        vectors = V @ turn
    diagonal = jnp.append(matrix.squares(objective.batch.X, d), 1) / size[:, 0] ** 2
    left = jnp.sum(diagonal) - jnp.sum(jnp.maximum(values, 0))
    return _basis(vectors, values, jnp.maximum(left, 0) / max(n + 1 - rank, 1), size)
