"""The lecture's logistic regression, line for line.

Source: A. Ng, Neural Networks and Deep Learning (deeplearning.ai), week 2, "Vectorizing Logistic
Regression's Gradient Output". Examples stand in columns: n features, m examples, k outputs.
Every gradient of the cross-entropy is made here.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax

from jax_logreg.arrays import is_numpy, once, sigmoid, stop_gradient
from jax_logreg.arrays import xp as jnp
from jax_logreg.shapes import Array, Float, Integer, Number, X_nm

_Index: TypeAlias = int | Integer[Array, ""]
# Up to so many outputs, their maximum may be computed again for each.
_FEW = 8
# An example is wrong for sure where its own class has a probability of exp(-5.6) or less. There the
# second number is |Z| times that probability, so that `damped` is about continuous.
_WRONG, _DAMPING = 1 - 0.0037, 0.02


class Params(NamedTuple):
    """Weights w (n, k) and intercepts b (k, 1); gradients have the same type."""

    w: Float[Array, "n k"]
    b: Float[Array, "k 1"]


class Batch(NamedTuple):
    """Examples X (n, m), labels Y (k, m), weights s (1, m); s = 0: padding, or a held-out fold.

    X is an array, or a matrix that offers the two products `w.T @ X` and `X @ dZ.T`.
    """

    X: X_nm
    Y: Float[Array, "k m"]
    s: Float[Array, "1 m"]


class Family(NamedTuple):
    """An activation A(Z) (k, m) and the cross-entropy whose canonical link it belongs to.

    `cross_entropy(Z, Y)` and its second derivative along U, `curvature(A, U)`, have a row a model:
    k rows where the outputs are `independent`, else one.
    """

    name: str
    activation: Callable[[Array], Array]
    cross_entropy: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array], Array]
    independent: bool

    def __reduce__(self) -> tuple[Callable[[str], "Family"], tuple[str]]:
        """Pickle a family as its name: jitted functions cannot be pickled."""
        return family_of, (self.name,)

    def models(self, per_output: Float[Array, "..."], axis: int = 0) -> Float[Array, "..."]:
        """Sums over the outputs of one model: the array itself where they are independent."""
        return per_output if self.independent else jnp.sum(per_output, axis=axis, keepdims=True)


@jax.custom_jvp
def _log1p(e: Float[Array, "..."]) -> Float[Array, "..."]:
    """log(1 + e) for 0 ≤ e ≤ 1, to the last digit (Kahan); XLA:CPU does not vectorise `log1p`."""
    u = 1 + e
    return jnp.where(u == 1, e, jnp.log(u) * (e / jnp.where(u == 1, 1, u - 1)))


_log1p.defjvps(lambda e_dot, _, e: e_dot / (1 + e))


def log1p(e: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return log(1 + e) for 0 ≤ e ≤ 1."""
    return jnp.log1p(e) if is_numpy(e) else _log1p(e)


def _binary_cross_entropy(Z: Float[Array, "k m"], Y: Float[Array, "k m"]) -> Float[Array, "k m"]:
    # log(1 + exp Z), never overflowing. With (Z + |Z|) / 2 in place of max(Z, 0) the automatic
    # derivative at Z = 0 is 1/2, whatever that of |Z| is.
    softplus = (Z + jnp.abs(Z)) / 2 + log1p(jnp.exp(-jnp.abs(Z)))
    return softplus - Y * Z


def _binary_curvature(A: Float[Array, "k m"], U: Float[Array, "k m"]) -> Float[Array, "k m"]:
    return A * (1 - A) * U**2


def over_outputs(a: Float[Array, "k m"]) -> Float[Array, "1 m"]:
    """Sums (1, m) over the outputs, as a product: XLA:CPU is slow to sum over the first axis."""
    if is_numpy(a):
        return jnp.sum(a, axis=0, keepdims=True)
    ones = jnp.ones_like(a, shape=(1, a.shape[0]))
    return jnp.matmul(ones, a, precision="highest")


def over_examples(a: Float[Array, "k m"]) -> Float[Array, "k 1"]:
    """Sums (k, 1) over the examples, as a product: XLA:CPU is slow to sum computed numbers."""
    if is_numpy(a):
        return jnp.sum(a, axis=1, keepdims=True)
    ones = jnp.ones_like(a, shape=(a.shape[1], 1))
    return jnp.matmul(a, ones, precision="highest")


def _highest(Z: Float[Array, "k m"]) -> Float[Array, "1 m"]:
    """The largest (1, m) of the outputs, by halves: XLA:CPU is slow to reduce the first axis."""
    few = len(Z) <= _FEW
    while len(Z) > (1 if few else 2):
        half = len(Z) // 2
        pairs = jnp.maximum(Z[:half], Z[half : 2 * half])
        Z = jnp.concatenate([pairs, Z[2 * half :]])
    # XLA keeps the result of a reduction; it computes an elementwise one again for each output.
    return Z if few else jnp.max(Z, axis=0, keepdims=True)


@once
def _exponentials(
    Z: Float[Array, "k m"],
) -> tuple[Float[Array, "k m"], Float[Array, "1 m"], Float[Array, "1 m"]]:
    highest = stop_gradient(_highest(Z))
    E = jnp.exp(Z - highest)
    return E, over_outputs(E), highest


def _softmax(Z: Float[Array, "k m"]) -> Float[Array, "k m"]:
    E, total, _ = _exponentials(Z)
    return E / total


def _softmax_cross_entropy(Z: Float[Array, "k m"], Y: Float[Array, "k m"]) -> Float[Array, "1 m"]:
    _, total, highest = _exponentials(Z)
    return jnp.log(total) + highest - over_outputs(Y * Z)


def _softmax_curvature(A: Float[Array, "k m"], U: Float[Array, "k m"]) -> Float[Array, "1 m"]:
    return over_outputs(A * (U - over_outputs(A * U)) ** 2)


BINOMIAL = Family("binomial", sigmoid, _binary_cross_entropy, _binary_curvature, True)
MULTINOMIAL = Family("multinomial", _softmax, _softmax_cross_entropy, _softmax_curvature, False)


def family_of(name: str) -> Family:
    """Return the family of that name; another name raises a KeyError."""
    return {family.name: family for family in (BINOMIAL, MULTINOMIAL)}[name]


@jax.default_matmul_precision("highest")
def linear(params: Params, X: X_nm) -> Float[Array, "k m"]:
    """Z = wᵀX + b, (k, m)."""
    return params.w.T @ X + params.b


def forward(params: Params, X: X_nm, family: Family = BINOMIAL) -> Float[Array, "k m"]:
    """Probabilities A = σ(wᵀX + b), (k, m), of the examples X (n, m)."""
    return family.activation(linear(params, X))


def cost(
    params: Params, batch: Batch, total: Number | None = None, family: Family = BINOMIAL
) -> Float[Array, ""]:
    """Weighted mean cross-entropy J = Σ s·(log(1 + exp Z) − Y·Z) / total, in nats.

    It is computed from Z, never from log(A): Z = ±1000 is finite. `total` is the sum of s over all
    examples, by default those of this batch.
    """
    X, Y, s = batch
    total = jnp.sum(s) if total is None else total
    Z = linear(params, X)
    return jnp.sum(over_examples(s * family.cross_entropy(Z, Y))) / total


@jax.default_matmul_precision("highest")
def backprop(
    params: Params, batch: Batch, total: Number | None = None, family: Family = BINOMIAL
) -> tuple[Float[Array, ""], Params]:
    """The cost J and its analytic gradients dw = X dZᵀ / total, db = Σ dZ / total, dZ = s·(A − Y).

    With one `total` for all, J, dw and db are additive over any split of the examples. The line dZ
    holds for every canonical link: sigmoid for k independent outputs, softmax for k classes.
    """
    X, _, s = batch
    total = jnp.sum(s) if total is None else total
    Z = params.w.T @ X + params.b
    return backprop_from(Z, batch, total, family)


@jax.default_matmul_precision("highest")
def backprop_from(
    Z: Float[Array, "k m"], batch: Batch, total: Number, family: Family
) -> tuple[Float[Array, ""], Params]:
    """`backprop`, given Z = wᵀX + b."""
    X, Y, s = batch
    A = family.activation(Z)
    J = jnp.sum(over_examples(s * family.cross_entropy(Z, Y))) / total
    dZ = s * (A - Y)
    dw = X @ dZ.T / total
    db = over_examples(dZ) / total
    return J, Params(dw, db)


def derivatives_along(
    U: Float[Array, "k m"], Z: Float[Array, "k m"], batch: Batch, total: Number, family: Family
) -> tuple[Float[Array, "r 1"], Float[Array, "r 1"]]:
    """First and second derivative of J(Z + t·U) in t at t = 0, a row a model; X is not needed."""
    _, Y, s = batch
    A = family.activation(Z)
    dZ = s * (A - Y)
    slope = family.models(over_examples(dZ * U)) / total
    curvature = over_examples(s * family.curvature(A, U)) / total
    return slope, curvature


def damped(Z: Float[Array, "k m"], Y: Float[Array, "k m"], family: Family) -> Float[Array, "k m"]:
    """Probabilities (k, m) to take the Hessian's weights at: A, moved towards Y where far from it.

    An example that is wrong for sure has next to no curvature A·(1 − A), while its slope reaches as
    far as about |Z|. The curvature 1/(2·|Z|) bounds its cost from above (Jaakkola and Jordan,
    2000). Moving A gives a small part of that curvature: a line search mends what a step
    overshoots. An example of a good fit keeps its own curvature.
    """
    A = family.activation(Z)
    if family.independent:
        wrong, reach = jnp.abs(Y - A), jnp.abs(Z)
    else:
        wrong, reach = 1 - over_outputs(Y * A), _highest(Z) - over_outputs(Y * Z)
    share = jnp.where(wrong > _WRONG, _DAMPING / jnp.maximum(reach, 1), 0)
    return A + share * (Y - A)


def hessian_diagonal(A: Float[Array, "k m"], s: Float[Array, "1 m"]) -> Float[Array, "k m"]:
    """Weights d (k, m) of the Hessian's diagonal blocks X diag(d_i) Xᵀ: d = s·A·(1 − A)."""
    return s * A * (1 - A)


def hessian_weights(
    A: Float[Array, "k m"], s: Float[Array, "1 m"], i: _Index, j: _Index
) -> Float[Array, "1 m"]:
    """Weights d (1, m) of the Hessian's block X diag(d) Xᵀ: d = s·A_i·(δ_ij − A_j).

    Independent outputs have the blocks i = j only.
    """
    return s * A[i][None] * (jnp.asarray(i == j, A.dtype) - A[j][None])


def update(params: Params, gradients: Params, learning_rate: Number) -> Params:
    """The lecture's update: w − α dw, b − α db."""
    (w, b), (dw, db) = params, gradients
    return Params(w - learning_rate * dw, b - learning_rate * db)


@jax.jit
def train_step(
    params: Params, batch: Batch, learning_rate: Number
) -> tuple[Params, Float[Array, ""]]:
    """One iteration of the lecture: the updated parameters and the cost J before the update."""
    J, gradients = backprop(params, batch)
    return update(params, gradients, learning_rate), J
