"""CSV as text: the separator of its cells, its line of names, the line of an example."""

import csv
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

from jax_logreg.data.spelling import is_number
from jax_logreg.errors import InputError

# Characters of a file that are looked at, and lines and rows of these.
_SAMPLE, _LINES, _ROWS = 2**16, 6, 200
_OTHERS = {";": "';'", "\t": "tabs", "|": "'|'", " ": "blanks"}
_DECIMAL = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?", re.A)


def check_text(path: Path, label: str) -> None:
    """Refuse another separator than a comma, and an example where names belong (InputError)."""
    sample = _sample(path)
    separator = _separator(sample)
    if separator is not None:
        raise InputError(
            f"{path} is separated by {separator}: expected commas: save it with commas, and its "
            "numbers with a decimal point"
        )
    rows = _rows(sample)
    if rows and _is_example(rows[0], rows[1:], label):
        shown = ", ".join(rows[0][:5]) + (", ..." if len(rows[0]) > 5 else "")
        raise InputError(
            f"{path} begins with a line like an example, {shown}: expected the names of columns: "
            "add a line of names, each with a letter"
        )


def line_of(path: Path, example: int) -> int | None:
    """Return the number of the line on which an example ends, None where it is not found."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.reader(file)
            # Blank lines are no rows; the first row holds the names.
            filled = (reader.line_num for row in reader if row)
            return next(islice(filled, example + 1, None), None)
    except (OSError, csv.Error):
        return None


def _sample(path: Path) -> list[str]:
    """Return the first lines, without blank ones, and without a last line that is cut."""
    with path.open("rb") as file:
        text = file.read(_SAMPLE).decode("utf-8-sig", errors="replace")
        whole = not file.read(1)
    lines = text.splitlines(keepends=True)
    return [line for line in (lines if whole else lines[:-1]) if line.strip()]


def _separator(lines: list[str]) -> str | None:
    """Return the name of a separator other than commas, or None."""
    outside = [re.sub(r'"[^"]*"', '""', line.strip("\r\n")) for line in lines[:_LINES]]
    if len(outside) < 2:
        return None
    for character, name in _OTHERS.items():
        cells = [line.split(None if character == " " else character) for line in outside]
        if len(cells[0]) < 2 or len({len(row) for row in cells}) > 1:
            continue
        commas = [cell for row in cells for cell in row if "," in cell]
        # A line of names without a comma names one column only.
        if "," not in outside[0] or all(_DECIMAL.fullmatch(cell.strip()) for cell in commas):
            decimal = next((cell for cell in commas if _DECIMAL.fullmatch(cell.strip())), None)
            return name if decimal is None else f"{name}, with decimal commas such as {decimal}"
    return None


def _rows(lines: list[str]) -> list[list[str]]:
    try:
        return list(islice((row for row in csv.reader(lines) if row), _ROWS))
    except csv.Error:
        return []


def _is_example(names: list[str], rows: list[list[str]], label: str) -> bool:
    """Return whether the first row is an example, with cells like those beneath them."""
    numbers = {i: float(name) for i, name in enumerate(names) if is_number(name)}
    values = list(numbers.values())
    steps = {b - a for a, b in pairwise(values)}
    if 0 in steps:
        return True
    inside = sum(_within(value, _column(rows, i)) for i, value in numbers.items())
    # Numbers that are names count up: 0, 1, 2 of pandas, or years.
    consecutive = all(value % 1 == 0 for value in values) and steps <= {1.0}
    if not consecutive and 2 * inside >= len(values):
        return True
    # Without numbers, the names of the label and of another column are cells beneath them.
    rows = [row for row in rows if row != names]
    named = {name for i, name in enumerate(names) if i not in numbers and name in _column(rows, i)}
    return label in named and len(named) + inside > 1


def _column(rows: list[list[str]], i: int) -> Iterator[str]:
    return (row[i] for row in rows if i < len(row))


def _within(value: float, cells: Iterator[str]) -> bool:
    numbers = [float(cell) for cell in cells if is_number(cell)]
    return bool(numbers) and min(numbers) <= value <= max(numbers)
