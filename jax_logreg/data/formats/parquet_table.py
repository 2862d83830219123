"""Parquet files, whose pages are read as they are needed."""

from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.batches import after
from jax_logreg.data.formats.lists import is_list
from jax_logreg.data.formats.table_file import TableFile
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from pyarrow import Schema, Table
    from pyarrow.parquet import ParquetFile

    from jax_logreg.data.formats.batches import Batches


class ParquetTable(TableFile):
    """A Parquet file."""

    def _open(self, whole: bool = False) -> "ParquetFile":
        with needs("run"):
            from pyarrow import parquet
        # In pieces: a row group may be the whole file.
        pieces = {} if whole else {"pre_buffer": False, "buffer_size": 2**16}
        file = parquet.ParquetFile(self.path, **pieces)
        label, known = self.names.label, file.metadata
        if label not in file.schema_arrow.names:
            return file
        file.close()
        # A long text that the file keeps once is not repeated before its length is known.
        return parquet.ParquetFile(self.path, metadata=known, read_dictionary=[label], **pieces)

    def read_schema(self) -> "Schema":
        with self._open() as file:
            return file.schema_arrow

    def _table(self, columns: list[str], part: Part | None) -> "tuple[Table, int]":
        with self._open(whole=True) as file:
            m, n = file.metadata.num_rows, file.metadata.num_columns
            held = m * n
            if any(map(is_list, file.schema_arrow.types)):
                held = max(held, _numbers_in(file))
            room = 8 * held // (1 if part is None else part.of)
            check_room(f"{self.path} of {m} rows and {n} columns", room)
            if part is None:
                return file.read(columns), 0
            return _read_rows(file, columns, part.rows(m))

    def batches(self, columns: list[str], first: int, size: int) -> "Batches":
        with self._open() as file:
            lengths = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            before = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
            group = int(np.searchsorted(before, first, side="right")) - 1
            groups = list(range(group, len(lengths)))
            if not groups:
                return
            batches = file.iter_batches(size, row_groups=groups, columns=columns)
            yield from after(batches, first - int(before[group]))


def _numbers_in(file: "ParquetFile") -> int:
    """Return the count of numbers in a Parquet file, with those in lists."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    return sum(group.column(j).num_values for group in groups for j in range(group.num_columns))


def _read_rows(file: "ParquetFile", columns: list[str], rows: slice) -> "tuple[Table, int]":
    """Return these rows of an open Parquet file, and the number of the first row."""
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    ends = np.cumsum(sizes)
    starts = ends - sizes
    groups = np.flatnonzero((ends > rows.start) & (starts < rows.stop)).tolist()
    table = file.read_row_groups(groups, columns)
    skipped = rows.start - (int(starts[groups[0]]) if groups else 0)
    return table.slice(skipped, rows.stop - rows.start), rows.start
