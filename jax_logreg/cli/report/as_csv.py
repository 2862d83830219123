"""Tables read from CSV: the numbers that pictures are drawn from."""

import io

import numpy as np

from jax_logreg.errors.extras import needs

# Columns of text, even if the names in them look like numbers.
_TEXT = ("class", "feature", "actual", "predicted")
Table = dict[str, np.ndarray]


def read(content: bytes) -> Table:
    """Return the columns by name, numbers in float64, NaN for an empty cell."""
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
