"""Files with a column a feature: Parquet, Arrow IPC, CSV."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data.cells import (
    column_labels,
    column_numbers,
    encode,
    holds_numbers,
    not_a_number,
    plain,
)
from jax_logreg.data.columns import choose, missing_column
from jax_logreg.data.delimited import check_text, line_of
from jax_logreg.data.examples import NoWeights
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.spelling import is_number
from jax_logreg.data.stream.part import Names, Part
from jax_logreg.errors import InputError
from jax_logreg.extras import needs

# Bytes of text that are read at a time: by default shorter pieces make more batches.
BLOCK = 2**24


class _Table(Part):
    """A table in batches of rows; what is no label and no weight is a feature."""

    by_rows = False

    def __init__(self, path: Path, names: Names) -> None:
        super().__init__(path)
        self._names = names
        with library_errors(path):
            self._columns = self._schema()
            self._describe(self._columns, names)

    def _describe(self, schema: Any, names: Names) -> None:
        path = self.path
        if not schema.names:
            return
        special = names.columns
        choice = choose(path, schema.names, special, schema.metadata)
        for name, option in special.named().items():
            if name not in schema.names:
                kind = NoWeights if name == names.weights else InputError
                raise kind(missing_column(path, name, schema.names, option))
        self.features, self.notes = tuple(choice.candidates), choice.notes(path)
        self.columns = schema.names
        if not self.features:
            raise InputError(f"{path} holds no features: expected at least one column of them")
        self.dtype = np.result_type(*{_dtype(schema.field(name).type) for name in self.features})

    @abstractmethod
    def _schema(self) -> Any:
        """Names and types of the columns."""

    @abstractmethod
    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        """Record batches of these columns, the rows from `first` on."""

    def first_pass(self, size: int) -> Iterator[np.ndarray]:
        if not self.features:
            return
        special = [name for name in (self._names.label, self._names.weights) if name is not None]
        kept: dict[str, list[Any]] = {name: [] for name in special}
        at = 0
        for batch in self._batches([*self.features, *special], 0, size):
            for name in special:
                kept[name].append(batch.column(name))
            self._check_types(batch, at)
            at += batch.num_rows
            yield self._numbers(batch)
        label, *weights = (self._kept(kept[name]) for name in special)
        if at:
            found = column_labels(self.path, label, special[0], self.example, spelled=False)
            self.labels, self.notes = found.values, self.notes + found.notes
        if weights and at:
            self.weights = column_numbers(self.path, weights[0], special[1], self.example)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        for batch in self._batches(list(self.features), first, size):
            yield self._numbers(batch)

    def _kept(self, parts: list[Any]) -> Any:
        return _arrow().chunked_array(parts) if parts else None

    def _check_types(self, batch: Any, at: int) -> None:
        """Refuse text, other types and what is missing, with one of the entries."""
        for name in self.features:
            column = batch.column(name)
            if not holds_numbers(column.type):
                # It says what is wrong with the column, and where.
                column_numbers(self.path, column, name, lambda i: self.example(at + i))
            if column.null_count:
                missing = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                raise InputError(
                    f"{self.path}: feature '{name}' of {self.example(at + missing)} is missing: "
                    "expected a finite number: leave that example out, or fill the value in"
                )

    def _numbers(self, batch: Any) -> np.ndarray:
        """The features of a batch, (n, b)."""
        piece = np.empty((len(self.features), batch.num_rows), self.dtype)
        place = {name: i for i, name in enumerate(batch.schema.names)}
        columns = batch.columns
        for row, name in zip(piece, self.features, strict=True):
            row[:] = plain(columns[place[name]]).to_numpy(zero_copy_only=False)
        return piece


class ParquetPart(_Table):
    """A Parquet file, whose pages are read as they are needed."""

    def _open(self) -> Any:
        with needs("run"):
            from pyarrow import parquet
        # Not a row group at once, which may be the whole file.
        return parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=2**16)

    def _schema(self) -> Any:
        with self._open() as file:
            return file.schema_arrow

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        with self._open() as file:
            lengths = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            before = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
            group = int(np.searchsorted(before, first, side="right")) - 1
            groups = list(range(group, len(lengths)))
            if not groups:
                return
            batches = file.iter_batches(size, row_groups=groups, columns=columns)
            yield from _after(batches, first - int(before[group]))


class ArrowPart(_Table):
    """An Arrow IPC file or stream, a record batch of which is held at a time."""

    def _schema(self) -> Any:
        with _arrow().OSFile(str(self.path)) as file:
            return _ipc(file).schema

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        with _arrow().OSFile(str(self.path)) as file:
            found = _ipc(file)
            batches = found
            if hasattr(found, "get_batch"):
                batches = (found.get_batch(i) for i in range(found.num_record_batches))
            checked = (_checked(batch.select(columns)) for batch in batches)
            yield from _after(_cut(checked, size), first)


class CSVPart(_Table):
    """A CSV file in UTF-8 whose first line names the columns; features are read as float64."""

    spelled = True

    def example(self, i: int) -> str:
        line = line_of(self.path, i)
        return f"example {i}" + ("" if line is None else f" (line {line})")

    def _schema(self) -> Any:
        if not self.path.stat().st_size:
            return _arrow().schema([])
        check_text(self.path, self._names.label)
        with self._open({}) as file:
            types = [_read_as(field) for field in file.schema]
            names = file.schema.names
        label = self._names.label
        types = [
            _arrow().string() if name == label else kind
            for name, kind in zip(names, types, strict=True)
        ]
        return _arrow().schema(list(zip(names, types, strict=True)))

    def _open(self, types: dict[str, Any]) -> Any:
        with needs("run"):
            from pyarrow import csv
        return csv.open_csv(
            self.path,
            csv.ReadOptions(block_size=BLOCK),
            # What is left out need be of no type.
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        types = {name: self._columns.field(name).type for name in columns}
        try:
            with self._open(types) as file:
                yield from _after(_cut(file, size), first)
        except _arrow().ArrowInvalid as error:
            types.pop(self._names.label, None)
            self._explain(types)
            reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
            raise InputError(f"{self.path} is no CSV table of numbers: {reason}") from None

    def _explain(self, types: dict[str, Any]) -> None:
        """Refuse the first cell that is nothing of its column's type, if it can be found."""
        at = 0
        try:
            with self._open(dict.fromkeys(types, _arrow().string())) as file:
                for batch in file:
                    for name, kind in types.items():
                        found = _first_unread(batch.column(name), kind)
                        if found is not None:
                            cell = {at + found[0]: found[1]}
                            raise InputError(not_a_number(self.path, cell, name, self.example))
                    at += batch.num_rows
        except _arrow().ArrowInvalid:
            return


def _first_unread(column: Any, kind: Any) -> tuple[int, str] | None:
    """The first cell that pyarrow takes for nothing of this type, and for nothing missing."""
    from pyarrow import csv

    options = csv.ConvertOptions()
    texts, codes = encode(column)
    read = set(options.null_values)
    if _arrow().types.is_boolean(kind):
        read |= {*options.true_values, *options.false_values}
    wrong = np.array([not (text in read or is_number(text)) for text in texts], bool)
    if not wrong.any():
        return None
    i = int(np.argmax(wrong[codes]))
    return i, texts[codes[i]]


def _read_as(field: Any) -> Any:
    """Float64, but for what can be no number; types are guessed from the file's beginning."""
    kind = field.type
    return kind if _arrow().types.is_boolean(kind) else _arrow().float64()


def _arrow() -> Any:
    # Importing it takes as long as importing JAX.
    with needs("run"):
        import pyarrow
    return pyarrow


def _checked(batch: Any) -> Any:
    """The same, once its lengths and places are within its buffers: Arrow trusts what it reads."""
    batch.validate(full=True)
    return batch


def _ipc(file: Any) -> Any:
    beginning = file.read(8)
    file.seek(0)
    if beginning.startswith(b"ARROW1"):
        return _arrow().ipc.open_file(file)
    # The size of the schema, behind a mark; files before Arrow 0.15 have none. It is allocated.
    size = int.from_bytes(beginning.removeprefix(b"\xff" * 4)[:4], "little")
    if size > file.size():
        raise ValueError(f"its schema is said to have {size} bytes")
    return _arrow().ipc.open_stream(file)


def _cut(batches: Any, size: int) -> Iterator[Any]:
    """The same rows in batches of at most `size`."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def _after(batches: Any, first: int) -> Iterator[Any]:
    """The rows from `first` on."""
    for batch in batches:
        if first < batch.num_rows:
            yield batch.slice(first)
        first = max(first - batch.num_rows, 0)


def _dtype(kind: Any) -> np.dtype[Any]:
    if not holds_numbers(kind) or str(kind).startswith("decimal"):
        return np.dtype(np.float64)
    return np.dtype(kind.to_pandas_dtype())
