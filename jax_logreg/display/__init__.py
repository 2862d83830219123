"""Short text and HTML for what users print: sizes and ranges in place of arrays."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from html import escape
from typing import TypeVar

import jax
import numpy as np

T = TypeVar("T", bound=type)

# Characters of a value in a line, of the line, and of a value in a table.
_VALUE, _LINE, _CELL = 80, 400, 600
# Members of a sequence that are written out, sequences in one another, rows of a table, digits.
_FEW, _DEEPEST, _ROWS = 3, 3, 40
_DIGITS = 20
# Entries up to which a range is looked for: a larger array would have to leave its device.
_LARGEST = 2**16


def displayed(cls: T) -> T:
    """Give a class a `__repr__` of one line and a `_repr_html_` of one small table.

    Both show the fields of a named tuple, or the values by name that its method `_shown()` returns.
    The table also has those of `_more()`. Values of tracers are not read: only their shape is.
    """

    def in_a_line(self: object) -> str:
        parts = (f"{name}={shorten(show(value), _VALUE)}" for name, value in _rows(self).items())
        return f"{cls.__name__}({shorten(', '.join(parts), _LINE)})"

    def in_a_table(self: object) -> str:
        return _table(cls.__name__, {**_rows(self), **_called(self, "_more", {})})

    cls.__repr__ = in_a_line  # type: ignore[assignment]
    cls._repr_html_ = in_a_table  # type: ignore[attr-defined]
    return cls


def show(value: object, depth: int = _DEEPEST) -> str:
    """Return a value in a few words: numbers to 4 digits, arrays by dtype, shape and range."""
    if isinstance(value, Enum):
        return value.name.lower().replace("_", " ")
    if isinstance(value, str):
        return value
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(value)
    if isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, tuple | list) and depth > 0:
        return _sequence(value, depth - 1)
    # Its own repr may be as long as it likes.
    return "None" if value is None else f"a {type(value).__name__}"


def dtype_and_shape(array: object) -> str:
    """Return the dtype and shape of an array, "float32[30, 1]"; its entries are not read."""
    if not (hasattr(array, "shape") and hasattr(array, "dtype")):
        return show(array)
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def shorten(text: str, most: int) -> str:
    """Return the text in one line of at most so many characters, all of them printable."""
    text = " ".join(text[: 2 * most].split())
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def count(values: Iterable[object]) -> str:
    """Return how many of a sequence are equal, the most frequent first: "9 converged, 1 ..."."""
    counts = Counter(map(show, values))
    found = ", ".join(f"{number} {name}" for name, number in counts.most_common(_FEW + 1))
    return found + (", ..." if len(counts) > _FEW + 1 else "")


def known_array(value: object) -> np.ndarray | None:
    """Return an array in NumPy, or None where its values cannot be read here.

    Not to be read are arrays of a trace, outlines without values, donated arrays, and arrays on
    other hosts.
    """
    if isinstance(value, jax.core.Tracer):
        return None
    if isinstance(value, jax.Array) and (value.is_deleted() or not value.is_fully_addressable):
        return None
    return np.asarray(value) if isinstance(value, jax.Array | np.ndarray | np.generic) else None


def _rows(value: object) -> Mapping[str, object]:
    fields: Mapping[str, object] = value._asdict() if hasattr(value, "_asdict") else vars(value)
    return _called(value, "_shown", fields)


def _called(value: object, name: str, otherwise: Mapping[str, object]) -> Mapping[str, object]:
    """Call a method; return the default where it is missing or raises."""
    try:
        found: Mapping[str, object] = getattr(value, name)()
    # JAX fills its trees with values of other kinds, such as None, and prints them in its errors.
    except Exception:
        return otherwise
    return found


def _number(value: int | float) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    # Python does not convert integers of thousands of digits to text.
    return str(value) if abs(value) < 10**_DIGITS else "a very long integer"


def _array(value: object) -> str:
    """Return a number, or the dtype, shape and range of an array; NaN are counted."""
    small = 0 < getattr(value, "size", 0) <= _LARGEST
    found = known_array(value) if small else None
    if found is None or (found.dtype.kind not in "biuf" and found.dtype.name != "bfloat16"):
        return dtype_and_shape(value)
    if found.ndim == 0:
        return _number(found.item())
    if found.dtype.kind == "b":
        return f"{dtype_and_shape(value)} {found.sum()} true"
    numbers = found.astype(np.float64)
    missing = np.isnan(numbers)
    parts = [dtype_and_shape(value)]
    if not missing.all():
        low, high = np.min(numbers[~missing]), np.max(numbers[~missing])
        parts.append(_number(float(low)) if low == high else f"{low:.4g} to {high:.4g}")
    if missing.any():
        parts.append(f"{missing.sum()} nan")
    return " ".join(parts)


def _sequence(values: Sequence[object], depth: int) -> str:
    if hasattr(values, "_asdict"):
        inner = ", ".join(f"{name}={show(value, depth)}" for name, value in _rows(values).items())
        return f"{type(values).__name__}({inner})"
    if values and all(isinstance(value, Enum) for value in values):
        return count(values)
    shown = [repr(v) if isinstance(v, str) else show(v, depth) for v in values[:_FEW]]
    left = len(values) - len(shown)
    return f"({', '.join([*shown, *([f'{left} more'] if left else [])])})"


def _table(caption: str, rows: Mapping[str, object]) -> str:
    """Return an HTML table with a row for each value; text from data is escaped."""
    lines = [
        f'<tr><th style="text-align:left">{_cell(name)}</th>'
        f'<td style="text-align:left">{_cell(show(value))}</td></tr>'
        for name, value in list(rows.items())[:_ROWS]
    ]
    return "\n".join([f"<table><caption>{escape(caption)}</caption>", *lines, "</table>"])


def _cell(text: str) -> str:
    return escape(shorten(text.replace("_", " ") if text.isidentifier() else text, _CELL))
