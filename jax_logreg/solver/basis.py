"""What many models over one X share of their Hessians: eigenvectors of one Gram matrix."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jax_logreg import matrix
from jax_logreg.logistic import Params, over_examples
from jax_logreg.objective import Objective
from jax_logreg.solver.metric import curvatures, join, sample, split

# Up to here all eigenvectors pay for themselves; beyond, so many, after so many rounds.
_LARGEST, _RANK, _ROUNDS = 1024, 256, 2


class Basis(NamedTuple):
    """Orthonormal eigenvectors (n+1, r) of G = [X; 1] diag(d) [X; 1]ᵀ, Σ d = 1, their eigenvalues
    (r, 1), and the mean () of the eigenvalues that are left out.
    """

    vectors: Array
    values: Array
    rest: Array


class SharedMetric(NamedTuple):
    """The inverse of c·G + l2 of one model: its eigenvalues (r, 1) in the basis, and () outside."""

    inverse: Array
    outside: Array

    def solve(self, basis: Basis, v: Params) -> Params:
        """H⁻¹ v."""
        columns = join(v)
        with jax.default_matmul_precision("highest"):
            inside = (self.inverse - self.outside) * (basis.vectors.T @ columns)
            return split(self.outside * columns + basis.vectors @ inside)


def make_basis(objective: Objective, params: Params) -> Basis:
    """The basis of the Hessian at the parameters."""
    n, m = objective.batch.X.shape
    weights = curvatures(objective, objective.linear(params))
    if n > _LARGEST:
        return _largest_of(objective, weights / jnp.sum(weights), min(_RANK, m, n))
    X, d = sample(objective, weights)
    values, vectors = jnp.linalg.eigh(objective.gram(X, d / jnp.sum(d)))
    # Nothing is left out: as a small number there would drown the rest in rounding, it is large.
    return Basis(vectors, jnp.maximum(values, 0)[:, None], values[-1])


def shared_metric(
    basis: Basis, objective: Objective, params: Params, weights: Array
) -> SharedMetric:
    """The metric of weights (1, m), all of the size of the basis', and the penalty's mean l2."""
    scale, l2 = over_examples(weights)[0, 0], jnp.mean(objective.l2(params.w))
    values, rest = scale * basis.values + l2, scale * basis.rest + l2
    floor = jnp.finfo(values.dtype).eps * jnp.max(values)
    return SharedMetric(1 / jnp.maximum(values, floor), 1 / jnp.maximum(rest, floor))


def _largest_of(objective: Objective, d: Array, rank: int) -> Basis:
    """About the largest eigenvalues, by iterating a random subspace (Halko, Martinsson and Tropp,
    2011): each round is two products with X.
    """
    n = objective.batch.X.shape[0]

    def times_gram(V: Array) -> Array:
        Z = objective.linear(Params(V[:-1], V[-1:].T)) * d
        cross = over_examples(Z).T if objective.intercept else V[-1:]
        return jnp.concatenate([objective.batch.X @ Z.T, cross])

    with jax.default_matmul_precision("highest"):
        V = jax.random.normal(jax.random.key(0), (n + 1, rank), d.dtype)
        for _ in range(_ROUNDS):
            V = jnp.linalg.qr(times_gram(V))[0]
        image = times_gram(V)
        values, turn = jnp.linalg.eigh(V.T @ image)
        vectors = V @ turn
    values = jnp.maximum(values, 0)
    trace = jnp.sum(matrix.squares(objective.batch.X, d)) + 1
    rest = jnp.maximum(trace - jnp.sum(values), 0) / max(n + 1 - rank, 1)
    return Basis(vectors, values[:, None], rest)
