"""Columns as CSV: the one writer of all CSV tables of the project."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TextIO

import numpy as np


def write_columns(file: TextIO, columns: Mapping[str, object]) -> None:
    """Write columns of equal length, with a line of their names.

    A number takes the fewest digits that are read back as the same number of its dtype. NaN is an
    empty cell. A cell is quoted only where it holds a comma, a quote or a line break.
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
    """Return the values with NaN, an empty cell, in place of infinity."""
    values = np.asarray(values)
    return np.where(np.isfinite(values), values, np.asarray(np.nan, values.dtype))


def _cells(values: object) -> Iterable[object]:
    if hasattr(values, "__array__"):
        array = np.asarray(values)
        # A narrower float as a Python float would show digits that it does not have.
        values = array if array.dtype.kind == "f" and array.itemsize != 8 else array.tolist()
    assert isinstance(values, Iterable)
    return ("" if value != value else value for value in values)
