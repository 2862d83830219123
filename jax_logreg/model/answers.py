"""Logits, probabilities and losses of a model, in the dtype of its parameters."""

from functools import partial
from typing import Literal

import jax
import numpy as np

from jax_logreg._jax.programs import program
from jax_logreg.logistic import Family, Params, family_of, linear
from jax_logreg.matrix import place

FamilyName = Literal["binomial", "multinomial"]


def probabilities(params: Params, X: object) -> np.ndarray:
    """Return probabilities (k, m) of scaled features X (n, m), in the dtype of the parameters."""
    return activate(logits_of(params, X), family_of(family_name(params)))


def activate(Z: np.ndarray, family: Family, temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities (k, m) of logits Z (k, m) / temperature, in the dtype of Z."""
    with jax.enable_x64(Z.dtype == np.float64):
        return np.asarray(_activate(Z, Z.dtype.type(temperature), family))


def cross_entropies(Z: np.ndarray, Y: np.ndarray, family: Family, temperature: float) -> np.ndarray:
    """Return the cost (m,) of each example in nats, float64, of logits Z (k, m) / temperature."""
    with jax.enable_x64(True):
        Z, Y, T = (np.asarray(a, np.float64) for a in (Z, Y, temperature))
        return np.asarray(_cross_entropies(Z, Y, T, family))[0]


def logits_of(params: Params, X: object) -> np.ndarray:
    """Return Z = wᵀX + b, (k, m), of scaled features X (n, m), in the dtype of the parameters."""
    dtype = np.dtype(params.w.dtype).name
    with jax.enable_x64(dtype == "float64"):
        # Before it is placed, a view is in float64, of numbers that float32 may not hold.
        return np.asarray(_linear(params, place(X, dtype)))


def family_name(params: Params) -> FamilyName:
    """Return the family of parameters: binomial of one output, multinomial of several."""
    return "binomial" if params.w.shape[1] == 1 else "multinomial"


_linear = program(linear)


@partial(program, static_argnames="family")
def _activate(Z: jax.Array, T: jax.Array, family: Family) -> jax.Array:
    return family.activation(Z / T)


@partial(program, static_argnames="family")
def _cross_entropies(Z: jax.Array, Y: jax.Array, T: jax.Array, family: Family) -> jax.Array:
    return family.cross_entropy(Z / T, Y)
