"""From a column of values to codes, and the levels that they number."""

from collections.abc import Sequence

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import read_array


def encode(
    values: object, levels: Sequence[object] | None = None
) -> tuple[np.ndarray, tuple[object, ...]]:
    """Codes (m,) of one column, text or integers, and its levels, sorted where none are given.

    Of what is already encoded, a pandas Categorical or Series of it, or a pyarrow dictionary
    array, codes and levels are taken as they are. A missing value (None, NaN), or one
    outside of the given levels, has the number of levels as its code.

    Raises:
        InputError: values that are not one column of text, integers or booleans.
    """
    codes, found = _encoded(values)
    if levels is None:
        return codes, found
    names = read_array("levels", levels)
    if names.ndim != 1 or names.dtype.kind not in "biufUSTO" or isinstance(levels, str | bytes):
        raise InputError(f"levels is {brief(levels)}: expected a list of them")
    number = {level: i for i, level in enumerate(levels)}
    to = np.array([*(number.get(level, len(number)) for level in found), len(number)])
    return to[codes], tuple(levels)


def _encoded(values: object) -> tuple[np.ndarray, tuple[object, ...]]:
    values = getattr(values, "cat", values)
    values = values.combine_chunks() if hasattr(values, "combine_chunks") else values
    if hasattr(values, "categories") and hasattr(values, "codes"):
        codes, levels = np.array(values.codes, np.int64), tuple(values.categories)
        return np.where(codes < 0, len(levels), codes), levels
    if hasattr(values, "dictionary") and hasattr(values, "indices"):
        levels = tuple(values.dictionary.to_pylist())
        return np.asarray(values.indices.fill_null(len(levels)), np.int64), levels
    array = read_array("values", values)
    if array.ndim != 1:
        raise InputError(f"values have shape {array.shape}: expected one column, (m,)")
    missing = array != array if array.dtype.kind in "fO" else np.zeros(array.shape, bool)
    if array.dtype.kind == "O":
        missing = missing | np.array([value is None for value in array], bool)
    known = np.asarray(array[~missing].tolist()) if missing.any() else array
    known = np.asarray(known.tolist()) if known.dtype.kind == "O" else known
    if known.dtype.kind == "f" and np.all(known == np.round(known)):
        known = known.astype(np.int64)
    if known.dtype.kind not in "biuUST":
        raise InputError(f"values are of type {known.dtype}: expected text, integers or booleans")
    unique, inverse = np.unique(known, return_inverse=True)
    codes = np.full(array.shape, unique.size, np.int64)
    codes[~missing] = inverse
    return codes, tuple(unique.tolist())
