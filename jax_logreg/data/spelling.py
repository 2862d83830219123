"""Labels as a text file spells them: 01 differs from 1, and 1.10 from 1.1."""

import re
from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np

# Texts that are read as a number and written again to the same characters.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.I | re.A)
# Words for "missing" that can mean something else: NA is a country, none an answer.
_MISSING = {
    *("na", "n/a", "null", "none", "<na>", "#n/a", "?", "-", ".", "missing", "unknown", "nat"),
}


def is_number(text: object) -> bool:
    """Return whether a text is a number as tables write one."""
    return isinstance(text, str) and _NUMBER.fullmatch(text.strip()) is not None


def means_missing(text: str) -> bool:
    """Return whether a text is a word for a missing value."""
    return text.strip().casefold() in _MISSING


def values_of(texts: Sequence[str]) -> np.ndarray:
    """Return the labels of distinct texts: integers if all are written as Python writes them.

    One text of another spelling, 01, 1.0, +1 or TRUE, leaves all of them text.
    """
    if len(texts) and all(_INTEGER.fullmatch(text) for text in texts):
        return np.array([int(text) for text in texts], np.int64)
    return np.array(texts, np.str_)


def notes_on(source: object, name: str, counts: dict[str, int]) -> tuple[str, ...]:
    """Return notes on texts that count as classes, though a person may mean something else.

    `counts` has the number of examples of each text.
    """
    lines = [
        f"{source}: '{text}' is the label '{name}' of {counts[text]} examples, and counts as a "
        "class: if it means that the label is missing, leave those examples out."
        for text in counts
        if means_missing(text)
    ]
    alike: dict[object, list[str]] = {}
    for text in counts:
        alike.setdefault(_meaning(text), []).append(text)
    for texts in alike.values():
        if len(texts) > 1:
            shown = ", ".join(f"'{text}'" for text in texts[:5])
            lines.append(
                f"{source}: the labels {shown} are written differently, and count as "
                f"{len(texts)} classes: if they are one class, write them alike."
            )
    if len(counts) > 2 and all(map(is_number, counts)):
        fraction = next((text for text in counts if float(text) % 1 != 0), None)
        if fraction is not None:
            lines.append(
                f"{source}: the labels '{name}' are numbers such as {fraction}, and count as "
                f"{len(counts)} classes, not as measurements."
            )
    return tuple(lines)


def find(label: object, classes: Sequence[object]) -> object:
    """Return the class that a label from another file means, or None.

    A text is the class of the same characters. A number also is the one class of another spelling
    with its value, and so is a text where classes are numbers.
    """
    for known in classes:
        if known == label and isinstance(known, str) == isinstance(label, str):
            return known
    for known in classes:
        if str(known) == str(label):
            return known
    if isinstance(label, str) and all(isinstance(known, str) for known in classes):
        return None
    meant = [known for known in classes if _meaning(known) == _meaning(label)]
    return meant[0] if len(meant) == 1 else None


def _meaning(label: object) -> object:
    """Return the number or the word that a person may take a label for."""
    if isinstance(label, str):
        return float(label) if is_number(label) else label.strip().casefold()
    if isinstance(label, bool):
        return str(label).casefold()
    return float(label) if isinstance(label, SupportsFloat) else label
