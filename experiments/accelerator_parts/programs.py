"""The programs that are timed, or lowered: steps of the heart over X in different storages."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jax_logreg import L2, LBFGS, Batch, GradientDescent, Params, solve
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, backprop, update
from jax_logreg.matrix import Compressed, Transposed
from jax_logreg.matrix.blocked import layout
from jax_logreg.objective import Objective
from jax_logreg.pytree import pytree

# For X of 0 to 255: small enough that the cost falls.
RATE = 1e-8
# Entries drawn at a time, and entries of a block of examples.
_DRAWN, _BLOCK = 2**26, 2**20
ALGORITHMS = {
    "HIGHEST": lax.Precision.HIGHEST,
    "bfloat16 x 3": lax.DotAlgorithmPreset.BF16_BF16_F32_X3,
    "bfloat16 x 6": lax.DotAlgorithmPreset.BF16_BF16_F32_X6,
    "TF32 x 3": lax.DotAlgorithmPreset.TF32_TF32_F32_X3,
    "JAX's default": lax.Precision.DEFAULT,
}


@pytree
@dataclass(frozen=True)
class Asked:
    """X (n, m) whose two products are made by an algorithm of its own, not the heart's."""

    numbers: Any
    algorithm: Any = field(metadata={"static": True})

    @property
    def shape(self):
        """(n, m)."""
        return self.numbers.shape

    @property
    def dtype(self):
        """The dtype of the entries."""
        return self.numbers.dtype

    def __rmatmul__(self, left):
        """`left @ X` for left (k, n): (k, m)."""
        return jnp.matmul(left, self.numbers, precision=self.algorithm)

    def __matmul__(self, right):
        """`X @ right` for right (m, k): (n, k)."""
        return jnp.matmul(self.numbers, right, precision=self.algorithm)


def _bytes(key, shape):
    return jax.random.bits(key, shape, jnp.uint8)


def _normal(key, shape):
    return jax.random.normal(key, shape, jnp.float32)


@partial(jax.jit, static_argnames=("shape", "draw"))
def _drawn(key, shape, draw):
    """An array (n, m) drawn block after block, so that nothing else is as large."""
    n, m = shape
    size = min(max(_DRAWN // n, 1), m)
    dtype = jax.eval_shape(partial(draw, shape=(1, 1)), key).dtype

    def put(i, X):
        # The last block starts early.
        first = jnp.minimum(i * size, m - size)
        block = draw(jax.random.fold_in(key, i), (n, size))
        return lax.dynamic_update_slice(X, block, (0, first))

    return lax.fori_loop(0, -(-m // size), put, jnp.zeros(shape, dtype))


def draw_bytes(seed, shape):
    """Integers of 0 to 255 (n, m), uint8, on the device."""
    return _drawn(jax.random.key(seed), shape, _bytes)


def draw_normal(seed, shape):
    """Standard normal numbers (n, m), float32, on the device."""
    return _drawn(jax.random.key(seed), shape, _normal)


def _blocks(X, dtype):
    """X (n, m) as `compress` lays it out."""
    (n, m), stored = X.shape, X.astype(dtype)
    if dtype == jnp.bfloat16:
        stored = lax.bitcast_convert_type(stored, jnp.uint16)
    count, size = layout(n, m, max(_BLOCK // n, 1))
    rows = jnp.pad(stored.T, ((0, count * size - m), (0, 0)))
    return Compressed(rows.reshape(count, size, n), None, m, "float32")


# X of 0 to 255, which each of these holds exactly, by the name of the storage.
STORAGES = {
    "float32 (n, m)": lambda X: X.astype(jnp.float32),
    "float32 (m, n)": lambda X: Transposed(X.T.astype(jnp.float32)),
    "bfloat16 (n, m)": lambda X: X.astype(jnp.bfloat16),
    "bfloat16 (m, n)": lambda X: Transposed(X.T.astype(jnp.bfloat16)),
    "uint8 (n, m)": lambda X: X.astype(jnp.uint8),
    "uint8 (m, n)": lambda X: Transposed(X.T.astype(jnp.uint8)),
    "float32 in blocks": lambda X: _blocks(X, jnp.float32),
    "bfloat16 in blocks": lambda X: _blocks(X, jnp.bfloat16),
    "uint8 in blocks": lambda X: _blocks(X, jnp.uint8),
}


def zeros(n, k):
    """Parameters of zeros, float32."""
    return Params(jnp.zeros((n, k), jnp.float32), jnp.zeros((k, 1), jnp.float32))


@jax.jit
def one_step(params, batch):
    """A step of gradient descent, and the cost before it, as the package's own solver takes it."""
    at = Objective(batch).evaluate(params)
    return update(params, at.gradient, jnp.float32(RATE)), at.cost


@partial(jax.jit, static_argnames="steps")
def scanned(params, batch, steps):
    """So many steps in one scan: the parameters and the certificate."""
    found = solve(params, batch, solver=GradientDescent(RATE), steps=steps)
    return found.params, found.certificate


def one_hot(labels, k):
    """Y (k, m) of 0 and 1, float32, for labels (m,)."""
    return (labels == jnp.arange(k, dtype=labels.dtype)[:, None]).astype(jnp.float32)


@jax.jit
def of_classes(params, X, Y, s):
    """The cost of k classes and its gradient, Y (k, m) being one-hot, or labels (m,)."""
    Y = one_hot(Y, params.w.shape[1]) if Y.ndim == 1 else Y
    return backprop(params, Batch(X, Y, s), None, MULTINOMIAL)


@partial(jax.jit, static_argnames=("solver", "steps", "tolerance"))
def to_optimum(params, batch, strength, solver=None, steps=100, tolerance=1e-4):
    """A penalised fit inside one program: the parameters, and the certificate."""
    found = solve(
        params,
        batch,
        solver=LBFGS() if solver is None else solver,
        steps=steps,
        tolerance=tolerance,
        penalty=L2(strength),
        family=BINOMIAL if batch.Y.shape[0] == 1 else MULTINOMIAL,
    )
    return found.params, found.certificate
