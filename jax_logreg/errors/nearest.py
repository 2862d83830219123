"""The name that was likely meant, for messages about an unknown name."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, names: Iterable[object], cutoff: float = 0.6) -> str | None:
    """Return the name most similar to another, or None below the similarity `cutoff`."""
    return next(iter(get_close_matches(name, map(str, names), 1, cutoff)), None)


def nearest(name: str, names: Iterable[object]) -> str:
    """Return "; did you mean ...?" where a name is near, else nothing."""
    near = closest(name, names)
    return "" if near is None else f"; did you mean '{near}'?"
