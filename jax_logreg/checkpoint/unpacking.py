"""Saved states, checked to belong to the run, and put back in their places."""

from itertools import takewhile, zip_longest
from pathlib import Path

import jax
import numpy as np

from jax_logreg.checkpoint.protocol import S
from jax_logreg.checkpoint.saved import Saved, rebuild
from jax_logreg.errors import InputError
from jax_logreg.matrix import are_near
from jax_logreg.placement.devices import place_like

# The names of the means and scales of views, beside the leaves of a state.
VIEW = "view"
# Characters of a setting that are shown.
_SHOWN = 120


def unpack(path: Path, saved: Saved, name: str, views: tuple[np.ndarray, ...], like: S) -> S:
    """Return the state that a file holds, in NumPy and in the shapes of another.

    Raises:
        ValueError: it is of another name, of an X of other views, or of another solver or shape.
    """
    arrays = dict(saved.arrays)
    if saved.name != name:
        was, now = _first_difference(saved.name, name)
        raise InputError(
            f"{path} is of other settings, {was!r} there and {now!r} here: "
            "use those, or start in another folder"
        )
    theirs = [arrays.pop(f"{VIEW}{i}", np.empty(0)) for i in range(len(views))]
    if not all(map(are_near, theirs, views)):
        raise InputError(
            f"{path} is of an X standardised by other means or scales: use those, or start in "
            "another folder"
        )
    state = rebuild(arrays, like.packed())
    if state is None:
        raise InputError(
            f"{path} is of another solver or shape, or of a sweep with another memory: use those, "
            "or start in another folder"
        )
    return state


def put_back(state: S, like: S) -> S:
    """Return a state in NumPy with its arrays where those of the other lie."""
    placed: S = jax.tree.map(_placed, state, like.packed())
    return placed


def _placed(value: object, like: object) -> object:
    """Place an array where the other lies; without one of JAX's there it stays in NumPy."""
    if not isinstance(value, np.ndarray):
        return value
    return place_like(value, like) if hasattr(like, "sharding") else np.array(value)


def _first_difference(before: str, now: str) -> tuple[str, str]:
    """Return the first line that differs, of a long one the part that does."""
    lines = zip_longest(before.splitlines(), now.splitlines(), fillvalue="")
    pair = next(((a, b) for a, b in lines if a != b), (before, now))
    same = sum(1 for _ in takewhile(lambda ab: ab[0] == ab[1], zip(*pair, strict=False)))
    first = 0 if same < _SHOWN // 2 else same - _SHOWN // 4
    was, here = (line[first : first + _SHOWN] for line in pair)
    return was, here
