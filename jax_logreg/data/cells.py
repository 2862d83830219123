"""The cells of a table's column as numbers, as labels, or as categories."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from jax_logreg.data.examples import Where, label_values
from jax_logreg.data.spelling import is_number, means_missing, notes_on, values_of
from jax_logreg.errors import InputError
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from pyarrow import Array, ChunkedArray

    Cells: TypeAlias = Array | ChunkedArray

_TEXTS = ("string", "large_string", "dictionary<values=string", "dictionary<values=large_string")
_NUMBERS = ("bool", "int", "uint", "float", "double", "halffloat", "decimal")
_TIMES = ("date", "time", "duration")
_MEND = "leave the column out with data.exclude"


class Labels(NamedTuple):
    """Raw labels (m,), and notes on them."""

    values: np.ndarray
    notes: tuple[str, ...] = ()


def is_text(kind: object) -> bool:
    """Return whether an Arrow type holds text."""
    return str(kind).startswith(_TEXTS)


def holds_numbers(kind: object) -> bool:
    """Return whether an Arrow type holds numbers or booleans."""
    return str(kind).startswith(_NUMBERS)


def plain(column: "Cells") -> "Cells":
    """Return decimals as the nearest float64, another column as it is."""
    if not str(column.type).startswith("decimal"):
        return column
    # A cast from decimals multiplies by a power of ten, which rounds twice.
    return column.cast("string").cast("double")


def column_numbers(path: Path, column: "Cells", name: str, where: Where) -> np.ndarray:
    """Return a column as numbers, (m,); text or another type is an InputError."""
    if is_text(column.type):
        raise InputError(not_a_number(path, dict(enumerate(column.to_pylist())), name, where))
    if str(column.type) == "null":
        return np.full(len(column), np.nan)
    if not holds_numbers(column.type):
        raise InputError(_of_other_type(path, column, name, where))
    column = plain(column)
    # An array, unlike a chunked one, refuses to be copied by default.
    values = column.to_numpy(**({} if hasattr(column, "chunks") else {"zero_copy_only": False}))
    # With nulls pyarrow hands booleans over as objects.
    return values.astype(np.float64) if values.dtype.kind == "O" else values


def not_a_number(path: Path, values: Mapping[int, object], name: str, where: Where) -> str:
    """Return the message on text in place of numbers; in Parquet even numbers may be text."""
    words = (i for i, value in values.items() if value is not None and not is_number(value))
    i = next(words, next(iter(values), 0))
    value = values.get(i)
    decimal = "," in str(value) and is_number(str(value).replace(",", ".", 1))
    mend = "write it with a decimal point" if decimal else "mend the value"
    return (
        f"{path}: column '{name}' is {value!r} in {where(i)}: expected numbers; {_MEND}, {mend}, "
        "name the column in data.categorical, or the labels with data.label"
    )


def _of_other_type(path: Path, column: "Cells", name: str, where: Where) -> str:
    i = int(np.argmin(np.asarray(column.is_null()))) if len(column) else 0
    value = "" if not len(column) else f"{str(column[i].as_py())[:40]!r} in {where(i)}, "
    kind, mend = str(column.type), ""
    if "list" in kind:
        mend = (
            "; write a column for each number of the lists, or a .npy with a row for each example"
        )
    elif kind.startswith(_TIMES):
        mend = "; write it as a number, such as days since a date"
    return f"{path}: column '{name}' is {value}of type {kind}: expected numbers{mend}; or {_MEND}"


def column_labels(path: Path, column: "Cells", name: str, where: Where, spelled: bool) -> Labels:
    """Return a column as labels; `spelled` text is integers where all texts are written so.

    Raises:
        InputError: a label is missing, or no class.
    """
    if is_text(column.type):
        return _text_labels(path, column, name, where, spelled)
    values = column.to_pylist()
    empty = next((i for i, value in enumerate(values) if value is None or value != value), None)
    if empty is not None:
        raise InputError(_missing(path, name, where(empty), None))
    return Labels(label_values(values))


def _text_labels(path: Path, column: "Cells", name: str, where: Where, spelled: bool) -> Labels:
    texts, codes = encode(column)
    words = [text for text in texts if text.strip() == "" or text.casefold() == "nan"]
    rest = [text for text in texts if text not in words]
    # Where all other labels are numbers, NA is a missing label.
    if all(is_number(text) for text in rest if not means_missing(text)):
        words += [text for text in rest if means_missing(text)]
    # A missing text has the code -1.
    gone = np.append([text in words for text in texts], True).astype(bool)[codes]
    if gone.any():
        first = int(np.argmax(gone))
        raise InputError(_missing(path, name, where(first), (*texts, "")[codes[first]]))
    label_values(texts)
    longest = max(map(len, texts), default=0)
    check_room(
        f"{path}: {codes.size} labels of up to {longest} characters", 4 * longest * codes.size
    )
    values = values_of(texts) if spelled else np.array(texts, np.str_)
    counts = dict(zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True))
    return Labels(label_values(values[codes]), notes_on(path, name, counts))


def _missing(path: Path, name: str, where: str, text: str | None) -> str:
    shown = f", {text!r}" if text else ""
    return (
        f"{path}: label '{name}' of {where} is missing{shown}: expected a class: leave that "
        "example out, or fill the label in"
    )


def check_spoilt(
    path: Path, column: "Cells", name: str, where: Where, chosen: bool
) -> tuple[str, ...]:
    """Return notes on a column of categories that may be a spoilt column of numbers.

    Raises:
        InputError: most of its cells are numbers, some are not, and no option has `chosen` it.
    """
    if not is_text(column.type):
        return ()
    texts, codes = encode(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
    filled = {text: m for text, m in zip(texts, counts, strict=True) if text != ""}
    others = [text for text in filled if not is_number(text)]
    total, numbers = sum(filled.values()), sum(m for t, m in filled.items() if t not in others)
    lines = []
    if others and 2 * numbers > total:
        first = int(np.argmax(np.isin(codes, [texts.index(text) for text in others])))
        spoilt = f"{texts[codes[first]][:40]!r} in {where(first)}, and a number in {numbers}"
        if not chosen:
            raise InputError(
                f"{path}: column '{name}' is {spoilt} of {total}: expected numbers, or categories: "
                "mend the value, leave the column out with data.exclude, or name the column in "
                "data.categorical to make a feature of each number"
            )
        lines.append(
            f"{path}: column '{name}' of categories is {spoilt} of {total}: each number is a "
            "category of its own."
        )
    elif numbers and not others and not chosen:
        lines.append(
            f"{path}: column '{name}' holds numbers as text: each is a category of its own."
        )
    lines += [
        f"{path}: column '{name}' is {text!r} in {filled[text]} of {total} examples, which counts "
        "as a category like others."
        for text in others
        if means_missing(text)
    ]
    return tuple(lines)


def encode(column: "Cells") -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, and their numbers (m,), -1 where a text is missing.

    A text that the file keeps once is not repeated.
    """
    column = column if str(column.type).startswith("dictionary") else column.dictionary_encode()
    number: dict[str, int] = {}
    parts = [np.empty(0, np.int64)]
    for chunk in getattr(column, "chunks", [column]):
        texts = chunk.dictionary.to_pylist()
        codes = chunk.indices.cast("int64").fill_null(len(texts)).to_numpy()
        used = np.bincount(codes, minlength=len(texts)).astype(bool).tolist()
        to = [
            number.setdefault(text, len(number)) if here and text is not None else -1
            for text, here in zip(texts, used, strict=False)
        ]
        parts.append(np.array([*to, -1], np.int64)[codes])
    return list(number), np.concatenate(parts)
