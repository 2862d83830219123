"""Files with a column a feature: Parquet, Arrow IPC."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data.cells import (
    column_labels,
    column_numbers,
    holds_numbers,
    plain,
)
from jax_logreg.data.columns import choose, missing_column
from jax_logreg.data.examples import NoWeights
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.lists import flattened, is_list, places, spread
from jax_logreg.data.stream.batches import after, arrow, cut
from jax_logreg.data.stream.part import Names, Part
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs


class TablePart(Part):
    """A table in batches of rows; what is no label and no weight is a feature."""

    by_rows = False
    _read: Sequence[str] = ()

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
        self.columns, self.notes = schema.names, choice.notes(path)
        lists = self._lengths(schema, choice.candidates)
        if lists is None:
            return
        self._read, self._lists = choice.candidates, lists
        # The column of each feature, and its place where that is one of lists.
        self._place: dict[str, tuple[str, int | None]] = {}
        for name in self._read:
            if name in self._lists:
                listed = places(name, self._lists[name])
                self._place |= {one: (name, i) for i, one in enumerate(listed)}
            else:
                self._place[name] = (name, None)
        self.features = tuple(self._place)
        if not self.features:
            raise InputError(f"{path} holds no features: expected at least one column of them")
        self.dtype = np.result_type(*{_dtype(schema.field(name).type) for name in self._read})

    def _lengths(self, schema: Any, names: list[str]) -> dict[str, int] | None:
        """Return the length of the lists of each column of lists; None without examples."""
        lengths = {}
        for name in names:
            kind = schema.field(name).type
            if is_list(kind):
                first = next(self._batches([name], 0, 1), None)
                if first is None or not first.num_rows:
                    return None
                column = first.column(name)
                lengths[name] = spread(self.path, column, name, self.example).shape[1]
        return lengths

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
        for batch in self._batches([*self._read, *special], 0, size):
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
        for batch in self._batches(list(self._read), first, size):
            yield self._numbers(batch)

    def _kept(self, parts: list[object]) -> Any:
        return arrow().chunked_array(parts) if parts else None

    def _check_types(self, batch: Any, at: int) -> None:
        """Refuse text, other types and what is missing, with one of the entries."""
        for name in self._read:
            column = batch.column(name)
            if name in self._lists:
                spread(self.path, column, name, lambda i: self.example(at + i), self._lists[name])
                continue
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
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        lists = {name: flattened(columns[name], length) for name, length in self._lists.items()}
        for row, name in zip(piece, self.features, strict=True):
            column, i = self._place[name]
            if i is None:
                row[:] = plain(columns[column]).to_numpy(zero_copy_only=False)
            else:
                row[:] = lists[column][:, i]
        return piece


class ParquetPart(TablePart):
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
            yield from after(batches, first - int(before[group]))


class ArrowPart(TablePart):
    """An Arrow IPC file or stream, a record batch of which is held at a time."""

    def _schema(self) -> Any:
        with arrow().OSFile(str(self.path)) as file:
            return _ipc(file).schema

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        with arrow().OSFile(str(self.path)) as file:
            found = _ipc(file)
            batches = found
            if hasattr(found, "get_batch"):
                batches = (found.get_batch(i) for i in range(found.num_record_batches))
            checked = (_checked(batch.select(columns)) for batch in batches)
            yield from after(cut(checked, size), first)


def _checked(batch: Any) -> Any:
    """The same, once its lengths and places are within its buffers: Arrow trusts what it reads."""
    batch.validate(full=True)
    return batch


def _ipc(file: Any) -> Any:
    beginning = file.read(8)
    file.seek(0)
    if beginning.startswith(b"ARROW1"):
        return arrow().ipc.open_file(file)
    # The size of the schema, behind a mark; files before Arrow 0.15 have none. It is allocated.
    size = int.from_bytes(beginning.removeprefix(b"\xff" * 4)[:4], "little")
    if size > file.size():
        raise ValueError(f"its schema is said to have {size} bytes")
    return arrow().ipc.open_stream(file)


def _dtype(kind: Any) -> np.dtype:
    if is_list(kind):
        kind = kind.value_type
    if not holds_numbers(kind) or str(kind).startswith("decimal"):
        return np.dtype(np.float64)
    return np.dtype(kind.to_pandas_dtype())
