"""The numbers and names that a fit is told beside its arrays: refused where they are none."""

import math
from typing import Any

import numpy as np

from jax_logreg.errors import InputError

_DTYPES = ("float32", "float64")
_MODES = ("every", "ends", "off")


def check_dtype(dtype: Any) -> str:
    """The name of the dtype, "float32" or "float64"; anything else is a ValueError."""
    if isinstance(dtype, str) and dtype in _DTYPES:
        return dtype
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in _DTYPES:
        raise InputError(f"dtype is {dtype!r}: expected 'float32' or 'float64'")
    return name


def check_settings(steps: Any, tolerance: Any, gradient_check: Any) -> int | None:
    """Refuse numbers out of range (ValueError); how often the loop checks, None for never."""
    if not is_integer(steps) or not 0 <= steps < 2**31:
        raise InputError(f"steps is {steps!r}: expected an integer, at least 0 and below 2**31")
    if not isinstance(tolerance, int | float | np.number) or not 0 <= tolerance < math.inf:
        raise InputError(
            f"tolerance is {tolerance!r}: expected a finite number, 0 (never stop early) or more"
        )
    if isinstance(gradient_check, str) and gradient_check in _MODES:
        return 1 if gradient_check == "every" else None
    if is_integer(gradient_check) and 0 < gradient_check < 2**31:
        return int(gradient_check)
    raise InputError(
        f"gradient_check is {gradient_check!r}: expected 'every', 'ends', 'off', "
        "or an integer N of at least 1 to check every N steps"
    )


def is_integer(value: Any) -> bool:
    """Whether it is an integer, of Python or NumPy; a bool is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_seed(seed: Any) -> None:
    """Refuse what NumPy's generators cannot start from (ValueError)."""
    if not is_integer(seed) or seed < 0:
        raise InputError(f"seed is {seed!r}: expected an integer of at least 0")
