"""Columns of categories as they were read, and the levels that make features of them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.matrix import Categorical, from_codes

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

# The name of an empty cell: a level like others, as scikit-learn's OneHotEncoder has it.
MISSING = "(missing)"


class Column(NamedTuple):
    """A column of categories: the codes (m,) of m examples, numbers of the levels, which are text.

    Text stays as it was written, integers are their digits, booleans "true" and "false".
    """

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]

    def take(self, examples: np.ndarray) -> "Column":
        """Return the column of these examples."""
        return self._replace(codes=self.codes[examples])


class Levels(NamedTuple):
    """The levels of each column of categories in the training part; each level is a feature.

    Another value counts as no level: zeros. With `drop_first` the first level does too.
    """

    names: tuple[str, ...] = ()
    levels: tuple[tuple[str, ...], ...] = ()
    drop_first: bool = False

    @classmethod
    def fit(cls, columns: Sequence[Column], source: str, drop_first: bool = False) -> "Levels":
        """Return the levels: integers by size, other text by its letters, the missing level last.

        Raises:
            InputError: a column of one level, which `drop_first` leaves out.
        """
        levels = []
        for column in columns:
            seen = np.flatnonzero(np.bincount(column.codes, minlength=len(column.levels)))
            levels.append(_sorted([column.levels[i] for i in seen]))
            if drop_first and len(levels[-1]) == 1:
                raise InputError(
                    f"{source}: column '{column.name}' has one level only, '{levels[-1][0]}', and "
                    "data.drop_first leaves it out: leave the column out"
                )
        return cls(tuple(column.name for column in columns), tuple(levels), drop_first)

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the features: city=Berlin."""
        return tuple(
            f"{name}={level}"
            for name, levels in zip(self.names, self.levels, strict=True)
            for level in levels[self.drop_first :]
        )

    def apply(self, columns: Sequence[Column], dtype: str) -> Categorical:
        """Return the one-hot features of the columns, as codes of these levels."""
        codes = [self._codes(column) for column in columns]
        counts = [len(levels) for levels in self.levels]
        return from_codes(codes, counts, drop_first=self.drop_first, dtype=dtype)

    def unknown(self, columns: Sequence[Column], source: str) -> list[str]:
        """Return a note on each column with levels that the training part lacks."""
        lines = []
        for column, levels in zip(columns, self.levels, strict=True):
            codes = self._codes(column)
            wrong = np.flatnonzero(codes == len(levels))
            if wrong.size:
                first = column.levels[column.codes[wrong[0]]][:40]
                lines.append(
                    f"{source}: {column.name!r} of {wrong.size} of {codes.size} examples is a "
                    f"level that no training example has, such as {first!r}: it counts as no level"
                )
        return lines

    def rare(self, m: int) -> list[str]:
        """Return a note on each column with more levels than half of the m training examples."""
        return [
            f"Column {name!r} has {len(levels)} levels for {m} training examples: the coefficients "
            "of most levels come from one example."
            for name, levels in zip(self.names, self.levels, strict=True)
            if 2 * len(levels) > max(m, 20)
        ]

    def _codes(self, column: Column) -> np.ndarray:
        levels = self.levels[self.names.index(column.name)]
        number = {level: i for i, level in enumerate(levels)}
        to = np.array([number.get(level, len(levels)) for level in column.levels], np.int64)
        return to[column.codes]


def _sorted(levels: Iterable[str]) -> tuple[str, ...]:
    levels = set(levels)
    known = levels - {MISSING}
    integers = all(level.removeprefix("-").isdecimal() for level in known)
    return (*sorted(known, key=(lambda a: (int(a), a)) if integers else None), *levels - known)


def read_column(
    path: Path, column: "ChunkedArray", name: str, where: Callable[[int], str]
) -> Column:
    """Return a column of a pyarrow table as codes.

    Raises:
        InputError: numbers that are no integers, or cells that are no text, integers or booleans.
    """
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_floating(column.type):
        # Where something is missing, tables keep integers as floats.
        values = column.to_numpy()
        missing = np.isnan(values)
        wrong = np.flatnonzero(~missing & ~(np.abs(values) < 2**53) | (values % 1 > 0))
        if wrong.size:
            raise InputError(_measured(path, values[wrong[0]], name, int(wrong[0]), where))
        integers = np.where(missing, 0, values).astype(np.int64)
        column = pyarrow.chunked_array([pyarrow.array(integers, mask=missing)])
    kind = str(column.type)
    if not kind.startswith(("string", "large_string", "bool", "int", "uint", "null")):
        raise InputError(
            f"{path}: column '{name}' is of type {kind}: expected text, integers or booleans, as "
            "data.categorical names it: leave it out there"
        )
    encoded = column.cast("string").combine_chunks().dictionary_encode()
    levels = [level or MISSING for level in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(levels)).to_numpy()
    if np.any(codes == len(levels)):
        levels.append(MISSING)
    number = {level: i for i, level in enumerate(dict.fromkeys(levels))}
    codes = np.array([number[level] for level in levels], np.int64)[codes]
    meanings = {level: _number(level) for level in number if level != MISSING}
    if None not in meanings.values():
        fractions = [number[level] for level, value in meanings.items() if (value or 0) % 1 > 0]
        wrong = np.flatnonzero(np.isin(codes, fractions))
        if wrong.size:
            value = tuple(number)[codes[wrong[0]]]
            raise InputError(_measured(path, value, name, int(wrong[0]), where))
    return Column(name, codes, tuple(number))


def _measured(path: Path, value: object, name: str, i: int, where: Callable[[int], str]) -> str:
    return (
        f"{path}: column '{name}' is {value} in {where(i)}: expected text, integers or booleans, "
        "as data.categorical names it: leave it out there to read it as numbers"
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
