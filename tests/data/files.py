"""One small table, saved in every format that can be read."""

from pathlib import Path

import h5py
import numpy as np
import pyarrow
from pyarrow import csv, parquet

M, N = 12, 3


def table():
    """Rows (m, n) and text labels."""
    rng = np.random.default_rng(3)
    rows = np.round(rng.standard_normal((M, N)), 3)
    return rows, np.where(np.arange(M) % 2 == 0, "no", "yes")


def save_npz(path, rows, labels):
    np.savez(path, X=rows, Y=labels)


def save_hdf5(path, rows, labels):
    with h5py.File(path, "w") as file:
        file["X"] = rows
        file["Y"] = labels.astype("S") if labels.dtype.kind == "U" else labels


def as_table(rows, labels):
    columns = {f"x{i}": column for i, column in enumerate(rows.T)}
    return pyarrow.table({**columns, "label": labels})


def save_csv(path, rows, labels):
    csv.write_csv(as_table(rows, labels), path)


def save_parquet(path, rows, labels):
    parquet.write_table(as_table(rows, labels), path)


def save_svmlight(path, rows, labels):
    lines = [
        f"{int(label == 'yes')} " + " ".join(f"{i + 1}:{x}" for i, x in enumerate(row))
        for row, label in zip(rows, labels, strict=True)
    ]
    Path(path).write_text("\n".join(lines) + "\n")


SAVERS = {
    ".npz": save_npz,
    ".h5": save_hdf5,
    ".csv": save_csv,
    ".parquet": save_parquet,
    ".svmlight": save_svmlight,
}


def save_pictures(folder, pictures, classes):
    from PIL import Image

    for i, (picture, name) in enumerate(zip(pictures, classes, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name / f"{i:03}.png")
