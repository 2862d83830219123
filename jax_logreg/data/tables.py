"""Tables with a column a feature and one for the labels: CSV and Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data.categories import read_column
from jax_logreg.data.cells import (
    Where,
    check_spoilt,
    column_labels,
    column_numbers,
    example_at,
    is_text,
)
from jax_logreg.data.columns import (
    Columns,
    check_excluded,
    check_unique,
    choose,
    missing_column,
)
from jax_logreg.data.delimited import check_text
from jax_logreg.data.examples import Examples, NoWeights, Part
from jax_logreg.data.lists import is_list, places, spread
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room


def read_csv(
    path: Path, columns: Columns, features: Sequence[str] | None, labelled: bool
) -> Examples:
    """The table of a CSV file in UTF-8 whose first line names the columns."""
    with needs("run"):
        from pyarrow import ArrowInvalid, csv, string
    # A label that looks like a number stays as written, 007 and all.
    named = () if columns.categorical == "auto" else columns.categorical
    texts = dict.fromkeys([*named, *([columns.label] if labelled else [])], string())
    # Two characters can be a number of eight bytes.
    check_room(f"{path} of {path.stat().st_size} bytes", 4 * path.stat().st_size)
    check_text(path, columns.label)
    try:
        # One thread, because only then does a ragged row know its number.
        options = csv.ReadOptions(use_threads=False)
        table = csv.read_csv(path, options, convert_options=csv.ConvertOptions(column_types=texts))
    except ArrowInvalid as error:
        reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
        raise InputError(f"{path} is no CSV table: {reason}") from None
    first_line = _first_line(path, table.num_rows)
    return _examples(path, table, columns, features, labelled, first_line, spelled=True)


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
    file = parquet.ParquetFile(path)
    m, n = file.metadata.num_rows, file.metadata.num_columns
    held = max(m * n, _numbers_in(file)) if any(map(is_list, file.schema_arrow.types)) else m * n
    check_room(f"{path} of {m} rows and {n} columns", 8 * held // (1 if part is None else part.of))
    if columns.label in file.schema_arrow.names:
        # A long text that is kept once and named often stays one until its length is known.
        file = parquet.ParquetFile(path, metadata=file.metadata, read_dictionary=[columns.label])
    table, first = (file.read(), 0) if part is None else _read_rows(file, part.rows(m))
    examples = _examples(path, table, columns, features, labelled, None, spelled=False)
    return examples._replace(first=first)


def _numbers_in(file: Any) -> int:
    """Return how many numbers a Parquet file holds, those of its lists too."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    return sum(group.column(j).num_values for group in groups for j in range(group.num_columns))


def _read_rows(file: Any, rows: slice) -> tuple[object, int]:
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
    spelled: bool,
) -> Examples:
    names = table.column_names
    choice = choose(path, names, special, table.schema.metadata)
    wanted, where = special.named(), example_at(first_line)
    categorical, chosen = special.categorical, special.categorical != "auto"
    if categorical == "auto":
        categorical = [one for one in choice.candidates if is_text(table.column(one).type)]
    notes: tuple[str, ...] = ()
    known = features is not None
    lists = _lists(path, table, choice.candidates, features, where)
    if features is None:
        check_excluded(path, names, special.exclude)
        notes = choice.notes(path)
        features = [
            feature
            for name in choice.candidates
            if name not in categorical
            for feature in lists.get(name, {name: None})
        ]
        check_unique(path, features)
    spread_out = {feature: row for rows in lists.values() for feature, row in rows.items()}
    if not labelled:
        del wanted[special.label]
    for name in [*wanted, *features]:
        if name not in names and name not in spread_out:
            kind = NoWeights if name == special.weights else InputError
            raise kind(missing_column(path, name, names, wanted.get(name)))
    if not known:
        for name in categorical:
            notes += check_spoilt(path, table.column(name), name, where, chosen)
    categories = [read_column(path, table.column(name), name, first_line) for name in categorical]
    labels, weights = None, None
    if labelled:
        column = table.column(special.label)
        labels, more = column_labels(path, column, special.label, where, spelled)
        notes += more
    if special.weights is not None:
        weights = column_numbers(path, table.column(special.weights), special.weights, where)
    values = [
        spread_out[name]
        if name in spread_out
        else column_numbers(path, table.column(name), name, where)
        for name in features
    ]
    dtype = np.result_type(*{value.dtype for value in values}) if values else np.float64
    X = np.empty((len(values), table.num_rows), dtype)
    for row, value in zip(X, values, strict=True):
        row[:] = value
    return Examples(
        X,
        labels,
        tuple(features),
        str(path),
        first_line=first_line,
        weights=weights,
        categories=tuple(categories),
        notes=notes,
    )


def _lists(
    path: Path, table: Any, names: list[str], features: Sequence[str] | None, where: Where
) -> dict[str, dict[str, np.ndarray]]:
    """The features of each column of lists, where they are wanted, and the numbers (m,) of each."""
    found = {}
    for name in names:
        column = table.column(name)
        wanted = features is None or any(one.startswith(f"{name}[") for one in features)
        if wanted and is_list(column.type):
            rows = spread(path, column, name, where)
            found[name] = dict(zip(places(name, rows.shape[1]), rows.T, strict=True))
    return found
