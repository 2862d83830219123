"""Tables with a column a feature and one for the labels: CSV and Parquet."""

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.data.examples import Examples, Part, label_values
from jax_logreg.errors import InputError
from jax_logreg.extras import needs


class Columns(NamedTuple):
    """The columns that are no features: labels, and example weights where there are any."""

    label: str
    weights: str | None = None


def read_csv(
    path: Path, columns: Columns, features: Sequence[str] | None, labelled: bool
) -> Examples:
    """The table of a CSV file in UTF-8 whose first line names the columns."""
    with needs("run"):
        from pyarrow import ArrowInvalid, csv
    try:
        # One thread, because only then does a ragged row know its number.
        table = csv.read_csv(path, csv.ReadOptions(use_threads=False))
    except ArrowInvalid as error:
        reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
        raise InputError(f"{path} is no CSV table: {reason}") from None
    return _examples(path, table, columns, features, labelled, _first_line(path, table.num_rows))


def _first_line(path: Path, rows: int) -> int | None:
    """Line 2, or None where blank lines or line breaks inside quotes shift the count."""
    with path.open("rb") as file:
        last = max((i for i, line in enumerate(file) if line.strip()), default=0)
    return 2 if last == rows else None


def read_parquet(
    path: Path,
    columns: Columns,
    features: Sequence[str] | None,
    labelled: bool,
    part: Part | None = None,
) -> Examples:
    """The table of a Parquet file, or of a part its rows, with the row groups that hold it."""
    with needs("run"):
        from pyarrow import parquet
    with parquet.ParquetFile(path) as file:
        if part is None:
            table, first = file.read(), 0
        else:
            table, first = _read_rows(file, part.rows(file.metadata.num_rows))
    examples = _examples(path, table, columns, features, labelled, first_line=None)
    return examples._replace(first=first)


def _read_rows(file: Any, rows: slice) -> tuple[Any, int]:
    """These rows of an open Parquet file, and the number of the first."""
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    ends = np.cumsum(sizes)
    starts = ends - sizes
    groups = np.flatnonzero((ends > rows.start) & (starts < rows.stop)).tolist()
    table = file.read_row_groups(groups)
    skipped = rows.start - (int(starts[groups[0]]) if groups else 0)
    return table.slice(skipped, rows.stop - rows.start), rows.start


def _examples(
    path: Path,
    table: Any,
    special: Columns,
    features: Sequence[str] | None,
    labelled: bool,
    first_line: int | None,
) -> Examples:
    columns = Counter(table.column_names)
    name, count = columns.most_common(1)[0] if columns else ("", 0)
    if count > 1:
        raise InputError(f"{path} has {count} columns named '{name}': expected unique names")
    if features is None:
        features = [name for name in columns if name not in special]
    wanted = {special.label: "labels with data.label"} if labelled else {}
    if special.weights is not None:
        wanted[special.weights] = "weights with data.weights"
    for name in [*wanted, *features]:
        if name not in columns:
            raise InputError(_missing(path, name, list(columns), wanted.get(name)))
    label = special.label
    labels = _labels(path, table.column(label), label, first_line) if labelled else None
    weights = None
    if special.weights is not None:
        weights = _numbers(path, table.column(special.weights), special.weights, first_line)
    values = [_numbers(path, table.column(name), name, first_line) for name in features]
    dtype = np.result_type(*{value.dtype for value in values}) if values else np.float64
    X = np.empty((len(values), table.num_rows), dtype)
    for row, value in zip(X, values, strict=True):
        row[:] = value
    return Examples(X, labels, tuple(features), str(path), first_line=first_line, weights=weights)


def _missing(path: Path, name: str, columns: list[str], option: str | None) -> str:
    near = get_close_matches(name, columns, 1)
    listed = ", ".join(columns[:10]) + (", ..." if len(columns) > 10 else "")
    mend = f": did you mean '{near[0]}'?" if near else f": it has {listed}"
    if option is not None:
        mend += f" Name the {option}"
    return f"{path} has no column '{name}'{mend}"


def _numbers(path: Path, column: Any, name: str, first_line: int | None) -> np.ndarray:
    kind = str(column.type)
    if kind in ("string", "large_string"):
        raise InputError(_text(path, column.to_pylist(), name, first_line))
    if kind == "null":
        return np.full(len(column), np.nan)
    if not (kind == "bool" or kind.startswith(("int", "uint", "float", "double", "halffloat"))):
        raise InputError(f"{path}: column '{name}' is of type {kind}: expected numbers")
    values = column.to_numpy()
    # With nulls pyarrow hands booleans over as objects.
    return values.astype(np.float64) if values.dtype.kind == "O" else values


def _text(path: Path, values: list[Any], name: str, first_line: int | None) -> str:
    # In Parquet even numbers may be stored as text.
    i = next((i for i, value in enumerate(values) if not _is_number(value)), 0)
    where = f"example {i}" + ("" if first_line is None else f" (line {i + first_line})")
    return (
        f"{path}: column '{name}' is {values[i]!r} in {where}: expected numbers; "
        "leave the column out, mend the value, or name the labels with data.label"
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _labels(path: Path, column: Any, name: str, first_line: int | None) -> np.ndarray:
    values = column.to_pylist()
    # Text columns keep an empty cell as "", which would pass for a class.
    missing = (None, "", "nan", "NaN")
    empty = next((i for i, v in enumerate(values) if v != v or v in missing), None)
    if empty is not None:
        line = "" if first_line is None else f" (line {empty + first_line})"
        raise InputError(f"{path}: label '{name}' of example {empty}{line} is missing")
    return label_values(values)
