"""Functions of NumPy in another form: as JAX has them, or in fewer calls of Python.

A small fit is made of thousands of these calls. `np.sum` goes through three functions of Python to
`np.add.reduce`, and `np.where` makes an array of two numbers.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

# Types of numbers, and the numbers of Python that take the type of each.
_NUMBERS: dict[type, tuple[type, ...]] = {
    np.bool_: (bool,),
    np.int32: (int,),
    np.float32: (int, float),
    np.float64: (int, float),
}


# The type of one condition.
_ONE: type = np.bool_


def _where(condition: np.ndarray, a: ArrayLike, b: ArrayLike) -> object:
    """Return one of two numbers as it is, where one condition chooses."""
    if type(condition) is _ONE:
        of_a: type = type(a)
        of_b: type = type(b)
        if of_a is of_b and of_a in _NUMBERS:
            return a if condition else b
        if of_b in _NUMBERS.get(of_a, ()):
            return a if condition else of_a(b)
        if of_a in _NUMBERS.get(of_b, ()):
            return of_b(a) if condition else b
    return np.where(condition, a, b)


def _select(
    conditions: Sequence[np.ndarray], choices: Sequence[np.ndarray], default: np.ndarray
) -> object:
    if {_ONE} == set(map(type, conditions)) and _alike([*choices, default]):
        held = (choice for condition, choice in zip(conditions, choices, strict=True) if condition)
        return next(held, default)
    return np.select(conditions, choices, default)


def _stack(parts: Sequence[np.ndarray], axis: int = 0) -> np.ndarray:
    return np.array(parts) if axis == 0 and _alike(parts) else np.stack(parts, axis)


def _alike(values: Sequence[object]) -> bool:
    """Return whether all values are numbers of one type."""
    types = set(map(type, values))
    return len(types) == 1 and types <= _NUMBERS.keys()


def _full_like(
    like: np.ndarray,
    value: ArrayLike,
    dtype: DTypeLike | None = None,
    shape: tuple[int, ...] | None = None,
) -> object:
    """Return one value in every place; a number where the shape is ()."""
    filled = np.empty(like.shape if shape is None else shape, dtype or like.dtype)
    filled[...] = value
    return filled[()]


def _filled_with(value: int) -> Callable[..., object]:
    def call(
        like: np.ndarray, dtype: DTypeLike | None = None, shape: tuple[int, ...] | None = None
    ) -> object:
        return _full_like(like, value, dtype, shape)

    return call


def _copy(a: np.ndarray) -> np.ndarray:
    """Return a copy of an array; a number cannot change."""
    return a if type(a) in _NUMBERS else np.array(a)


def _clip(a: np.ndarray, low: ArrayLike, high: ArrayLike) -> object:
    return np.minimum(np.maximum(a, low), high)


def _block(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Return the matrix of matrices."""
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _append(a: np.ndarray, values: ArrayLike) -> np.ndarray:
    # NumPy would take a number of Python for an int64 or a float64.
    return np.concatenate([a.ravel(), np.asarray(values, a.dtype).ravel()])


def _matmul(a: np.ndarray, b: np.ndarray, precision: object = None) -> np.ndarray:
    return np.matmul(a, b)


def _vdot(a: np.ndarray, b: np.ndarray, precision: object = None) -> np.generic:
    return np.vdot(a, b)


def _nanmedian(a: np.ndarray) -> np.generic:
    """Return the median of the numbers; NaN of nothing else, as in JAX, without a warning."""
    numbers = a[~np.isnan(a)]
    return cast(np.generic, np.median(numbers)) if numbers.size else a.dtype.type(np.nan)


# Reductions take their axis by name.
OWN: dict[str, Callable[..., object]] = {
    "all": partial(np.logical_and.reduce, axis=None),
    "any": partial(np.logical_or.reduce, axis=None),
    "append": _append,
    "block": _block,
    "clip": _clip,
    "copy": _copy,
    "full_like": _full_like,
    "matmul": _matmul,
    "max": partial(np.maximum.reduce, axis=None),
    "min": partial(np.minimum.reduce, axis=None),
    "nanmedian": _nanmedian,
    "ones_like": _filled_with(1),
    "select": _select,
    "stack": _stack,
    "sum": partial(np.add.reduce, axis=None),
    "vdot": _vdot,
    "where": _where,
    "zeros_like": _filled_with(0),
}
