"""Files with a column a feature: Parquet, Arrow IPC, CSV."""

import io
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data import tables
from jax_logreg.data.examples import NoWeights
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.stream.part import Names, Part
from jax_logreg.errors import InputError
from jax_logreg.extras import needs


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
        tables.check_unique(path, schema.names)
        wanted = {names.label: "labels with data.label"}
        if names.weights is not None:
            wanted[names.weights] = "weights with data.weights"
        for name, option in wanted.items():
            if name not in schema.names:
                kind = NoWeights if name == names.weights else InputError
                raise kind(tables.missing_column(path, name, schema.names, option))
        self.features = tuple(name for name in schema.names if name not in wanted)
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
        label, *weights = (self._kept(kept[name], name) for name in special)
        if at:
            self.labels = tables.column_labels(self.path, label, special[0], None)
        if weights and at:
            self.weights = tables.column_numbers(self.path, weights[0], special[1], None)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        for batch in self._batches(list(self.features), first, size):
            yield self._numbers(batch)

    def _kept(self, parts: list[Any], name: str) -> Any:
        return _arrow().chunked_array(parts) if parts else None

    def _check_types(self, batch: Any, at: int) -> None:
        """Refuse text and other types with one of their entries."""
        for name in self.features:
            column = batch.column(name)
            if column.null_count:
                missing = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                raise InputError(
                    f"{self.path}: feature '{name}' of example {at + missing} is missing: expected "
                    "a finite number: leave that example out, or fill the value in"
                )
            if not _is_number(column.type):
                # It says what is wrong with the column, and where.
                tables.column_numbers(self.path, column, name, None)

    def _numbers(self, batch: Any) -> np.ndarray:
        """The features of a batch, (n, b)."""
        piece = np.empty((len(self.features), batch.num_rows), self.dtype)
        place = {name: i for i, name in enumerate(batch.schema.names)}
        columns = batch.columns
        for row, name in zip(piece, self.features, strict=True):
            row[:] = columns[place[name]].to_numpy(zero_copy_only=False)
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

    def _schema(self) -> Any:
        if not self.path.stat().st_size:
            return _arrow().schema([])
        with self._open({}) as file:
            types = {field.name: _read_as(field) for field in file.schema}
            if self._names.label in types:
                types[self._names.label] = _arrow().string()
            return _arrow().schema([(name, types[name]) for name in file.schema.names])

    def _open(self, types: dict[str, Any]) -> Any:
        with needs("run"):
            from pyarrow import csv
        # Larger pieces of text than by default make fewer, longer batches.
        return csv.open_csv(
            self.path,
            csv.ReadOptions(block_size=2**24),
            convert_options=csv.ConvertOptions(column_types=types),
        )

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        types = {name: self._columns.field(name).type for name in columns}
        try:
            with self._open(types) as file:
                yield from _after(_cut((batch.select(columns) for batch in file), size), first)
        except _arrow().ArrowInvalid as error:
            reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
            raise InputError(f"{self.path} is no CSV table of numbers: {reason}") from None

    def _kept(self, parts: list[Any], name: str) -> Any:
        """Labels, read as text, in the type that reading all of them at once would find."""
        from pyarrow import csv

        column = super()._kept(parts, name)
        if column is None or not _arrow().types.is_string(column.type):
            return column
        coded = column.combine_chunks().dictionary_encode()
        text = io.BytesIO()
        csv.write_csv(_arrow().table({"label": coded.dictionary}), text)
        found = csv.read_csv(io.BytesIO(text.getvalue())).column(0)
        return found.take(coded.indices)


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


def _is_number(kind: Any) -> bool:
    types = _arrow().types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def _dtype(kind: Any) -> np.dtype[Any]:
    return np.dtype(kind.to_pandas_dtype()) if _is_number(kind) else np.dtype(np.float64)
