"""From a column of values to codes, which number its levels, and from codes to a matrix."""

from collections.abc import Sequence

import jax
import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_dtype, check_flag, check_integer, read_array
from jax_logreg.matrix.categorical import Categorical
from jax_logreg.shapes import Array


def encode(
    values: object, levels: Sequence[object] | None = None
) -> tuple[np.ndarray, tuple[object, ...]]:
    """Codes (m,) of one column, text or integers, and its levels, sorted where none are given.

    Codes and levels of an encoded column are taken as they are: a pandas Categorical, a Series of
    it, or a pyarrow dictionary array. The code of a missing value (None, NaN) is the number of
    levels. So is that of a value outside of the given levels.

    Raises:
        InputError: values that are not one column of text, integers or booleans.
    """
    codes, found = _encoded(values)
    if levels is None:
        return codes, found
    names = read_array("levels", levels)
    if names.ndim != 1 or names.dtype.kind not in "biufUSTO" or isinstance(levels, str | bytes):
        raise InputError(
            f"levels is {brief(levels)}: expected a list of the values to number, or None for all"
        )
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
        raise InputError(
            f"values has shape {array.shape}: expected one column, (m,): encode each column alone"
        )
    missing = array != array if array.dtype.kind in "fO" else np.zeros(array.shape, bool)
    if array.dtype.kind == "O":
        missing = missing | np.array([value is None for value in array], bool)
    known = np.asarray(array[~missing].tolist()) if missing.any() else array
    known = np.asarray(known.tolist()) if known.dtype.kind == "O" else known
    if known.dtype.kind == "f" and np.all(known == np.round(known)):
        known = known.astype(np.int64)
    if known.dtype.kind not in "biuUST":
        raise InputError(
            f"values has dtype {known.dtype}: expected text, integers or booleans: str of each "
            "value makes text"
        )
    unique, inverse = np.unique(known, return_inverse=True)
    codes = np.full(array.shape, unique.size, np.int64)
    codes[~missing] = inverse
    return codes, tuple(unique.tolist())


def from_codes(
    codes: Sequence[object],
    levels: Sequence[int],
    *,
    drop_first: bool = False,
    dtype: str = "float32",
) -> Categorical:
    """The one-hot X (n, m) of columns of integer codes, (m,) each; column j has levels[j] levels.

    A code of levels[j] is no level: all zeros. With `drop_first` so is level 0, and n is less
    by one for each column. Without a penalty and with an intercept, only this makes coefficients
    unique. By default every level has its feature: a penalty then treats all levels alike.

    `dtype` is that of the examples and features given back.

    Raises:
        InputError: no columns, columns of several lengths, or a number that is no code.
    """
    check_flag("drop_first", drop_first)
    dtype = check_dtype(dtype)
    arrays = _columns(codes, levels)
    counts = tuple(int(count) - drop_first for count in levels)
    for j, count in enumerate(levels):
        if count - drop_first < 1:
            raise InputError(
                f"column {j} of codes has {count} level{'s' * (count != 1)}: expected at least "
                f"{1 + drop_first}: leave the column out"
            )
    pairs = enumerate(zip(arrays, levels, strict=True))
    checked = [_checked(j, array, int(count), drop_first) for j, (array, count) in pairs]
    return Categorical(tuple(checked), counts, dtype)


def _columns(codes: Sequence[object], levels: Sequence[int]) -> list[np.ndarray]:
    """The columns of codes, (m,) each, as many as numbers of levels; others are an InputError."""
    several: dict[str, object] = {"codes": codes, "levels": levels}
    for name, given in several.items():
        axes = getattr(given, "ndim", 0)
        listed = isinstance(given, Sequence) or (isinstance(axes, int) and axes > 0)
        if isinstance(given, str | bytes) or not listed:
            raise InputError(
                f"{name} is {brief(given)}: expected a list with one entry for each column"
            )
    arrays = [read_array(f"codes[{j}]", column) for j, column in enumerate(codes)]
    for j, count in enumerate(levels):
        check_integer(f"levels[{j}]", count, 0, 2**31)
    if not arrays or len(arrays) != len(levels):
        raise InputError(
            f"codes has {len(arrays)} columns and levels has {len(levels)} entries: expected as "
            "many of both, and at least one"
        )
    lengths = {array.shape for array in arrays}
    if len(lengths) > 1 or arrays[0].ndim != 1:
        shapes = ", ".join(map(str, sorted(lengths)))
        raise InputError(
            f"columns of codes have shapes {shapes}: expected (m,) for all, one code an example"
        )
    return arrays


def _checked(j: int, codes: np.ndarray, count: int, drop_first: bool) -> Array:
    """The codes of column j as they are stored, less one where the first level is dropped."""
    if codes.dtype.kind not in "iu":
        raise InputError(
            f"column {j} of codes has dtype {codes.dtype}: expected integers: encode(values) makes "
            "codes of text"
        )
    wrong = np.flatnonzero((codes < 0) | (codes > count))
    if wrong.size:
        raise InputError(
            f"the code of example {wrong[0]} in column {j} is {codes[wrong[0]]}: expected 0 to "
            f"{count - 1}, or {count} for no level"
        )
    if drop_first:
        count -= 1
        codes = np.where(codes == 0, count, codes.astype(np.int64) - 1)
    return jax.device_put(codes.astype(np.min_scalar_type(count)))
