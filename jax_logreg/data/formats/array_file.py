"""Files with a row an example."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.data.examples import NoWeights, Part, label_values, numbered
from jax_logreg.data.formats.data_file import DataFile
from jax_logreg.errors import InputError

if TYPE_CHECKING:
    from h5py import Dataset


class ArrayFile(DataFile):
    """An array (m, ...) whose rows are read from the file in pieces."""

    @abstractmethod
    def _labels(self, part: Part | None) -> np.ndarray:
        """Return the labels, or those of a part."""

    def _weights(self, part: Part | None) -> np.ndarray | None:
        """Return the weights, or those of a part; None where they are not wanted."""
        return None

    def _array(self, part: Part | None) -> np.ndarray:
        """Return the array (m, ...), or the rows of a part; for formats with this `first_pass`."""
        raise NotImplementedError

    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        """Yield the rows in pieces of a size, or whole with their labels and weights."""
        if size is not None:
            yield from self.later_pass(0, size)
            return
        self._keep(part)
        if part is not None:
            self.first = part.rows(self.length).start
        yield flat(self._array(part))

    def _describe(self, what: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Remember what the header of the array says.

        Raises:
            InputError: entries that are no real numbers, or no row for each example.
        """
        self.dtype, n = np.dtype(dtype), math.prod(shape[1:])
        if self.dtype.kind not in "buif":
            raise InputError(f"{self.path}: {what} has dtype {dtype}: expected real numbers")
        if len(shape) < 2:
            raise InputError(
                f"{self.path}: {what} has shape {shape}: expected a row for each example, (m, n)"
            )
        self.divisor = 255.0 if len(shape) > 2 and self.dtype == np.uint8 else 1.0
        # Height, width, and perhaps colours.
        if len(shape) == 3 or shape[3:] in ((1,), (3,), (4,)):
            self.picture = shape[1:]
        # Without examples nothing bounds how many features are declared.
        self.features = numbered(n) if shape[0] else ()
        self.length = shape[0]

    def _keep(self, part: Part | None = None) -> None:
        """Remember the labels and weights, where they are wanted."""
        if self.labelled:
            labels = label_values(self._labels(part))
            self.labels = labels.ravel() if labels.ndim == 2 and 1 in labels.shape else labels
        values = self._weights(part)
        if values is not None:
            values = np.asarray(values)
            self.weights = values.ravel() if 1 in values.shape else values


def flat(rows: np.ndarray) -> np.ndarray:
    """Return the rows (m, n) of an array (m, ...)."""
    return rows.reshape(len(rows), math.prod(rows.shape[1:]))


def rows_of(array: "np.ndarray | Dataset", part: Part | None) -> np.ndarray:
    """Return an array, or the rows of a part; of an array with one row, the columns of the part."""
    if part is None:
        return np.asarray(array[()])
    if getattr(array, "ndim", 1) == 2 and len(array) == 1:
        return np.array(array[:, part.rows(array.shape[1])])
    return np.array(array[part.rows(len(array))])


def find_array(path: Path, names: Iterable[str], pattern: str, option: str) -> str:
    """Return the one array whose name is the pattern, or else fits it.

    Raises:
        InputError: no such array or several, with the mend for data.`option`.
    """
    found = [name for name in names if name == pattern] or [
        name for name in names if fnmatchcase(name, pattern)
    ]
    if len(found) == 1:
        return found[0]
    what = "several arrays" if found else "no array"
    listed = ", ".join(found or names) or "none"
    kind = NoWeights if option == "weights" and not found else InputError
    raise kind(f"{path} holds {what} named '{pattern}': name one of {listed} with data.{option}")
