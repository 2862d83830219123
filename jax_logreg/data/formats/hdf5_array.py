"""The datasets x, y and weights of an HDF5 file, by their full names; no other file is read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.array_file import ArrayFile, find_array, flat, rows_of
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from h5py import Dataset, File


class HDF5Array(ArrayFile):
    """The datasets of an HDF5 file."""

    def _look(self, features: Sequence[str] | None) -> None:
        names, asked = self.names, {"x": self.names.x}
        if self.labelled:
            asked["y"] = names.y
        if names.weights is not None:
            asked["weights"] = names.weights
        with _opened(self.path) as file:
            found: list[str] = []
            file.visititems(lambda name, x: found.append(name) if hasattr(x, "shape") else None)
            self._named = {
                option: find_array(self.path, found, name, option) for option, name in asked.items()
            }
            for name in self._named.values():
                check_inside(self.path, file[name])
            x = file[self._named["x"]]
            self._describe(f"array '{self._named['x']}'", x.shape, x.dtype)
        if not self.whole and self.features:
            self._keep()

    def _labels(self, part: Part | None) -> np.ndarray:
        return self._load("y", part)

    def _weights(self, part: Part | None) -> np.ndarray | None:
        return self._load("weights", part) if "weights" in self._named else None

    def _load(self, option: str, part: Part | None) -> np.ndarray:
        with needs("run"):
            import h5py
        name = self._named[option]
        with _opened(self.path) as file:
            dataset = file[name]
            size = dataset.nbytes if part is None else dataset.nbytes // part.of
            check_room(f"{self.path}: '{name}' of shape {dataset.shape}", size)
            if h5py.check_string_dtype(dataset.dtype):
                dataset = dataset.asstr()
            return rows_of(dataset, part)

    def _array(self, part: Part | None) -> np.ndarray:
        return self._load("x", part)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        with _opened(self.path) as file:
            dataset = file[self._named["x"]]
            for start in range(first, self.length, size):
                yield flat(dataset[start : start + size])


def check_inside(path: Path, dataset: "Dataset") -> None:
    """Refuse a dataset of HDF5 whose numbers are in other files (InputError)."""
    if dataset.is_virtual or dataset.external:
        name = dataset.name.removeprefix("/")
        raise InputError(
            f"{path}: the numbers of '{name}' are in other files: expected them in this file: save "
            "them in it"
        )


@contextmanager
def _opened(path: Path) -> "Iterator[File]":
    with needs("run"):
        import h5py
    with h5py.File(path) as file:
        yield file
