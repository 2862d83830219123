"""Tables with a column a feature and one for the labels: CSV and Parquet."""

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from jax_logreg.data.categories import read_column
from jax_logreg.data.examples import Examples, NoWeights, Part, label_values
from jax_logreg.errors import InputError
from jax_logreg.extras import needs
from jax_logreg.memory import check_room

_TEXTS = ("string", "large_string", "dictionary<values=string", "dictionary<values=large_string")


class Columns(NamedTuple):
    """The columns that are no numbers: labels, example weights, and categories, where any are.

    Of categories "auto" means whatever is text.
    """

    label: str
    weights: str | None = None
    categorical: Sequence[str] | Literal["auto"] = ()

    def check(self, path: Path) -> None:
        """Refuse a column of categories that is named twice, or is something else (InputError)."""
        others = {self.label: "data.label", self.weights: "data.weights"}
        for i, name in enumerate(self.categorical if self.categorical != "auto" else ()):
            if name in others or name in self.categorical[:i]:
                twice = others.get(name, "itself a second time")
                raise InputError(
                    f"{path}: column '{name}' is named by data.categorical, and by {twice}: "
                    "expected one of both"
                )

    def named(self) -> dict[str, str]:
        """The option that names each of the columns."""
        categories = () if self.categorical == "auto" else self.categorical
        options = dict.fromkeys(categories, "categories with data.categorical")
        options[self.label] = "labels with data.label"
        if self.weights is not None:
            options[self.weights] = "weights with data.weights"
        return options


def read_csv(
    path: Path, columns: Columns, features: Sequence[str] | None, labelled: bool
) -> Examples:
    """The table of a CSV file in UTF-8 whose first line names the columns."""
    with needs("run"):
        from pyarrow import ArrowInvalid, csv, string
    # What looks like a number is kept as written, 007 and all.
    texts = {} if columns.categorical == "auto" else dict.fromkeys(columns.categorical, string())
    # Two characters can be a number of eight bytes.
    check_room(f"{path} of {path.stat().st_size} bytes", 4 * path.stat().st_size)
    try:
        # One thread, because only then does a ragged row know its number.
        options = csv.ReadOptions(use_threads=False)
        table = csv.read_csv(path, options, convert_options=csv.ConvertOptions(column_types=texts))
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
    file = parquet.ParquetFile(path)
    m, n = file.metadata.num_rows, file.metadata.num_columns
    share = m if part is None else m // part.of
    check_room(f"{path} of {m} rows and {n} columns", 8 * share * n)
    if columns.label in file.schema_arrow.names:
        # A long text that is kept once and named often stays one until its length is known.
        file = parquet.ParquetFile(path, metadata=file.metadata, read_dictionary=[columns.label])
    table, first = (file.read(), 0) if part is None else _read_rows(file, part.rows(m))
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
    check_unique(path, table.column_names)
    columns = dict.fromkeys(table.column_names)
    special.check(path)
    wanted = special.named()
    categorical = special.categorical
    if categorical == "auto":
        kinds = {name: str(table.column(name).type) for name in columns if name not in wanted}
        categorical = [name for name, kind in kinds.items() if kind.startswith(_TEXTS)]
    if features is None:
        features = [name for name in columns if name not in wanted and name not in categorical]
    if not labelled:
        del wanted[special.label]
    for name in [*wanted, *features]:
        if name not in columns:
            kind = NoWeights if name == special.weights else InputError
            raise kind(missing_column(path, name, list(columns), wanted.get(name)))
    categories = [read_column(path, table.column(name), name, first_line) for name in categorical]
    label = special.label
    labels = column_labels(path, table.column(label), label, first_line) if labelled else None
    weights = None
    if special.weights is not None:
        weights = column_numbers(path, table.column(special.weights), special.weights, first_line)
    values = [column_numbers(path, table.column(name), name, first_line) for name in features]
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
    )


def check_unique(path: Path, names: Sequence[str]) -> None:
    """Refuse columns of one name (InputError)."""
    name, count = next(iter(Counter(names).most_common(1)), ("", 0))
    if count > 1:
        raise InputError(f"{path} has {count} columns named '{name}': expected unique names")


def missing_column(path: Path, name: str, columns: list[str], option: str | None) -> str:
    """The line on a column that is not there, and what was likely meant."""
    near = get_close_matches(name, columns, 1)
    listed = ", ".join(columns[:10]) + (", ..." if len(columns) > 10 else "")
    mend = f": did you mean '{near[0]}'?" if near else f": it has {listed}"
    if option is not None:
        mend += f"{'' if near else '.'} Name the {option}"
    return f"{path} has no column '{name}'{mend}"


def column_numbers(path: Path, column: Any, name: str, first_line: int | None) -> np.ndarray:
    """A column as numbers, (m,); text or another type is an InputError."""
    kind = str(column.type)
    if kind.startswith(_TEXTS):
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
        "leave the column out, mend the value, name the column in data.categorical, or the labels "
        "with data.label"
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def column_labels(path: Path, column: Any, name: str, first_line: int | None) -> np.ndarray:
    """A column as labels, (m,); a missing one is an InputError."""
    values = _texts(column) if str(column.type).startswith("dictionary") else column.to_pylist()
    # Text columns keep an empty cell as "", which would pass for a class.
    missing = (None, "", "nan", "NaN")
    empty = next((i for i, v in enumerate(values) if v != v or v in missing), None)
    if empty is not None:
        line = "" if first_line is None else f" (line {empty + first_line})"
        raise InputError(f"{path}: label '{name}' of example {empty}{line} is missing")
    return label_values(values)


def _texts(column: Any) -> list[Any]:
    """What a dictionary column says, each of its texts kept once."""
    values: list[Any] = []
    for chunk in column.chunks:
        texts = chunk.dictionary.to_pylist()
        values += [None if i is None else texts[i] for i in chunk.indices.to_pylist()]
    return values
