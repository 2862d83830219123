"""CSV files in UTF-8 whose first line names the columns."""

from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.data.cells import encode, not_a_number
from jax_logreg.data.examples import Part
from jax_logreg.data.formats.batches import after, arrow, cut
from jax_logreg.data.formats.csv_text import check_text, line_of
from jax_logreg.data.formats.table_file import TableFile
from jax_logreg.data.spelling import is_number
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from pyarrow import DataType, Field, Schema, Table
    from pyarrow.csv import CSVStreamingReader

    from jax_logreg.data.formats.batches import Batches

# Bytes of text that are read at a time: pyarrow's default makes shorter pieces, and more batches.
BLOCK = 2**24


class CSVTable(TableFile):
    """A CSV file; its numbers are read as float64, a table of booleans alone as booleans.

    Read whole, a file's types are inferred from all rows, and a column may be one of categories.
    Read in pieces, every column holds numbers, or booleans where the file begins with booleans.
    """

    spelled = True

    def example(self, i: int) -> str:
        line = line_of(self.path, i)
        return f"example {i}" + ("" if line is None else f" (line {line})")

    def read_schema(self) -> "Schema":
        size = self.path.stat().st_size
        if self.whole:
            # Two characters can be a number of eight bytes.
            check_room(f"{self.path} of {size} bytes", 4 * size)
        elif not size:
            return arrow().schema([])
        check_text(self.path, self.names.label)
        if self.whole:
            self._all = self._read_all()
            return self._all.schema
        try:
            with self._open({}, threads=False) as file:
                fields = list(file.schema)
        except arrow().ArrowInvalid as error:
            raise self._no_table(error) from None
        return arrow().schema([(field.name, self._kind_of(field)) for field in fields])

    def _kind_of(self, field: "Field") -> "DataType":
        if field.name == self.names.label:
            return arrow().string()
        return field.type if arrow().types.is_boolean(field.type) else arrow().float64()

    def _dtype(self, kind: "DataType") -> np.dtype:
        # The first pieces do not show whether all numbers of a column are integers.
        return np.dtype(bool if arrow().types.is_boolean(kind) else np.float64)

    def _read_all(self) -> "Table":
        with needs("run"):
            from pyarrow import csv
        named = () if self.names.categorical == "auto" else self.names.categorical
        # A label that looks like a number stays as written, 007 and all.
        texts = [*named, *([self.names.label] if self.labelled else [])]
        types = dict.fromkeys(texts, arrow().string())
        try:
            # One thread: with several the error of a ragged row lacks its number.
            options = csv.ReadOptions(use_threads=False)
            return csv.read_csv(
                self.path, options, convert_options=csv.ConvertOptions(column_types=types)
            )
        except arrow().ArrowInvalid as error:
            raise self._no_table(error) from None

    def _table(self, columns: list[str], part: Part | None) -> "tuple[Table, int]":
        return self._those(self._all.select(columns), part)

    def _no_table(self, error: Exception) -> InputError:
        reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
        return InputError(f"{self.path} is no CSV table: {reason}")

    def _open(self, types: "dict[str, DataType]", threads: bool = True) -> "CSVStreamingReader":
        with needs("run"):
            from pyarrow import csv
        return csv.open_csv(
            self.path,
            csv.ReadOptions(block_size=BLOCK, use_threads=threads),
            # A column that is left out may be of any type.
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )

    def batches(self, columns: list[str], first: int, size: int) -> "Batches":
        types = {name: self._schema.field(name).type for name in columns}
        try:
            with self._open(types) as file:
                yield from after(cut(file, size), first)
        except arrow().ArrowInvalid as error:
            types.pop(self.names.label, None)
            raise self._no_table(self._explain(types) or error) from None

    def _explain(self, types: "dict[str, DataType]") -> Exception | None:
        """Refuse the first cell that is no number (InputError); without one return pyarrow's error.

        On one thread that error has the number of a ragged row.
        """
        from pyarrow import csv

        options = csv.ConvertOptions()
        missing = set(options.null_values)
        booleans = missing.union(options.true_values, options.false_values)
        at, words = 0, dict[str, dict[int, str]]()
        try:
            with self._open(dict.fromkeys(types, arrow().string()), threads=False) as file:
                for batch in file:
                    for name, kind in types.items():
                        texts, codes = encode(batch.column(name))
                        word = np.array([not (t in missing or is_number(t)) for t in texts], bool)
                        if word.any() and name not in words:
                            i = int(np.argmax(word[codes]))
                            words[name] = {at + i: texts[codes[i]]}
                        # A column of booleans alone holds words, and is right.
                        fits = arrow().types.is_boolean(kind) and booleans.issuperset(texts)
                        if name in words and not fits:
                            raise InputError(
                                not_a_number(self.path, words[name], name, self.example)
                            )
                    at += batch.num_rows
        except arrow().ArrowInvalid as error:
            return error
        return None
