"""Arrays with a row an example: .npz, .npy, HDF5, svmlight."""

import math
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jax_logreg.data.examples import Examples, Part, label_values
from jax_logreg.errors import InputError
from jax_logreg.extras import needs


def read_npz(path: Path, x: str, y: str, weights: str | None, labelled: bool) -> Examples:
    """The arrays x, y and weights of a .npz, which is never unpickled."""
    # Opened here, because NumPy leaves a damaged file open.
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        load = partial(_plain, path, file.__getitem__)
        return _examples(path, load, file.files, x, y, weights, labelled)


def read_npy(path: Path, labels: str, labelled: bool, part: Part | None = None) -> Examples:
    """The examples of a .npy, and their labels in another beside it; neither is unpickled."""

    def load(path: Path) -> np.ndarray:
        if part is not None:
            return _rows(_plain(path, mapped, path), part)
        with path.open("rb") as opened:
            return _plain(path, partial(np.load, allow_pickle=False), opened)

    mapped = partial(np.load, mmap_mode="r", allow_pickle=False)
    first = 0 if part is None else part.rows(len(_plain(path, mapped, path))).start
    if not labelled:
        return _from_array(path, "its array", load(path), None)._replace(first=first)
    beside = path.with_name(labels.replace("*", path.stem))
    if not beside.exists():
        raise InputError(
            f"{path} has labels in {beside.name}, which does not exist: name the file beside it "
            "with data.labels, or put X and Y into one .npz"
        )
    return _from_array(path, "its array", load(path), load(beside))._replace(first=first)


def read_hdf5(
    path: Path, x: str, y: str, weights: str | None, labelled: bool, part: Part | None = None
) -> Examples:
    """The datasets x, y and weights of an HDF5 file, by their full names."""
    with needs("run"):
        import h5py

    def load(name: str) -> np.ndarray:
        dataset = file[name]
        if h5py.check_string_dtype(dataset.dtype):
            dataset = dataset.asstr()
        return dataset[()] if part is None else _rows(dataset, part)

    with h5py.File(path) as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        examples = _examples(path, load, names, x, y, weights, labelled)
        if part is None:
            return examples
        return examples._replace(first=part.rows(len(file[_find(path, names, x, "x")])).start)


def read_svmlight(path: Path, zero_based: bool, features: Sequence[str] | None) -> Examples:
    """The examples of a svmlight file, dense, with as many features as asked for."""
    with needs("run"):
        from sklearn.datasets import load_svmlight_file
    count = None if features is None else len(features)
    try:
        rows, labels = load_svmlight_file(str(path), n_features=count, zero_based=zero_based)
    except ValueError as error:
        mend = ""
        if "Invalid index 0" in str(error):
            mend = ": if its features count from 0, set data.zero_based=true"
        elif "n_features" in str(error):
            mend = f": expected at most the {count} features that were trained on"
        raise InputError(f"{path}: {str(error).splitlines()[0]}{mend}") from None
    return _from_array(path, "its examples", rows.toarray(), labels)


def _rows(array: Any, part: Part) -> np.ndarray:
    """The rows of a part, read; of labels or weights in one row its columns."""
    if getattr(array, "ndim", 1) == 2 and len(array) == 1:
        return np.array(array[:, part.rows(array.shape[1])])
    return np.array(array[part.rows(len(array))])


def _plain(path: Path, load: Callable[[Any], np.ndarray], what: Any) -> np.ndarray:
    try:
        return load(what)
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{path} holds pickled objects, which are never loaded: save plain numbers or text"
            ) from None
        raise


def _examples(
    path: Path,
    load: Callable[[str], np.ndarray],
    names: Iterable[str],
    x: str,
    y: str,
    weights: str | None,
    labelled: bool,
) -> Examples:
    name = _find(path, names, x, "x")
    labels = load(_find(path, names, y, "y")) if labelled else None
    examples = _from_array(path, f"array '{name}'", load(name), labels)
    if weights is None:
        return examples
    values = np.asarray(load(_find(path, names, weights, "weights")))
    return examples._replace(weights=values.ravel() if 1 in values.shape else values)


def _find(path: Path, names: Iterable[str], pattern: str, option: str) -> str:
    found = [name for name in names if name == pattern] or [
        name for name in names if fnmatchcase(name, pattern)
    ]
    if len(found) == 1:
        return found[0]
    what = "several arrays" if found else "no array"
    listed = ", ".join(found or names) or "none"
    raise InputError(
        f"{path} holds {what} named '{pattern}': name one of {listed} with data.{option}"
    )


def _from_array(path: Path, what: str, rows: np.ndarray, labels: Any) -> Examples:
    if rows.dtype.kind not in "buif":
        raise InputError(f"{path}: {what} has dtype {rows.dtype}: expected real numbers")
    if rows.ndim < 2:
        raise InputError(
            f"{path}: {what} has shape {rows.shape}: expected a row for each example, (m, n)"
        )
    divisor = 255.0 if rows.ndim > 2 and rows.dtype == np.uint8 else 1.0
    rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    if labels is not None:
        labels = label_values(labels)
        if labels.ndim == 2 and 1 in labels.shape:
            labels = labels.ravel()
    features = tuple(f"x{i}" for i in range(rows.shape[1]))
    return Examples(rows.T, labels, features, str(path), divisor)
