"""The penalty of a fit: its numbers refused with one clear line, its factors one a feature."""

import math
from dataclasses import replace
from typing import TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import treedef_is_leaf

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array
from jax_logreg.penalty import L1, L2, ElasticNet, Penalty
from jax_logreg.shapes import Float, NDArray


def check_penalty(penalty: object, n: int) -> Penalty | None:
    """Return the penalty, its factors of shape (n, 1).

    Raises:
        InputError: no penalty, or a number out of range.
    """
    if penalty is None:
        return None
    if not _is_penalty(penalty):
        raise InputError(
            f"penalty is {brief(penalty)}: expected None, L2(strength), L1(strength) "
            "or ElasticNet(strength, l1_ratio)"
        )
    name = type(penalty).__name__
    if not isinstance(penalty, L1 | L2 | ElasticNet):
        _check_pytree(name, penalty)
        _check_coefficients(name, penalty, n)
        return penalty
    _check_number(f"{name}.strength", penalty.strength, "0 or larger")
    if isinstance(penalty, ElasticNet):
        _check_number(f"{name}.l1_ratio", penalty.l1_ratio, "from 0 to 1", highest=1)
    factors = penalty.factors
    if factors is not None:
        factors = _check_factors(f"{name}.factors", factors, n)
    _check_pytree(name, penalty)
    return replace(penalty, factors=factors)


def _is_penalty(penalty: object) -> TypeGuard[Penalty]:
    # By name alone: l1 and l2 are computed, and raise where factors are no numbers.
    known = {*dir(type(penalty)), *getattr(penalty, "__dict__", ())}
    return not isinstance(penalty, type) and {"l1", "l2", "smooth"} <= known


def _check_pytree(name: str, penalty: Penalty) -> None:
    if treedef_is_leaf(jax.tree.structure(penalty)):
        raise InputError(
            f"penalty is a {name}, a class that JAX does not know: expected a pytree: decorate it "
            "with jax_logreg.pytree.pytree"
        )


def _check_factors(name: str, factors: object, n: int) -> Float[np.ndarray, "n 1"]:
    """Return factors (n, 1), finite and not negative."""
    factors = np.asarray(real_numbers(name, factors))
    if factors.shape not in ((n,), (n, 1)):
        raise InputError(f"{name} has shape {factors.shape}: expected ({n},), one for each feature")
    wrong = np.flatnonzero(~(np.isfinite(factors.ravel()) & (factors.ravel() >= 0)))
    if wrong.size:
        raise InputError(
            f"{name}[{wrong[0]}] is {factors.ravel()[wrong[0]]}: expected finite numbers, "
            "0 (unpenalised) or larger"
        )
    return factors.reshape(n, 1)


def _check_coefficients(name: str, penalty: Penalty, n: int) -> None:
    """Refuse an l1 or l2 of a user's own penalty that no formula here is for (InputError)."""
    for which in ("l1", "l2"):
        values = np.asarray(real_numbers(f"{name}.{which}", getattr(penalty, which)))
        good = values.shape in ((), (n, 1)) and np.all(np.isfinite(values) & (values >= 0))
        if not good or (which == "l1" and penalty.smooth and np.any(values)):
            mend = "; an l1 other than 0 needs smooth = False" if which == "l1" else ""
            raise InputError(
                f"{name}.{which} is from {np.min(values)} to {np.max(values)}, of shape "
                f"{values.shape}: expected a finite number, 0 or larger, or one for each feature, "
                f"({n}, 1){mend}"
            )


def _check_number(name: str, value: object, expected: str, highest: float = math.inf) -> None:
    number = read_array(name, value)
    if number.shape != () or number.dtype.kind not in "iuf":
        raise InputError(f"{name} is {brief(value)}: expected a number, {expected}")
    if not (0 <= number <= highest and np.isfinite(number)):
        raise InputError(f"{name} is {number}: expected a finite number, {expected}")


def real_numbers(name: str, value: object) -> NDArray:
    """Return an array of real numbers or booleans, of JAX's as it is.

    Raises:
        InputError: no array, or one of other entries.
    """
    array = value if isinstance(value, jax.Array) else read_array(name, value)
    if jnp.issubdtype(array.dtype, jnp.bool_) or (
        jnp.issubdtype(array.dtype, jnp.number)
        and not jnp.issubdtype(array.dtype, jnp.complexfloating)
    ):
        return array
    mend = ": turn text into numbers, such as one-hot features" if array.dtype.kind in "US" else ""
    if hasattr(value, "toarray"):
        mend = f", or a SciPy sparse matrix: pass {name}.toarray()"
    raise InputError(
        f"{name} is {brief(value)} of dtype {array.dtype}: expected real numbers{mend}"
    )
