"""Predictions to a file, in the format that its suffix names."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.extras import needs

Writer = Callable[[Path, np.ndarray, np.ndarray], None]


def find_writer(path: Path) -> Writer:
    """What writes P(class 1), (m,), and the likelier class of each example, (m,), to such a file.

    Raises:
        InputError: a suffix that is none of WRITERS.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"{path} has suffix '{path.suffix}': expected {', '.join(WRITERS)}")
    return WRITERS[suffix]


def write_csv(file: TextIO, probability: np.ndarray, predicted: np.ndarray) -> None:
    """The two columns as CSV with a line of names."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["probability", "predicted"])
    writer.writerows(zip(probability, predicted, strict=True))


def _write_csv(path: Path, probability: np.ndarray, predicted: np.ndarray) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, probability, predicted)


def _write_parquet(path: Path, probability: np.ndarray, predicted: np.ndarray) -> None:
    with needs("run"):
        import pyarrow
        from pyarrow import parquet
    parquet.write_table(pyarrow.table({"probability": probability, "predicted": predicted}), path)


def _write_hdf5(path: Path, probability: np.ndarray, predicted: np.ndarray) -> None:
    with needs("run"):
        import h5py
    is_text = predicted.dtype.kind == "U"
    with h5py.File(path, "w") as file:
        file["probability"] = probability
        file["predicted"] = predicted.astype(h5py.string_dtype()) if is_text else predicted


WRITERS: dict[str, Writer] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".npy": lambda path, probability, _: np.save(path, probability),
    ".npz": lambda path, probability, predicted: np.savez(
        path, probability=probability, predicted=predicted
    ),
    ".h5": _write_hdf5,
    ".hdf5": _write_hdf5,
}
