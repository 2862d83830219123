import csv
import io

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from pyarrow import parquet

from jax_logreg.data import Predictions, find_writer, write_csv
from jax_logreg.data.csv_columns import csv_bytes
from jax_logreg.errors import InputError

P = np.array([0.25, 0.75], "float32")


@pytest.mark.parametrize("predicted", [np.array(["no, sir", "yes"]), np.array([0, 1])])
def test_every_format_holds_the_same(predicted, tmp_path):
    for suffix in (".csv", ".parquet", ".npy", ".npz", ".h5"):
        path = tmp_path / f"p{suffix}"
        find_writer(path)(path, Predictions(P, predicted))
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["probability"]) for row in rows] == P.tolist()
    assert [row["predicted"] for row in rows] == [str(c) for c in predicted]
    columns = parquet.ParquetFile(tmp_path / "p.parquet").read().to_pydict()
    assert columns == {"probability": P.tolist(), "predicted": predicted.tolist()}
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), P)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as file:
        assert file["predicted"].tolist() == predicted.tolist()
    with h5py.File(tmp_path / "p.h5") as file:
        found = file["predicted"]
        found = found.asstr()[()] if predicted.dtype.kind == "U" else found[()]
        assert found.tolist() == predicted.tolist()


@pytest.mark.parametrize("classes", [("a b", "c,d", "é"), (0, 1, 2)])
def test_more_than_two_classes_have_a_column_each(classes, tmp_path):
    A = np.array([[0.5, 0.25, 0.25], [0.125, 0.625, 0.25]], "float32")
    predictions = Predictions(A, np.asarray(classes)[[0, 1]], classes)
    for suffix in (".csv", ".parquet", ".npy", ".npz", ".h5"):
        find_writer(tmp_path / f"p{suffix}")(tmp_path / f"p{suffix}", predictions)
    names = [f"probability_{c}" for c in classes]
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [list(row) for row in rows] == [[*names, "predicted"]] * 2
    assert [[float(row[name]) for name in names] for row in rows] == A.tolist()
    columns = parquet.ParquetFile(tmp_path / "p.parquet").read().to_pydict()
    assert list(columns) == [*names, "predicted"] and columns[names[1]] == [0.25, 0.625]
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), A)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["probability"], A)
        assert file["classes"].tolist() == list(classes)
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["probability"][()], A)
        found = file["classes"]
        found = found.asstr()[()] if isinstance(classes[0], str) else found[()]
        assert found.tolist() == list(classes)


def test_csv_to_any_text_file():
    text = io.StringIO()
    write_csv(text, Predictions(P, np.array(["a", "b"])))
    assert text.getvalue() == "probability,predicted\n0.25,a\n0.75,b\n"


def test_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match=r"suffix '\.xls': expected \.csv"):
        find_writer(tmp_path / "p.xls")


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (np.array([0.1, np.nan, 1e-5], "float32"), ["0.1", "", "1e-05"]),
        (np.array([0.1, np.inf, 2.0]), ["0.1", "inf", "2.0"]),
        (jnp.array([0.1, 1.0, 3.0], "float32"), ["0.1", "1.0", "3.0"]),
        (np.array([1, 2, 3]), ["1", "2", "3"]),
        (["a,b", 'say "no"', "nan"], ['"a,b"', '"say ""no"""', "nan"]),
        (np.array(["", "é", " b"], object), ["", "é", " b"]),
    ],
)
def test_columns_are_quoted_where_needed_and_keep_their_digits(values, cells):
    content = csv_bytes({"first": [1, 2, 3], "x": values}).decode()
    assert content == "first,x\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells, 1))


def test_columns_that_differ_in_length_are_a_bug():
    with pytest.raises(ValueError, match="shorter"):
        csv_bytes({"a": [1, 2], "b": [1]})
