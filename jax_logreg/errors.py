"""The errors that are the input's fault rather than ours."""

from typing import Any


class InputError(ValueError):
    """Bad input: one line that says what came, what was expected, and how to mend it."""


def brief(value: Any) -> str:
    """The value where it is short, else its type."""
    if isinstance(value, str | int | float | bool | None):
        return repr(value)
    return f"a {value.__name__} class" if isinstance(value, type) else f"a {type(value).__name__}"


def some(classes: Any) -> str:
    """The first five of the classes, for a message."""
    shown = ", ".join(str(c) for c in classes[:5])
    return shown + (", ..." if len(classes) > 5 else "")
