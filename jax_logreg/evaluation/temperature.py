"""One number that mends probabilities which are too sure, or not sure enough."""

from functools import partial

import jax
import numpy as np
from jax import Array

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array
from jax_logreg.evaluation.examples import check_weights
from jax_logreg.logistic import Batch, Family, derivatives_along

# The range of a temperature: classes classified without an error would have it fall to 0, and
# probabilities that say nothing have it rise without end.
LOWEST, HIGHEST = 0.01, 100.0


def fit_temperature(Z: object, Y: object, s: object, family: Family) -> float:
    """The T of least cross-entropy of Z / T (Guo et al., ICML 2017, section 4.2).

    The cross-entropy is convex in 1/T: its slope, which the heart computes, changes sign once, and
    Brent's method finds where. T is from 0.01 to 100: an end where the slope does not change
    between, as of separable classes 0.01; 1 where T makes no difference. Nothing else is changed,
    neither the ranking of two classes nor the likeliest of several.

    Args:
        Z: logits (k, m), float32 or float64, which the slope is computed in.
        Y: labels of 0 and 1, (k, m), as `backprop` takes them.
        s: weights (m,) or (1, m), or None: all 1.
        family: what the logits are of.

    Raises:
        InputError: arrays that do not fit each other, or logits that are not finite.
    """
    if not isinstance(family, Family):
        raise InputError(f"family is {brief(family)}: expected BINOMIAL or MULTINOMIAL")
    # SciPy's optimisers take a quarter of a second to import.
    from scipy.optimize import brentq

    Z, Y, s = _checked(Z, Y, s)
    with jax.enable_x64(Z.dtype == np.float64):
        placed, *rows = map(jax.numpy.asarray, (Z, Y, s))
        batch = Batch(placed, *rows)
        total = jax.numpy.sum(batch.s)

        def slope(log: float) -> float:
            return float(_slope(np.asarray(np.exp(-log), Z.dtype), placed, batch, total, family))

        low, high = np.log(LOWEST), np.log(HIGHEST)
        # In log T, so the cost still falls where the slope in 1/T is positive.
        falls, rises = slope(high) >= 0, slope(low) <= 0
        if falls or rises:
            return 1.0 if falls and rises else HIGHEST if falls else LOWEST
        return float(np.exp(brentq(slope, low, high, xtol=1e-10)))


@partial(jax.jit, static_argnames="family")
def _slope(inverse: Array, Z: Array, batch: Batch, total: Array, family: Family) -> Array:
    """The derivative of J(Z / T) in 1/T: along Z, from Z / T."""
    slope, _ = derivatives_along(Z, inverse * Z, batch, total, family)
    return slope.sum()


def _checked(Z: object, Y: object, s: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    Z, Y = read_array("Z", Z), read_array("Y", Y)
    if Z.ndim != 2 or Z.dtype.name not in ("float32", "float64") or not Z.size:
        raise InputError(
            f"Z is {Z.dtype} of shape {Z.shape}: expected logits (k, m) in float32 or float64"
        )
    if Y.shape != Z.shape:
        raise InputError(f"Y has shape {Y.shape}: expected labels of 0 and 1, {Z.shape} as Z has")
    if Y.dtype.kind not in "biuf":
        raise InputError(f"Y has dtype {Y.dtype}: expected labels of 0 and 1")
    if not np.isfinite(Z).all():
        raise InputError(f"Z holds {Z[~np.isfinite(Z)][0]}: expected finite logits")
    s = check_weights(s, Z.shape[1])
    if not s.any():
        raise InputError(f"none of the {s.size} examples has a positive weight")
    return Z, Y.astype(Z.dtype), s.astype(Z.dtype)[None]
