"""Files with a row an example: .npy and HDF5."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data.arrays import check_inside, find_array, load_array
from jax_logreg.data.examples import label_values, numbered
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.stream.part import Names, Part
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs


class _Array(Part):
    """An array (m, ...) whose rows are read where they lie."""

    def _describe(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.dtype, n = np.dtype(dtype), math.prod(shape[1:])
        if self.dtype.kind not in "buif":
            raise InputError(f"{self.path} has dtype {dtype}: expected real numbers")
        if len(shape) < 2:
            raise InputError(
                f"{self.path} has shape {shape}: expected a row for each example, (m, n)"
            )
        # Pictures, as when they are read at once.
        self.divisor = 255.0 if len(shape) > 2 and self.dtype == np.uint8 else 1.0
        self.features = numbered(n)
        self.length = shape[0]

    def _label(self, labels: object, weights: object) -> None:
        self.labels = label_values(labels)
        if self.labels.ndim == 2 and 1 in self.labels.shape:
            self.labels = self.labels.ravel()
        if self.labels.shape != (self.length,):
            raise InputError(
                f"{self.path} holds {self.length} examples, but labels of shape "
                f"{self.labels.shape}: expected ({self.length},)"
            )
        self.weights = None if weights is None else np.asarray(weights).ravel()
        if self.weights is not None and self.weights.shape != (self.length,):
            raise InputError(
                f"{self.path} holds {self.length} examples, but {self.weights.size} weights: "
                "expected one for each"
            )

    def first_pass(self, size: int) -> Iterator[np.ndarray]:
        return self.later_pass(0, size)


class NpyPart(_Array):
    """A .npy, which is never unpickled; its labels are in another beside it.

    It is read rather than mapped: a mapped file that is cut short ends the process, and what is
    mapped counts as the process's memory.
    """

    def __init__(self, path: Path, names: Names) -> None:
        super().__init__(path)
        with library_errors(path):
            # Of a mapped file only the header is read.
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            # Stored feature by feature, as np.save stores the transpose of X (n, m).
            self.by_rows = bool(mapped.flags.c_contiguous)
            self._describe(mapped.shape, mapped.dtype)
            self._offset = mapped.offset
        beside = path.with_name(names.labels.replace("*", path.stem))
        if not beside.is_file():
            raise InputError(
                f"{path} has labels in {beside.name}, which does not exist or is no file: "
                "name the file beside it with labels"
            )
        with library_errors(beside):
            self._label(_load(beside), None)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        n = len(self.features)
        with self.path.open("rb", buffering=0) as file:
            for start in range(first, self.length, size):
                b = min(size, self.length - start)
                piece = np.empty((b, n) if self.by_rows else (n, b), self.dtype)
                runs = [(start * n, piece)]
                if not self.by_rows:
                    runs = [(i * self.length + start, row) for i, row in enumerate(piece)]
                for at, run in runs:
                    file.seek(self._offset + at * self.dtype.itemsize)
                    self._fill(file, run)
                yield piece

    def _fill(self, file: Any, run: np.ndarray) -> None:
        view = memoryview(run.data).cast("B")
        while len(view):
            got = file.readinto(view)
            if not got:
                raise InputError(f"{self.path} ends before its last example")
            view = view[got:]


class HDF5Part(_Array):
    """The datasets x, y and weights of an HDF5 file."""

    def __init__(self, path: Path, names: Names) -> None:
        super().__init__(path)
        with library_errors(path), _opened(path) as file:
            found: list[str] = []
            file.visititems(lambda name, x: found.append(name) if hasattr(x, "shape") else None)
            self._name = find_array(path, found, names.x, "x")
            labels = file[find_array(path, found, names.y, "y")]
            for dataset in (file[self._name], labels):
                check_inside(path, dataset)
            self._describe(file[self._name].shape, file[self._name].dtype)
            text = labels.dtype.kind == "O" or labels.dtype.metadata is not None
            weights = None
            if names.weights is not None:
                dataset = file[find_array(path, found, names.weights, "weights")]
                check_inside(path, dataset)
                weights = dataset[()]
            self._label(labels.asstr()[()] if text else labels[()], weights)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        with _opened(self.path) as file:
            dataset = file[self._name]
            for start in range(first, self.length, size):
                rows = dataset[start : start + size]
                yield rows.reshape(len(rows), len(self.features))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with needs("run"):
        import h5py
    with h5py.File(path) as file:
        yield file


def _load(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return load_array(path, file, path.stat().st_size)
