"""Checks of the arguments of public functions: each refuses in one line, with what was expected."""

import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

import numpy as np

from jax_logreg.errors import InputError, brief

_DTYPES = ("float32", "float64")


def check_dtype(dtype: object) -> str:
    """Return the name of a dtype, "float32" or "float64"; refuse any other (InputError)."""
    if isinstance(dtype, str) and dtype in _DTYPES:
        return dtype
    name = ""
    # NumPy would take None, and arrays, for a dtype.
    if isinstance(dtype, str | type | np.dtype):
        with suppress(TypeError):
            name = np.dtype(dtype).name
    if name not in _DTYPES:
        raise InputError(f"dtype is {brief(dtype)}: expected 'float32' or 'float64'")
    return name


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer, of Python or NumPy, not a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number within float64, of Python or NumPy, not a bool."""
    if is_integer(value):
        return abs(int(value)) < 2**1023
    return isinstance(value, float | np.floating)


def check_integer(name: str, value: object, least: int, below: int | None = None) -> None:
    """Refuse a value that is no integer from `least` to `below` − 1 (InputError)."""
    if is_integer(value) and value >= least and (below is None or value < below):
        return
    range_of = f" of at least {least}"
    if below is not None:
        range_of = f", at least {least} and below {_power(below)}"
    raise InputError(f"{name} is {brief(value)}: expected an integer{range_of}")


def check_number(
    name: str, value: object, above: float = -math.inf, below: float = math.inf, hint: str = ""
) -> None:
    """Refuse a value that is no finite number between `above` and `below` (InputError).

    Both ends are left out. `hint` is put at the end of the message.
    """
    if is_number(value) and above < value < below:
        return
    expected = "a finite number"
    if above == 0 and below == math.inf:
        expected = "a positive finite number"
    elif below != math.inf:
        expected = f"a number between {above:g} and {below:g}"
    raise InputError(f"{name} is {brief(value)}: expected {expected}{hint}")


def check_flag(name: str, value: object) -> None:
    """Refuse a value that is neither True nor False (InputError)."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {brief(value)}: expected True or False")


def check_callable(name: str, value: object, takes: str) -> None:
    """Refuse a value that cannot be called; None is fine (InputError)."""
    if value is not None and (not callable(value) or isinstance(value, type)):
        raise InputError(f"{name} is {brief(value)}: expected None, or a function of {takes}")


def check_text(name: str, value: object) -> None:
    """Refuse a value that is no text, or an empty one (InputError)."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {brief(value)}: expected a text")


def check_path(name: str, value: object) -> Path:
    """Return the path of a text or a path; refuse others, and what no system takes (InputError)."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise InputError(f"{name} is {brief(value)}: expected the path of a file or a folder")
    return Path(value)


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse a value that is not one of the texts (InputError)."""
    if not isinstance(value, str) or value not in choices:
        *others, last = map(repr, choices)
        expected = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"{name} is {brief(value)}: expected {expected}")


def check_methods(name: str, value: object, methods: Sequence[str], expected: str) -> None:
    """Refuse a value that is no object with these methods; None is fine (InputError)."""
    if value is None:
        return
    if isinstance(value, type) or not all(callable(getattr(value, one, None)) for one in methods):
        raise InputError(f"{name} is {brief(value)}: expected None or {expected}")


def read_array(name: str, value: object) -> np.ndarray:
    """Return the array of a value; refuse rows of unequal length, and no array (InputError)."""
    try:
        return np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        reason = " ".join((str(error) or type(error).__name__).split())
        raise InputError(f"{name} is {brief(value)}: expected an array: {reason[:200]}") from None


def real_array(
    name: str, value: object, shape: tuple[int | None, ...], expected: str
) -> np.ndarray:
    """Return the array of real numbers of a shape, in which None is any length (InputError)."""
    array = read_array(name, value)
    fits = array.ndim == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "biuf":
        raise InputError(f"{name} is {array.dtype} of shape {array.shape}: expected {expected}")
    return array


def _power(number: int) -> str:
    exponent = number.bit_length() - 1
    return f"2**{exponent}" if exponent > 20 and number == 2**exponent else str(number)
