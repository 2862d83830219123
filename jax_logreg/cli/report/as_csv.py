"""Tables as CSV: the numbers behind the pictures, which are drawn from them."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from jax_logreg.errors.extras import needs

# Columns of text, whatever the names in them look like.
_TEXT = ("class", "feature", "actual", "predicted")
Table = dict[str, np.ndarray]


def write(columns: Mapping[str, Any]) -> bytes:
    """The columns with a line of their names; a number that is none is left empty."""
    with needs("run"):
        import pyarrow
        from pyarrow import csv
    arrays = {name: _column(name, values) for name, values in columns.items()}
    sink = io.BytesIO()
    csv.write_csv(pyarrow.table(arrays), sink, csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def read(content: bytes) -> Table:
    """The columns by name, numbers in float64, NaN where a cell is empty."""
    with needs("run"):
        import pyarrow
        from pyarrow import csv
    names = content.partition(b"\n")[0].decode().replace('"', "").strip().split(",")
    kinds = {name: pyarrow.string() if name in _TEXT else pyarrow.float64() for name in names}
    table = csv.read_csv(
        io.BytesIO(content),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=kinds),
    )
    return {
        name: table[name].to_numpy(zero_copy_only=False)
        if name in _TEXT
        else np.asarray(table[name].to_numpy(zero_copy_only=False), np.float64)
        for name in names
    }


def _column(name: str, values: Any) -> Any:
    with needs("run"):
        import pyarrow
    if name in _TEXT:
        return pyarrow.array([str(value) for value in values], pyarrow.string())
    values = np.asarray(values)
    hidden = np.isnan(values) if values.dtype.kind == "f" else None
    return pyarrow.array(values, mask=hidden)
