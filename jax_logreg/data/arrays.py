"""Arrays with a row an example: .npz, .npy, HDF5."""

import math
import zipfile
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from jax_logreg.data.examples import Examples, NoWeights, Part, label_values, numbered
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room

# The packings of np.savez, and the bytes that one byte of each can stand for.
_PACKED = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path, x: str, y: str, weights: str | None, labelled: bool) -> Examples:
    """The arrays x, y and weights of a .npz, which is never unpickled."""

    def load(name: str) -> np.ndarray:
        member = members[name]
        if member.compress_type not in _PACKED:
            raise InputError(f"{path}: '{name}' is not packed as np.savez packs: save it again")
        held = min(member.file_size, _PACKED[member.compress_type] * member.compress_size)
        with archive.open(member) as file:
            return load_array(path, file, held)

    with path.open("rb") as opened, zipfile.ZipFile(opened) as archive:
        members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        return _examples(path, load, members, x, y, weights, labelled)


def read_npy(path: Path, labels: str, labelled: bool, part: Part | None = None) -> Examples:
    """The examples of a .npy, and their labels in another beside it; neither is unpickled."""

    def load(path: Path) -> np.ndarray:
        with path.open("rb") as file:
            return load_array(path, file, path.stat().st_size, part)

    beside = path.parent / labels.replace("*", path.stem)
    if labelled and not beside.is_file():
        raise InputError(
            f"{path} has labels in {beside.name}, which does not exist: name the file beside it "
            "with data.labels, or put X and Y into one .npz"
        )
    examples = from_array(path, "its array", load(path), load(beside) if labelled else None)
    return examples._replace(first=0 if part is None else part.rows(_length(path)).start)


def check_inside(path: Path, dataset: Any) -> None:
    """Refuse a dataset of HDF5 whose numbers are in other files (InputError)."""
    if dataset.is_virtual or dataset.external:
        name = dataset.name.removeprefix("/")
        raise InputError(
            f"{path}: the numbers of '{name}' are in other files: save them in this one"
        )


def read_hdf5(
    path: Path, x: str, y: str, weights: str | None, labelled: bool, part: Part | None = None
) -> Examples:
    """The datasets x, y and weights of an HDF5 file, by their full names; no other file is read."""
    with needs("run"):
        import h5py

    def load(name: str) -> np.ndarray:
        dataset = file[name]
        check_inside(path, dataset)
        size = dataset.nbytes if part is None else dataset.nbytes // part.of
        check_room(f"{path}: '{name}' of shape {dataset.shape}", size)
        if h5py.check_string_dtype(dataset.dtype):
            dataset = dataset.asstr()
        return dataset[()] if part is None else _rows(dataset, part)

    with h5py.File(path) as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        examples = _examples(path, load, names, x, y, weights, labelled)
        if part is None:
            return examples
        return examples._replace(first=part.rows(len(file[find_array(path, names, x, "x")])).start)


def load_array(path: Path, file: IO[bytes], held: int, part: Part | None = None) -> np.ndarray:
    """An array in NumPy's format, of which so many bytes can be there; never unpickled.

    Of a part the rows are read, by a map of the file.
    """
    shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    if dtype.hasobject:
        raise InputError(
            f"{path} holds pickled objects, which are never loaded: save plain numbers or text"
        )
    size = math.prod(shape) * dtype.itemsize
    if size > held or min(shape, default=0) < 0:
        raise InputError(
            f"{path} is damaged: it declares {dtype} of shape {shape}, of which it cannot hold all"
        )
    check_room(f"{path}: {dtype} of shape {shape}", size if part is None else size // part.of)
    if part is not None:
        return _rows(np.load(path, mmap_mode="r", allow_pickle=False), part)
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


def _length(path: Path) -> int:
    """Return how many rows the array of a .npy has."""
    return len(np.load(path, mmap_mode="r", allow_pickle=False))


def _rows(array: Any, part: Part) -> np.ndarray:
    """The rows of a part, read; of labels or weights in one row its columns."""
    if getattr(array, "ndim", 1) == 2 and len(array) == 1:
        return np.array(array[:, part.rows(array.shape[1])])
    return np.array(array[part.rows(len(array))])


def _examples(
    path: Path,
    load: Callable[[str], np.ndarray],
    names: Iterable[str],
    x: str,
    y: str,
    weights: str | None,
    labelled: bool,
) -> Examples:
    name = find_array(path, names, x, "x")
    labels = load(find_array(path, names, y, "y")) if labelled else None
    examples = from_array(path, f"array '{name}'", load(name), labels)
    if weights is None:
        return examples
    values = np.asarray(load(find_array(path, names, weights, "weights")))
    return examples._replace(weights=values.ravel() if 1 in values.shape else values)


def find_array(path: Path, names: Iterable[str], pattern: str, option: str) -> str:
    """The one array whose name is the pattern or fits it, which `option` asked for."""
    found = [name for name in names if name == pattern] or [
        name for name in names if fnmatchcase(name, pattern)
    ]
    if len(found) == 1:
        return found[0]
    what = "several arrays" if found else "no array"
    listed = ", ".join(found or names) or "none"
    kind = NoWeights if option == "weights" and not found else InputError
    raise kind(f"{path} holds {what} named '{pattern}': name one of {listed} with data.{option}")


def from_array(path: Path, what: str, rows: np.ndarray, labels: object) -> Examples:
    """The examples of an array with a row each, and their labels.

    Raises:
        InputError: entries that are no real numbers, or no row for each example.
    """
    if rows.dtype.kind not in "buif":
        raise InputError(f"{path}: {what} has dtype {rows.dtype}: expected real numbers")
    if rows.ndim < 2:
        raise InputError(
            f"{path}: {what} has shape {rows.shape}: expected a row for each example, (m, n)"
        )
    divisor = 255.0 if rows.ndim > 2 and rows.dtype == np.uint8 else 1.0
    # Height, width, and colours or none.
    picture = rows.shape[1:] if rows.ndim == 3 or rows.shape[3:] in ((1,), (3,), (4,)) else ()
    rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    if labels is not None:
        labels = label_values(labels)
        if labels.ndim == 2 and 1 in labels.shape:
            labels = labels.ravel()
    # Without examples nothing bounds how many features are declared.
    features = numbered(rows.shape[1]) if len(rows) else ()
    return Examples(rows.T, labels, features, str(path), divisor, picture=picture)
