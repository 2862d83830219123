"""Columns of lists and of other types of Arrow; and pictures and labels in HDF5 in every shape."""

import datetime
from decimal import Decimal

import h5py
import numpy as np
import pyarrow as pa
import pytest
from data.test_columns import config
from pyarrow import feather, parquet

from jax_logreg.data import Reading, prepare, read
from jax_logreg.data.reading import check_columns
from jax_logreg.errors import InputError

M = 40
EMBEDDINGS = np.arange(M)[:, None] + np.arange(4) / 10
LABELS = np.arange(M) % 2
KINDS = {
    "list": pa.list_(pa.float32()),
    "large list": pa.large_list(pa.float64()),
    "fixed": pa.list_(pa.float32(), 4),
    "halves": pa.list_(pa.float16()),
    "fixed decimals": pa.list_(pa.decimal128(7, 2), 4),
}


def save(path, columns):
    table = pa.table({**columns, "label": LABELS})
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=7)
    else:
        feather.write_feather(table, path, chunksize=7)
    return path


def embeddings(kind, values=EMBEDDINGS):
    rows = values.tolist()
    if "decimals" in kind:
        rows = [[Decimal(f"{value:.1f}") for value in row] for row in rows]
    if "halves" in kind:
        rows = [np.array(row, np.float16) for row in rows]
    return pa.array(rows, KINDS[kind])


def prepared(path, stream, **keys):
    return prepare(config(path, stream=stream, **keys), "float64")


@pytest.mark.parametrize("kind", KINDS)
def test_each_place_of_a_list_is_a_feature(kind, tmp_path):
    columns = {"a": np.arange(M) / 3, "emb": embeddings(kind), "b": LABELS + 1}
    path = save(tmp_path / "a.parquet", columns)
    names = ("a", *(f"emb[{i}]" for i in range(4)), "b")
    expected = np.vstack([np.arange(M) / 3, EMBEDDINGS.T, LABELS + 1])
    tolerance = {"rtol": {"halves": 1e-3, "list": 1e-6, "fixed": 1e-6}.get(kind, 0)}
    memory = read(path, Reading())
    assert memory.features == names
    np.testing.assert_allclose(memory.X, expected, **tolerance)
    for suffix in (".parquet", ".feather"):
        data = prepared(save(tmp_path / f"b{suffix}", columns), True)
        assert data.features == names
        X = data.X_train.examples(np.arange(M))
        np.testing.assert_array_equal(X, memory.X.astype("float32"))
    # A model knows the features by name, in any order.
    again = read(path, Reading(), features=[*names[3:], names[1]], labelled=False)
    np.testing.assert_array_equal(again.X, memory.X[[3, 4, 5, 1]])
    assert read(path, Reading(exclude=["emb"])).features == ("a", "b")


def test_files_of_lists_one_of_them_empty(tmp_path):
    for i, rows in enumerate((slice(0, 9), slice(9, 9), slice(9, M))):
        columns = {"emb": embeddings("list")[rows], "label": LABELS[rows]}
        parquet.write_table(pa.table(columns), tmp_path / f"{i}.parquet")
    data = prepared(tmp_path, True)
    np.testing.assert_allclose(data.X_train.examples(np.arange(M)), EMBEDDINGS.T, rtol=1e-6)
    parquet.write_table(
        pa.table({"emb": embeddings("list", EMBEDDINGS[:, :3]), "label": LABELS}),
        tmp_path / "3.parquet",
    )
    with pytest.raises(InputError, match=r"3\.parquet has 3 features and lacks 'emb\[3\]'"):
        prepared(tmp_path, True)


SPOILT = {
    "ragged": ([1.0, 2.0], "'emb' is a list of 2 numbers in example 30: expected lists of one"),
    "null": (None, "'emb' is missing in example 30: expected lists of one length, 4"),
    "a null inside": ([1.0, None, 2.0, 3.0], r"'emb\[1\]' of example 30 is missing"),
    "NaN inside": ([1.0, 2.0, float("nan"), 3.0], r"'emb\[2\]' of example 30 is nan"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_list_is_refused_by_row(case, stream, tmp_path):
    rows = EMBEDDINGS.tolist()
    rows[30], message = SPOILT[case]
    path = save(tmp_path / "a.parquet", {"emb": pa.array(rows, KINDS["list"])})
    with pytest.raises(InputError, match=message):
        prepared(path, stream)


@pytest.mark.parametrize("stream", [False, True])
def test_decimals_are_the_numbers_that_they_say(stream, tmp_path):
    texts = ["0.30", "0.90", "20.00", "12345.67"] * 10
    column = pa.array(map(Decimal, texts), pa.decimal128(7, 2))
    data = prepared(save(tmp_path / "a.parquet", {"d": column}), stream)
    X = data.X_train.examples(np.arange(M)) if stream else data.X_train
    expected = np.array([list(map(float, texts))])
    np.testing.assert_array_equal(X, expected.astype("float32") if stream else expected)


OTHERS = {
    "timestamp": (
        pa.array([datetime.datetime(2020, 1, 1)] * M),
        r"is '2020-01-01 00:00:00' in example 0, of type timestamp\[us\]: .*days since a date",
    ),
    "struct": (pa.array([{"a": 1}] * M), r"of type struct<a: int64>: .*with data\.exclude"),
    "lists of text": (pa.array([["a"]] * M), r"of type list<.*: string>: .*or a \.npy with a row"),
    "nullable": (pa.array([1, None] * 20), r"feature 'x' of example 1 is (nan|missing)"),
    "text": (pa.array(["1", "?"] * 20), r"column 'x' is '\?' in example 1: expected numbers"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_number_is_refused_with_the_mend(case, stream, tmp_path):
    column, message = OTHERS[case]
    with pytest.raises(InputError, match=message):
        prepared(save(tmp_path / "a.parquet", {"x": column}), stream)


@pytest.mark.parametrize("stream", [False, True])
def test_pictures_of_hdf5_lie_one_after_the_other(stream, tmp_path):
    """Whatever the shape of the labels: not a column of pixels of all pictures."""
    for shape in ((3,), (1, 3), (3, 1)):
        path = tmp_path / f"{shape}.h5"
        with h5py.File(path, "w") as file:
            file["train_set_x"] = np.arange(36).reshape(3, 2, 2, 3)
            file["train_set_y"] = np.array([0, 1, 0]).reshape(shape)
        data = prepared(path, stream, x="train_set_x", y="train_set_y")
        X = data.X_train.examples(np.arange(3)) if stream else data.X_train
        np.testing.assert_array_equal(X.T, np.arange(36).reshape(3, 12))
        assert data.Y_train.tolist() == [[0, 1, 0]]


def test_weights_of_each_file_are_as_many_as_its_examples(tmp_path):
    """Together they may be right, and one by one another example's."""
    for name, m in (("a", 5), ("b", 7)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["X"], file["Y"], file["s"] = np.ones((6, 2)), np.arange(6) % 2, np.ones(m)
    with pytest.raises(InputError, match=r"a\.h5: the weights 's' are float64 of shape \(5,\)"):
        prepared(tmp_path, True, weights="s")


def test_options_on_columns_are_for_tables(tmp_path):
    check_columns(tmp_path / "a.parquet", Reading(exclude=["a"], categorical="auto"))
    check_columns(tmp_path / "a.npz", Reading(exclude=["a"]), features=["b"])
    with pytest.raises(InputError, match="has no columns to leave out"):
        check_columns(tmp_path / "a.npz", Reading(exclude=["a"]))
