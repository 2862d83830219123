import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from data.files import SAVERS, save_pictures, table
from pyarrow import csv, parquet

from jax_logreg.data import Reading, read


@pytest.mark.parametrize("suffix", SAVERS)
def test_the_same_table_from_every_format(suffix, tmp_path):
    rows, labels = table()
    path = tmp_path / f"data{suffix}"
    SAVERS[suffix](path, rows, labels)
    examples = read(path, Reading())
    np.testing.assert_array_equal(examples.X, rows.T)
    expected = (labels == "yes").astype(int) if suffix == ".svmlight" else labels
    np.testing.assert_array_equal(examples.labels, expected)
    assert examples.features == ("x0", "x1", "x2") and examples.divisor == 1
    again = read(path, Reading(), features=examples.features, labelled=False)
    assert again.labels is None
    np.testing.assert_array_equal(again.X, rows.T)


def test_import_leaves_the_heavy_libraries_alone():
    code = (
        "import sys, jax_logreg.data\n"
        "print(*(name for name in 'sklearn pyarrow h5py PIL'.split() if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_npy_has_its_labels_beside_it(tmp_path):
    rows, labels = table()
    np.save(tmp_path / "new.npy", rows)
    examples = read(tmp_path / "new.npy", Reading(), labelled=False)
    np.testing.assert_array_equal(examples.X, rows.T)
    np.save(tmp_path / "new_labels.npy", np.asarray(labels, str))
    examples = read(tmp_path / "new.npy", Reading())
    assert examples.X.shape == rows.T.shape
    np.testing.assert_array_equal(examples.labels, labels)
    (tmp_path / "new_labels.npy").rename(tmp_path / "y.npy")
    assert read(tmp_path / "new.npy", Reading(labels="y.npy")).labels.shape == (len(rows),)


def test_patterns_name_datasets(tmp_path):
    rows, labels = table()
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["part/train_x"], file["part/train_y"] = rows, labels == "yes"
        file["other"] = np.arange(3)
    examples = read(tmp_path / "d.h5", Reading(x="*_x", y="part/train_y"))
    assert examples.X.shape == rows.T.shape


def test_pictures_are_flattened_and_keep_their_bytes(tmp_path, rng):
    pictures = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    classes = ["cat"] * 3 + ["dog"] * 3
    save_pictures(tmp_path / "pictures", pictures, classes)
    examples = read(tmp_path / "pictures", Reading())
    np.testing.assert_array_equal(examples.X, pictures.reshape(6, -1).T)
    assert examples.X.dtype == np.uint8 and examples.divisor == 255
    assert examples.labels.tolist() == classes
    np.savez(tmp_path / "p.npz", X=pictures, Y=np.array(classes))
    from_array = read(tmp_path / "p.npz", Reading())
    np.testing.assert_array_equal(from_array.X, examples.X)
    assert from_array.divisor == 255
    small = read(tmp_path / "pictures", Reading(pixels=2), labelled=False)
    assert small.X.shape == (12, 6)


def test_columns_are_found_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("b,label,a,extra\n1,x,2,9\n3,y,4,9\n")
    examples = read(tmp_path / "a.csv", Reading(), features=["a", "b"], labelled=False)
    assert examples.X.tolist() == [[2, 4], [1, 3]]
    assert examples.features == ("a", "b")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".h5"])
def test_weights_from_every_format(suffix, tmp_path):
    path, weights = tmp_path / f"a{suffix}", np.array([0, 1.5, 2])
    columns = {"x0": np.arange(3.0), "label": np.array([0, 1, 0]), "my weights": weights}
    if suffix == ".npz":
        np.savez(path, X=columns["x0"][:, None], Y=columns["label"], **{"my weights": weights})
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["X"], file["Y"] = columns["x0"][:, None], columns["label"]
            file["my weights"] = weights[:, None]
    else:
        write = csv.write_csv if suffix == ".csv" else parquet.write_table
        write(pyarrow.table(columns), path)
    examples = read(path, Reading(weights="my weights"))
    assert examples.weights.tolist() == [0, 1.5, 2] and examples.features == ("x0",)
    assert examples.take(np.array([2, 0])).weights.tolist() == [2, 0]
    again = read(path, Reading(weights="my weights"), features=["x0"], labelled=False)
    assert again.weights is None and again.X.tolist() == [[0, 1, 2]]


def test_columns_of_several_kinds(tmp_path):
    (tmp_path / "a.csv").write_text("i,f,t,y\n1,0.5,true,a\n2,1.5,false,b\n")
    examples = read(tmp_path / "a.csv", Reading(label="y"))
    assert examples.X.tolist() == [[1, 2], [0.5, 1.5], [1, 0]]


def test_a_table_of_many_columns(tmp_path):
    names = [f"x{i}" for i in range(3000)]
    rows = [",".join([*names, "label"]), ",".join(["1"] * 3000 + ["a"]), "2," * 3000 + "b"]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    examples = read(tmp_path / "a.csv", Reading())
    assert examples.X.shape == (3000, 2) and examples.features == tuple(names)


def test_svmlight_from_zero(tmp_path):
    (tmp_path / "a.svm").write_text("1 0:5 2:7\n-1 1:6\n")
    examples = read(tmp_path / "a.svm", Reading(zero_based=True))
    assert examples.X.tolist() == [[5, 0], [0, 6], [7, 0]]
    assert examples.labels.tolist() == [1, -1]
    wider = read(tmp_path / "a.svm", Reading(zero_based=True), features=list("abcde"))
    assert wider.X.shape == (5, 2)


def test_whole_numbers_are_the_same_label_as_float(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(2), Y=np.array([0.0, 1.0]))
    assert read(tmp_path / "a.npz", Reading()).labels.dtype.kind == "i"
    assert isinstance(read(tmp_path / "a.npz", Reading()).source, str)
    assert Path(read(tmp_path / "a.npz", Reading()).source) == tmp_path / "a.npz"
