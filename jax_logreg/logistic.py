"""The lecture's logistic regression, line for line.

Source: A. Ng, Neural Networks and Deep Learning (deeplearning.ai), week 2, "Vectorizing Logistic
Regression's Gradient Output". Examples stand in columns: n features, m examples, k outputs.
Every gradient of the cross-entropy is made here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Params(NamedTuple):
    """Weights w (n, k) and intercepts b (k, 1); gradients have the same type."""

    w: Array
    b: Array


class Batch(NamedTuple):
    """Examples X (n, m), labels Y (k, m), weights s (1, m); s = 0: padding, or a held-out fold.

    X is an array or whatever offers its two products, `w.T @ X` and `X @ dZ.T`.
    """

    X: Any
    Y: Array
    s: Array


class Family(NamedTuple):
    """An activation of Z and the cross-entropy per example, (Z, Y) -> (1, m), whose link it is."""

    activation: Callable[[Array], Array]
    cross_entropy: Callable[[Array, Array], Array]


def _binary_cross_entropy(Z: Array, Y: Array) -> Array:
    # log(1 + exp Z), never overflowing; (Z + |Z|) / 2 rather than max(Z, 0), because then the
    # automatic derivative at Z = 0 is 1/2, whatever that of |Z| is.
    softplus = (Z + jnp.abs(Z)) / 2 + jnp.log1p(jnp.exp(-jnp.abs(Z)))
    return jnp.sum(softplus - Y * Z, axis=0, keepdims=True)


BINOMIAL = Family(jax.nn.sigmoid, _binary_cross_entropy)


@jax.default_matmul_precision("highest")
def _linear(params: Params, X: Any) -> Array:
    return params.w.T @ X + params.b


def forward(params: Params, X: Any, family: Family = BINOMIAL) -> Array:
    """Probabilities A = σ(wᵀX + b), (k, m), of the examples X (n, m)."""
    return family.activation(_linear(params, X))


def cost(
    params: Params, batch: Batch, total: Array | None = None, family: Family = BINOMIAL
) -> Array:
    """Weighted mean cross-entropy J = Σ s·(log(1 + exp Z) − Y·Z) / total, in nats.

    It is computed from Z, never from log(A): Z = ±1000 is finite. `total` is the sum of s over all
    examples, by default those of this batch.
    """
    X, Y, s = batch
    total = jnp.sum(s) if total is None else total
    Z = _linear(params, X)
    return jnp.sum(s * family.cross_entropy(Z, Y)) / total


@jax.default_matmul_precision("highest")
def backprop(
    params: Params, batch: Batch, total: Array | None = None, family: Family = BINOMIAL
) -> tuple[Array, Params]:
    """The cost J and its analytic gradients dw = X dZᵀ / total, db = Σ dZ / total, dZ = s·(A − Y).

    With one `total` for all, J, dw and db are additive over any split of the examples. The line dZ
    holds for every canonical link: sigmoid for k independent outputs, softmax for k classes.
    """
    X, Y, s = batch
    total = jnp.sum(s) if total is None else total
    Z = params.w.T @ X + params.b
    A = family.activation(Z)
    J = jnp.sum(s * family.cross_entropy(Z, Y)) / total
    dZ = s * (A - Y)
    dw = X @ dZ.T / total
    db = jnp.sum(dZ, axis=1, keepdims=True) / total
    return J, Params(dw, db)


def update(params: Params, gradients: Params, learning_rate: Any) -> Params:
    """The lecture's update: w − α dw, b − α db."""
    (w, b), (dw, db) = params, gradients
    return Params(w - learning_rate * dw, b - learning_rate * db)


@jax.jit
def train_step(params: Params, batch: Batch, learning_rate: Any) -> tuple[Params, Array]:
    """One iteration of the lecture: the updated parameters and the cost J before the update."""
    J, gradients = backprop(params, batch)
    return update(params, gradients, learning_rate), J
