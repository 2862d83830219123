"""CSV files, read in passes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jax_logreg.data.cells import encode, not_a_number
from jax_logreg.data.delimited import check_text, line_of
from jax_logreg.data.spelling import is_number
from jax_logreg.data.stream.batches import after, arrow, cut
from jax_logreg.data.stream.tables import TablePart
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs

# Bytes of text that are read at a time: by default shorter pieces make more batches.
BLOCK = 2**24


class CSVPart(TablePart):
    """A CSV file in UTF-8 whose first line names the columns; features are read as float64."""

    spelled = True

    def example(self, i: int) -> str:
        line = line_of(self.path, i)
        return f"example {i}" + ("" if line is None else f" (line {line})")

    def _schema(self) -> Any:
        if not self.path.stat().st_size:
            return arrow().schema([])
        check_text(self.path, self._names.label)
        with self._open({}) as file:
            types = [_read_as(field) for field in file.schema]
            names = file.schema.names
        label = self._names.label
        types = [
            arrow().string() if name == label else kind
            for name, kind in zip(names, types, strict=True)
        ]
        return arrow().schema(list(zip(names, types, strict=True)))

    def _open(self, types: dict[str, object]) -> Any:
        with needs("run"):
            from pyarrow import csv
        return csv.open_csv(
            self.path,
            csv.ReadOptions(block_size=BLOCK),
            # A column that is left out need be of no type.
            convert_options=csv.ConvertOptions(column_types=types, include_columns=list(types)),
        )

    def _batches(self, columns: list[str], first: int, size: int) -> Iterator[Any]:
        types = {name: self._columns.field(name).type for name in columns}
        try:
            with self._open(types) as file:
                yield from after(cut(file, size), first)
        except arrow().ArrowInvalid as error:
            types.pop(self._names.label, None)
            self._explain(types)
            reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
            raise InputError(f"{self.path} is no CSV table of numbers: {reason}") from None

    def _explain(self, types: dict[str, Any]) -> None:
        """Refuse the first cell that is nothing of its column's type, if it can be found."""
        at = 0
        try:
            with self._open(dict.fromkeys(types, arrow().string())) as file:
                for batch in file:
                    for name, kind in types.items():
                        found = _first_unread(batch.column(name), kind)
                        if found is not None:
                            cell = {at + found[0]: found[1]}
                            raise InputError(not_a_number(self.path, cell, name, self.example))
                    at += batch.num_rows
        except arrow().ArrowInvalid:
            return


def _first_unread(column: object, kind: object) -> tuple[int, str] | None:
    """The first cell that pyarrow takes for nothing of this type, and for nothing missing."""
    from pyarrow import csv

    options = csv.ConvertOptions()
    texts, codes = encode(column)
    read = set(options.null_values)
    if arrow().types.is_boolean(kind):
        read |= {*options.true_values, *options.false_values}
    wrong = np.array([not (text in read or is_number(text)) for text in texts], bool)
    if not wrong.any():
        return None
    i = int(np.argmax(wrong[codes]))
    return i, texts[codes[i]]


def _read_as(field: Any) -> Any:
    """Float64, or boolean where the file begins with booleans."""
    kind = field.type
    return kind if arrow().types.is_boolean(kind) else arrow().float64()
