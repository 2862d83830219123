"""Features scaled by the training examples of each model, seen through one X."""

from functools import partial

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.compiling import compiled
from jax_logreg.arrays import map_over
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array
from jax_logreg.logistic import Params
from jax_logreg.matrix import mean_absolute, standardise
from jax_logreg.shapes import X_nm


def check_features(wanted: object, n: int) -> np.ndarray:
    """Return which of n features are to be scaled, (n, 1) of bool.

    Raises:
        ValueError: neither True nor False, nor one of them for each feature.
    """
    chosen = read_array("standardise", wanted)
    if chosen.dtype != bool or chosen.shape not in ((), (n,)):
        came = f"{chosen.dtype} of shape {chosen.shape}" if chosen.shape else brief(wanted)
        raise InputError(
            f"standardise is {came}: expected True, False, or ({n},) of them, one for each feature"
        )
    return np.broadcast_to(chosen, n)[:, None]


def find_scaling(X: X_nm, trained: Array, chosen: np.ndarray) -> tuple[Array, Array]:
    """Return the mean and the deviation (r, n, 1) of the features under each of r rows.

    A feature that is constant under a row gets an infinite deviation. It is then 0 for every
    example, also those that the row leaves out. Features that are not chosen stay as they are.

    Args:
        X: (n, m), any matrix.
        trained: (r, m) weights of the examples, 0 for those that do not count.
        chosen: (n, 1) of bool.
    """
    return _find_scaling(X, trained, chosen)


@compiled
def _find_scaling(X: X_nm, trained: Array, chosen: np.ndarray) -> tuple[Array, Array]:
    def of_row(s: Array) -> tuple[Array, Array]:
        # NumPy's are of float64.
        found = standardise(X, s[None])
        mean, scale = found.mean.astype(s.dtype), found.scale.astype(s.dtype)
        constant = mean_absolute(X, s[None], mean) == 0
        scale = jnp.where(constant, jnp.inf, scale)
        return jnp.where(chosen, mean, 0), jnp.where(chosen, scale, 1)

    return map_over(of_row, trained)


def unscaled(params: Params, scaling: tuple[Array, Array], row: np.ndarray) -> Params:
    """Return parameters w (r, n, k), b (r, k, 1) of scaled features as those of X itself.

    Sums are in float64: a mean far above its deviation would cancel.
    """
    mean, scale = (np.asarray(part, np.float64)[row] for part in scaling)
    w = np.asarray(params.w, np.float64) / scale
    b = np.asarray(params.b, np.float64) - np.swapaxes(w, 1, 2) @ mean
    return Params(*jax.tree.map(partial(np.asarray, dtype=params.w.dtype), (w, b)))
