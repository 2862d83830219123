"""The errors that are the input's fault rather than ours."""

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Characters of a value that a message shows.
_SHOWN = 60


class InputError(ValueError):
    """Bad input, in one line: what came, what was expected, and how to mend it."""


def brief(value: object) -> str:
    """Return a short value itself, and of others the type, in about 80 characters at most."""
    if isinstance(value, type):
        return f"a {value.__name__} class"
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and 0 < len(shape) < 8:
        return f"a {type(value).__name__} of shape {shape}"
    if isinstance(value, str | bytes) and len(value) > _SHOWN:
        return f"{value[: _SHOWN - 10]!r}..."
    if _is_plain(value, depth=2):
        text = repr(value)
        if len(text) <= _SHOWN:
            return text
    return f"a {type(value).__name__}{_size(value)}"


def _is_plain(value: object, depth: int) -> bool:
    """Return whether the repr of a value is Python's or NumPy's own, one short line."""
    if isinstance(value, int) and not isinstance(value, bool):
        # Python does not convert integers of thousands of digits to text.
        return abs(value) < 10**_SHOWN
    if value is None or isinstance(value, str | bytes | float | bool | complex):
        return True
    if isinstance(value, list | tuple | set | frozenset | dict):
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)
        return depth > 0 and len(parts) <= _SHOWN and all(_is_plain(p, depth - 1) for p in parts)
    return type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()


def _size(value: object) -> str:
    if isinstance(value, list | tuple | Mapping | Set):
        return f" of {len(value)}"
    return ""


def some(names: "Sequence[object] | np.ndarray") -> str:
    """Return the first five of the names, of classes or of features, for a message."""
    shown = ", ".join(str(name) for name in names[:5])
    return shown + (", ..." if len(names) > 5 else "")
