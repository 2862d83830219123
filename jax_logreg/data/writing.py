"""Predictions to a file, in the format that its suffix names."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NotRequired, TextIO, TypedDict

import numpy as np

from jax_logreg.data.csv_columns import write_columns
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs


class Arrays(TypedDict):
    """The arrays of a file of predictions; `classes` only of several classes."""

    probability: np.ndarray
    predicted: np.ndarray
    files: NotRequired[np.ndarray]
    classes: NotRequired[np.ndarray]


class Predictions(NamedTuple):
    """Predictions of m examples: probabilities, and the likeliest class `predicted` (m,).

    `probability` is P(class 1), (m,), or of k > 2 classes (m, k), a column for each of `classes`.
    `files` are the pictures, one an example, if the examples are pictures.
    """

    probability: np.ndarray
    predicted: np.ndarray
    classes: tuple[object, ...] = ()
    files: tuple[str, ...] = ()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns by name: files, probabilities, and the predicted class."""
        files = {"file": np.array(self.files)} if self.files else {}
        if self.probability.ndim == 1:
            return {**files, "probability": self.probability, "predicted": self.predicted}
        names = [f"probability_{name}" for name in self.classes]
        columns = dict(zip(names, self.probability.T, strict=True))
        return {**files, **columns, "predicted": self.predicted}

    def arrays(self) -> Arrays:
        """Return the arrays by name, all probabilities in one."""
        arrays: Arrays = {"probability": self.probability, "predicted": self.predicted}
        if self.files:
            arrays["files"] = np.array(self.files)
        if self.probability.ndim > 1:
            arrays["classes"] = np.asarray(self.classes)
        return arrays


Writer = Callable[[Path, Predictions], None]


def find_writer(path: Path) -> Writer:
    """Return the writer of predictions to such a file.

    Raises:
        InputError: a suffix that is not in WRITERS.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"{path} has suffix '{path.suffix}': expected {', '.join(WRITERS)}")
    return WRITERS[suffix]


def write_csv(file: TextIO, predictions: Predictions) -> None:
    """Write predictions as CSV with a line of names."""
    write_columns(file, predictions.columns())


def _write_csv(path: Path, predictions: Predictions) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, predictions)


def _write_parquet(path: Path, predictions: Predictions) -> None:
    with needs("run"):
        import pyarrow
        from pyarrow import parquet
    parquet.write_table(pyarrow.table(predictions.columns()), path)


def _write_hdf5(path: Path, predictions: Predictions) -> None:
    with needs("run"):
        import h5py
    with h5py.File(path, "w") as file:
        for name, values in predictions.arrays().items():
            array = np.asarray(values)
            is_text = array.dtype.kind == "U"
            file[name] = array.astype(h5py.string_dtype()) if is_text else array


WRITERS: dict[str, Writer] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".npy": lambda path, predictions: np.save(path, predictions.probability),
    ".npz": lambda path, predictions: np.savez(path, **predictions.arrays()),
    ".h5": _write_hdf5,
    ".hdf5": _write_hdf5,
}
