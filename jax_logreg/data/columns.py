"""The choice of a table's columns: labels, weights, categories, features, and columns left out."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from jax_logreg.errors import InputError
from jax_logreg.errors.nearest import closest

# Names of a data frame's index in files of pandas: by to_csv, read_csv of that, and to_parquet.
_INDEX = re.compile(r"|Unnamed: \d+(\.\d+)*|__index_level_\d+__")


class Columns(NamedTuple):
    """The columns of labels, example weights and categories, and the columns to leave out.

    "auto" categories are all columns of text. `exclude` holds names and shell patterns.
    """

    label: str
    weights: str | None = None
    categorical: Sequence[str] | Literal["auto"] = ()
    exclude: Sequence[str] = ()

    def check(self, path: Path) -> None:
        """Refuse a column that two options name (InputError)."""
        others = {self.label: "data.label", self.weights: "data.weights"}
        for i, name in enumerate(self.categorical if self.categorical != "auto" else ()):
            if name in others or name in self.categorical[:i]:
                twice = f"by {others[name]}" if name in others else "a second time"
                raise InputError(
                    f"{path}: column '{name}' is named by data.categorical, and {twice}: expected "
                    "it once: leave it out in one place"
                )
        for name, option in self.named().items():
            if self.excludes(name):
                option = option.rpartition(" ")[2]
                raise InputError(
                    f"{path}: column '{name}' is left out by data.exclude, and named by {option}: "
                    "expected one of both: change either"
                )

    def named(self) -> dict[str, str]:
        """Return the words for the option that names each of the columns."""
        categories = () if self.categorical == "auto" else self.categorical
        options = dict.fromkeys(categories, "categories with data.categorical")
        options[self.label] = "labels with data.label"
        if self.weights is not None:
            options[self.weights] = "weights with data.weights"
        return options

    def excludes(self, name: str) -> bool:
        """Return whether `exclude` holds the name, or a pattern of it."""
        return any(_fits(name, pattern) for pattern in self.exclude)


class Choice(NamedTuple):
    """The columns that may be features, in the file's order, and those left out as an index."""

    candidates: list[str]
    as_index: list[str]

    def notes(self, path: Path) -> tuple[str, ...]:
        """Return a note on each column that was taken for an index."""
        return tuple(
            f"{path}: column '{name}' is left out as an index of pandas: rename it to learn from "
            "it."
            for name in self.as_index
        )


def choose(
    path: Path,
    names: Sequence[str],
    special: Columns,
    metadata: Mapping[bytes, bytes] | None = None,
) -> Choice:
    """Return the columns to learn from, given all names and the metadata of an Arrow schema.

    Raises:
        InputError: a name that several columns have, or options that contradict each other.
    """
    special.check(path)
    wanted = special.named()
    index = _named_index(metadata)
    left_out = [
        name
        for name in dict.fromkeys(names)
        if name not in wanted and (_INDEX.fullmatch(name) or name in index)
    ]
    check_unique(path, [name for name in names if name not in left_out])
    candidates = [name for name in names if name not in wanted and name not in left_out]
    return Choice(
        [name for name in candidates if not special.excludes(name)],
        [name for name in left_out if not special.excludes(name)],
    )


def check_excluded(path: Path, names: Iterable[str], exclude: Sequence[str]) -> None:
    """Refuse a name or pattern of `exclude` that no column has (InputError)."""
    names = list(names)
    for pattern in exclude:
        if not any(_fits(name, pattern) for name in names):
            near = closest(pattern, names)
            mend = f"did you mean '{near}'?" if near else f"it has {_listed(names)}"
            raise InputError(
                f"{path} has no column '{pattern}' for data.exclude to leave out: {mend}"
            )


def check_unique(path: Path, names: Sequence[str]) -> None:
    """Refuse columns of one name (InputError)."""
    name, count = next(iter(Counter(names).most_common(1)), ("", 0))
    if count > 1:
        raise InputError(
            f"{path} has {count} columns named '{name}': expected unique names: rename them"
        )


def missing_column(path: Path, name: str, columns: list[str], option: str | None) -> str:
    """Return the message on a missing column, with the name that was likely meant."""
    near = closest(name, columns)
    mend = f": did you mean '{near}'?" if near else f": it has {_listed(columns)}"
    if option is not None:
        mend += f"{'' if near else '.'} Name the {option}"
    return f"{path} has no column '{name}'{mend}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _named_index(metadata: Mapping[bytes, bytes] | None) -> set[str]:
    """Return the columns that the metadata of pandas call an index."""
    try:
        found = json.loads((metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        return {name for name in found if isinstance(name, str)}
    # Metadata may be anything, and are no reason to refuse the table.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()
