"""Data larger than memory: files that are read again in every pass."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jax_logreg.data.formats import Names
from jax_logreg.data.stream.finding import find_files, in_pieces
from jax_logreg.data.stream.reader import Reader, open_reader
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_integer, check_path, check_text
from jax_logreg.errors.one_line import one_line
from jax_logreg.matrix import Streamed, stream

__all__ = ["Names", "Reader", "Stream", "find_files", "in_pieces", "open_reader", "open_stream"]


class Stream(NamedTuple):
    """X (n, m), which is never whole in memory, its m labels, and its weights if they have a name.

    `fit(X, Y, s=s)` takes them as they are.
    """

    X: Streamed
    Y: np.ndarray
    s: np.ndarray | None
    features: tuple[str, ...]


@one_line()
def open_stream(
    path: Path | str | Sequence[Path | str],
    *,
    label: str = "label",
    x: str = "X",
    y: str = "Y",
    labels: str = "*_labels.npy",
    weights: str | None = None,
    exclude: Sequence[str] = (),
    block: int | None = None,
) -> Stream:
    """Return the examples of files that need not fit into memory: checked once, then read by pass.

    Files that are left out and ambiguous labels are a UserWarning.

    Args:
        path: a file, a folder of files, a pattern such as "big/*.parquet", or several of these:
            .parquet, .csv, .arrow, .feather, .h5, .hdf5 or .npy, all with the same features. They
            must stay as they are while X is used.
        label: the label column of a table.
        x: the array of examples in HDF5, or a pattern.
        y: the array of labels in HDF5, or a pattern.
        labels: the file of labels beside a .npy; * stands for its name.
        weights: the column or array of example weights.
        exclude: columns of a table to leave out, by name or by a shell pattern such as "note*".
        block: about how many examples are in memory at a time, several times over.

    Raises:
        InputError: files that cannot be read or do not fit together. An entry that is missing or
            not finite, with feature, file and example.
    """
    if not isinstance(path, str | Path | Sequence) or not path:
        raise InputError(f"path is {brief(path)}: expected a file, or a list of files")
    for name, text in {"label": label, "x": x, "y": y, "labels": labels}.items():
        check_text(name, text)
    if weights is not None:
        check_text("weights", weights)
    if isinstance(exclude, str) or not isinstance(exclude, Sequence):
        raise InputError(f"exclude is {brief(exclude)}: expected a list of columns")
    for i, column in enumerate(exclude):
        check_text(f"exclude[{i}]", column)
    if block is not None:
        check_integer("block", block, 1, 2**31)
    paths = [path] if isinstance(path, str | Path) else path
    names = Names(label, x, y, labels, weights, exclude=exclude)
    found = open_reader([check_path("path", one) for one in paths], names)
    for note in found.notes:
        warnings.warn(note, stacklevel=3)
    return Stream(stream(found, block), found.labels, found.weights, found.features)
