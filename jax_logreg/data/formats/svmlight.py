"""svmlight files: sparse rows, made dense."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.array_file import ArrayFile
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room


class SvmlightFile(ArrayFile):
    """A svmlight file, with as many features as asked for, by default up to the largest number."""

    in_pieces: ClassVar[bool] = False

    def example(self, i: int) -> str:
        line = next(islice((number for number, _ in _words(self.path)), i, None), None)
        return f"example {i}" + ("" if line is None else f" (line {line})")

    def _look(self, features: Sequence[str] | None) -> None:
        with needs("run"):
            from sklearn.datasets import load_svmlight_file
        count, zero_based = None if features is None else len(features), self.names.zero_based
        try:
            found = load_svmlight_file(str(self.path), n_features=count, zero_based=zero_based)
        except ValueError as error:
            wrong = _wrong(self.path, zero_based, count, error)
            raise InputError(f"{self.path}{wrong}") from None
        self._rows, self._found = found
        m, n = self._rows.shape
        check_room(f"{self.path}: {m} dense examples of {n} features", 8 * m * n)
        self._describe("its examples", (m, n), self._rows.dtype)
        self.notes = _merged(self.path)

    def _labels(self, part: Part | None) -> np.ndarray:
        return self._found

    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        self._keep()
        if size is None:
            yield self._rows.toarray()
        else:
            yield from self.later_pass(0, size)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        for start in range(first, self.length, size):
            yield self._rows[start : start + size].toarray()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        yield from enumerate(file, 1)


def _words(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number and the words of each line that holds an example."""
    for number, line in _lines(path):
        words = line.partition(b"#")[0].split()
        if words:
            yield number, words


def _merged(path: Path) -> tuple[str, ...]:
    """Return a note on labels that are written differently and are one number."""
    texts: dict[float, dict[str, None]] = {}
    for text in dict.fromkeys(words[0] for _, words in _words(path)):
        texts.setdefault(float(text), {})[text.decode()] = None
    return tuple(
        f"{path}: the labels {', '.join(list(alike)[:5])} are one number, and count as one class."
        for alike in texts.values()
        if len(alike) > 1
    )


def _wrong(path: Path, zero_based: bool, count: int | None, error: ValueError) -> str:
    """Return the fault of the first line that cannot be read, else the error of scikit-learn."""
    for number, words in _words(path):
        why = _wrong_label(words[0]) or _wrong_pairs(words[1:], 0 if zero_based else 1, count)
        if why is not None:
            return f": line {number} {why}"
    return f": {str(error).splitlines()[0]}"


def _wrong_label(word: bytes) -> str | None:
    if _is_float(word):
        return None
    shown = _shown(word)
    if b":" in word:
        return f"begins with {shown}: expected a label, then pairs feature:value"
    if b"," in word:
        return f"has several labels, {shown}: expected one: keep one of them"
    return f"has the label {shown}: expected a number: number the classes"


def _wrong_pairs(words: list[bytes], first: int, count: int | None) -> str | None:
    if words and words[0].startswith(b"qid"):
        words = words[1:]
    last = first - 1
    for word in words:
        name, colon, value = word.partition(b":")
        if not colon or not name.removeprefix(b"-").isdigit() or not _is_float(value):
            return f"has {_shown(word)}: expected a pair of numbers, feature:value"
        number = int(name)
        if number == 0 and first == 1:
            return "has a feature 0: if features count from 0, set data.zero_based=true"
        if number < first:
            return f"has a feature {number}: expected {first} or more"
        if number <= last:
            return f"has feature {number} after feature {last}: expected them in ascending order"
        if count is not None and number - first >= count:
            return (
                f"has feature {number}: expected at most the {count} features that were trained on"
            )
        last = number
    return None


def _is_float(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _shown(word: bytes) -> str:
    return f"'{word[:40].decode(errors='replace')}'"
