"""Columns of lists, such as embeddings: each place of the lists is a feature."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.data.cells import holds_numbers, plain
from jax_logreg.data.examples import Where
from jax_logreg.errors import InputError
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from pyarrow import DataType

    from jax_logreg.data.cells import Cells

_LISTS = ("list<", "large_list<", "fixed_size_list<")


def is_list(kind: "DataType") -> bool:
    """Return whether an Arrow type is a list of numbers."""
    return str(kind).startswith(_LISTS) and holds_numbers(kind.value_type)


def places(name: str, length: int) -> list[str]:
    """Return the names of the features of a column of lists: emb[0], emb[1]."""
    check_room(f"the names of the {length} features of '{name}'", 80 * length)
    return [f"{name}[{i}]" for i in range(length)]


def spread(
    path: Path, column: "Cells", name: str, where: Where, length: int | None = None
) -> np.ndarray:
    """Return a column of m lists as numbers (m, length), by default of the first list's length.

    Raises:
        InputError: a list or a number that is missing, or a list of another length.
    """
    from pyarrow import compute

    lengths = np.asarray(compute.list_value_length(column).fill_null(-1))
    if length is None:
        length = int(lengths[0]) if len(lengths) else 0
    wrong = np.flatnonzero(lengths != length)
    if wrong.size:
        i = int(wrong[0])
        found = "missing" if lengths[i] < 0 else f"a list of {lengths[i]} numbers"
        raise InputError(
            f"{path}: column '{name}' is {found} in {where(i)}: expected lists of one length, "
            f"{max(length, 0)}: leave that example out, or mend the list"
        )
    flat = compute.list_flatten(column)
    if flat.null_count:
        gone = int(np.argmax(np.asarray(flat.is_null())))
        example, i = divmod(gone, length)
        raise InputError(
            f"{path}: feature '{name}[{i}]' of {where(example)} is missing: expected a finite "
            "number: leave that example out, or fill the value in"
        )
    return flattened(column, length)


def flattened(column: "Cells", length: int) -> np.ndarray:
    """Return what `spread` does, for lists that it has checked."""
    from pyarrow import compute

    flat = plain(compute.list_flatten(column))
    options = {} if hasattr(flat, "chunks") else {"zero_copy_only": False}
    return np.asarray(flat.to_numpy(**options)).reshape(len(column), length)
