"""Columns as CSV: the one writer of whatever the project leaves as such a table."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import numpy as np


def write_columns(file: TextIO, columns: Mapping[str, object]) -> None:
    """Write columns of equal length, with a line of their names.

    A number takes the fewest digits that read back as it is in its dtype; NaN is an empty cell.
    A cell is quoted only where it holds a comma, a quote or a line break.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*map(_cells, columns.values()), strict=True))


def csv_bytes(columns: Mapping[str, object]) -> bytes:
    """Return the columns as the content of a CSV file, in UTF-8."""
    text = io.StringIO()
    write_columns(text, columns)
    return text.getvalue().encode()


def finite_or_nan(values: object) -> np.ndarray:
    """Return the values with NaN, an empty cell, in place of what is infinite."""
    values = np.asarray(values)
    return np.where(np.isfinite(values), values, np.asarray(np.nan, values.dtype))


def _cells(values: Any) -> Iterable[object]:
    if hasattr(values, "__array__"):
        values = np.asarray(values)
        # A narrower float as a Python float would show digits that it does not have.
        if values.dtype.kind != "f" or values.itemsize == 8:
            values = values.tolist()
    return ("" if value != value else value for value in values)
