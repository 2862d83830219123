"""The temperature: one number that mends probabilities which are too sure, or not sure enough."""

from functools import partial

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.programs import program
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array
from jax_logreg.evaluation.examples import check_weights
from jax_logreg.logistic import Batch, Family, derivatives_along

# The range of a temperature. Without a range it falls to 0 where all examples are classified right,
# and rises without end where probabilities say nothing.
LOWEST, HIGHEST = 0.01, 100.0


def fit_temperature(Z: object, Y: object, s: object, family: Family) -> float:
    """Return the T of least cross-entropy of Z / T (Guo et al., ICML 2017, section 4.2).

    The cross-entropy is convex in 1/T: its slope, which the heart computes, changes sign once, and
    Brent's method finds the place. T is from 0.01 to 100. It is an end where the slope has one sign
    between them, as 0.01 for separable classes. It is 1 where T makes no difference. The ranking of
    two classes stays as it is, and so does the likeliest of several.

    Args:
        Z: logits (k, m), float32 or float64, the dtype of the slope.
        Y: labels of 0 and 1, (k, m), as `backprop` takes them.
        s: weights (m,) or (1, m), or None: all 1.
        family: the family of the logits.

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
        # 1/T falls as T rises: where the slope in 1/T is positive, the cost falls with T.
        falls, rises = slope(high) >= 0, slope(low) <= 0
        if falls or rises:
            return 1.0 if falls and rises else HIGHEST if falls else LOWEST
        return float(np.exp(brentq(slope, low, high, xtol=1e-10)))


@partial(program, static_argnames="family")
def _slope(inverse: Array, Z: Array, batch: Batch, total: Array, family: Family) -> Array:
    """Return the derivative of J(Z / T) in 1/T: along Z, from Z / T."""
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
        raise InputError(
            f"none of the {s.size} examples has a positive weight: expected at least one"
        )
    return Z, Y.astype(Z.dtype), s.astype(Z.dtype)[None]
