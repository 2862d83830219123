"""How good an answer is: what can be said of it without knowing the optimum."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from jax_logreg.logistic import Params


class Certificate(NamedTuple):
    """Cost, in nats, and largest absolute gradient entry at the returned parameters."""

    cost: Array
    gradient_norm: Array


def gradient_norm(gradient: Params) -> Array:
    """The largest absolute entry of dw and db; NaN if any is NaN."""
    return jnp.maximum(jnp.max(jnp.abs(gradient.w)), jnp.max(jnp.abs(gradient.b)))
