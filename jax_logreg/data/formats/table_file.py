"""Files with a column a feature."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from jax_logreg.data.categories import read_column
from jax_logreg.data.cells import (
    check_spoilt,
    column_labels,
    column_numbers,
    holds_numbers,
    is_text,
)
from jax_logreg.data.columns import check_excluded, check_unique, choose, missing_column
from jax_logreg.data.examples import NoWeights, Part, Where
from jax_logreg.data.formats.batches import arrow
from jax_logreg.data.formats.data_file import DataFile
from jax_logreg.data.formats.lists import flattened, is_list, places, spread
from jax_logreg.data.spelling import is_number
from jax_logreg.errors import InputError

if TYPE_CHECKING:
    from pyarrow import Array, ChunkedArray, DataType, RecordBatch, Schema, Table

    from jax_logreg.data.cells import Cells
    from jax_logreg.data.formats.batches import Batches


class TableFile(DataFile):
    """A table in batches of rows; a column without another role is a feature."""

    by_rows = False
    is_table: ClassVar[bool] = True

    @abstractmethod
    def read_schema(self) -> "Schema":
        """Return names and types of the columns."""

    @abstractmethod
    def batches(self, columns: list[str], first: int, size: int) -> "Batches":
        """Yield record batches of these columns, the rows from `first` on."""

    def _table(self, columns: list[str], part: Part | None) -> "tuple[Table, int]":
        """Return these columns of all rows or of a part, and the number of the first row."""
        return self._those(self._joined(columns, list(self.batches(columns, 0, 2**31))), part)

    def _joined(self, columns: list[str], batches: "list[RecordBatch]") -> "Table":
        fields = [self._schema.field(name) for name in columns]
        return arrow().Table.from_batches(batches, arrow().schema(fields))

    def _those(self, table: "Table", part: Part | None) -> "tuple[Table, int]":
        if part is None:
            return table, 0
        rows = part.rows(table.num_rows)
        return table.slice(rows.start, rows.stop - rows.start), rows.start

    def _dtype(self, kind: "DataType") -> np.dtype:
        """Return the dtype of the numbers of a column of this type."""
        if is_list(kind):
            kind = kind.value_type
        if not holds_numbers(kind) or str(kind).startswith("decimal"):
            return np.dtype(np.float64)
        return np.dtype(kind.to_pandas_dtype())

    def _look(self, features: Sequence[str] | None) -> None:
        self._schema = schema = self.read_schema()
        self._read: list[str] = []
        self._categorical: list[str] = []
        self._lists: dict[str, int] = {}
        # The column of each feature, and its place where that is one of lists.
        self._place: dict[str, tuple[str, int | None]] = {}
        if not schema.names and not self.whole:
            return
        if not self._locate(self._candidates(features)):
            return
        self.features = tuple(self._place) if features is None else tuple(features)
        check_unique(self.path, self.features)
        for name in self.features:
            if name not in self._place:
                raise InputError(missing_column(self.path, name, schema.names, None))
        self._read = list(dict.fromkeys(self._place[name][0] for name in self.features))
        if not self.features and not self._categorical:
            raise InputError(f"{self.path} holds no features: expected at least one")
        kinds = {self._dtype(schema.field(name).type) for name in self._read}
        self.dtype = np.result_type(*kinds) if kinds else np.dtype(np.float64)

    def _candidates(self, features: Sequence[str] | None) -> list[str]:
        """Return the columns that may be features, and remember those of categories."""
        path, special, schema = self.path, self.names.columns, self._schema
        choice = choose(path, schema.names, special, schema.metadata)
        wanted, self.columns = special.named(), schema.names
        if not self.labelled:
            del wanted[special.label]
        auto = special.categorical == "auto"
        self._categorical = [
            name
            for name in (choice.candidates if auto else special.categorical)
            if not auto or is_text(schema.field(name).type)
        ]
        candidates = [name for name in choice.candidates if name not in self._categorical]
        if features is None:
            # The column may be in another file of a stream.
            if self.whole:
                check_excluded(path, schema.names, special.exclude)
            self.notes = choice.notes(path)
        else:
            listed = {one.partition("[")[0] for one in features} | set(features)
            candidates = [name for name in candidates if name in listed]
        self._check_named(wanted)
        return candidates

    def _locate(self, columns: list[str]) -> bool:
        """Name the features of the columns; return False for a stream's file without examples.

        Only an example shows the length of a column of lists.
        """
        for name in columns:
            if not is_list(self._schema.field(name).type):
                self._place[name] = (name, None)
                continue
            length = self._length(name)
            if length is None:
                if not self.whole:
                    return False
                length = 0
            self._lists[name] = length
            self._place |= {one: (name, i) for i, one in enumerate(places(name, length))}
        return True

    def _check_named(self, wanted: dict[str, str]) -> None:
        """Refuse an option that names a column which is missing (InputError)."""
        for name, option in wanted.items():
            if name not in self._schema.names:
                kind = NoWeights if name == self.names.weights else InputError
                raise kind(missing_column(self.path, name, self._schema.names, option))

    def _length(self, name: str) -> int | None:
        """Return the length of the lists of a column; None without examples."""
        first = next(self.batches([name], 0, 1), None)
        if first is None or not first.num_rows:
            return None
        return spread(self.path, first.column(name), name, self.example).shape[1]

    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        if not self.whole and not self.features:
            return
        special = [self.names.label] if self.labelled else []
        special += [self.names.weights] if self.names.weights is not None else []
        kept: dict[str, list[Array]] = {name: [] for name in (*self._categorical, *special)}
        columns = list(dict.fromkeys([*self._read, *kept]))
        at = 0
        if size is None:
            table, self.first = self._table(columns, part)
            batches, at = iter([table]), self.first
            self._keep({name: table.column(name) for name in kept})
        else:
            batches = self.batches(columns, 0, size)
        for batch in batches:
            for name, found in kept.items() if size is not None else ():
                found.append(batch.column(name))
            self._check_types(batch, at)
            at += batch.num_rows
            yield self._numbers(batch)
        if size is not None and at:
            chunked = arrow().chunked_array
            self._keep({name: chunked(found) for name, found in kept.items()})

    def _keep(self, columns: "dict[str, ChunkedArray]") -> None:
        """Remember labels, weights and categories."""
        where, chosen = self._at(self.first), self.names.categorical != "auto"
        for name in self._categorical:
            self.notes += check_spoilt(self.path, columns[name], name, where, chosen)
        self.categories = tuple(
            read_column(self.path, columns[name], name, where) for name in self._categorical
        )
        if self.labelled:
            name = self.names.label
            # In a stream all files together decide whether their labels are numbers.
            spelled = self.spelled and self.whole
            found = column_labels(self.path, columns[name], name, where, spelled)
            self.labels, self.notes = found.values, self.notes + found.notes
        if self.names.weights is not None:
            name = self.names.weights
            self.weights = column_numbers(self.path, columns[name], name, where)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        for batch in self.batches(list(self._read), first, size):
            yield self._numbers(batch)

    def _check_types(self, batch: "RecordBatch | Table", at: int) -> None:
        """Refuse cells that are no numbers or missing, with one of them (InputError)."""
        for name in self._read:
            column, where = batch.column(name), self._at(at)
            if name in self._lists:
                spread(self.path, column, name, where, self._lists[name])
                continue
            if not holds_numbers(column.type):
                self._refuse(name, column, where)
            if column.null_count:
                missing = int(np.argmax(np.asarray(column.is_null())))
                raise InputError(
                    f"{self.path}: feature '{name}' of {where(missing)} is missing: "
                    "expected a finite number: leave that example out, or fill the value in"
                )

    def _refuse(self, name: str, column: "Cells", where: Where) -> None:
        """Refuse a column of another type than numbers, with its first such cell (InputError).

        An empty column passes: its cells are missing.
        """
        if not self.whole and str(column.type) != "null":
            at = 0
            for batch in self.batches([name], 0, 2**16):
                cells = batch.column(name)
                if not all(value is None or is_number(value) for value in cells.to_pylist()):
                    column_numbers(self.path, cells, name, self._at(at))
                at += batch.num_rows
        column_numbers(self.path, column, name, where)

    def _numbers(self, batch: "RecordBatch | Table") -> np.ndarray:
        """Return the features of a batch, (n, b)."""
        piece = np.empty((len(self.features), batch.num_rows), self.dtype)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        lists = {name: flattened(columns[name], length) for name, length in self._lists.items()}
        for row, name in zip(piece, self.features, strict=True):
            column, i = self._place[name]
            if i is None:
                row[:] = column_numbers(self.path, columns[column], name, self.example)
            else:
                row[:] = lists[column][:, i]
        return piece
