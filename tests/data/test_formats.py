"""Every format, read whole and in pieces of any size: one answer, and one line on what is wrong."""

import h5py
import numpy as np
import pyarrow as pa
import pytest
from data.files import save_pictures
from pyarrow import csv, feather, parquet
from sklearn.datasets import dump_svmlight_file

from jax_logreg.data import Reading, read
from jax_logreg.data.examples import Part
from jax_logreg.data.formats import FORMATS, PictureFolder
from jax_logreg.errors import InputError

M = 20
SIZES = (1, 7, M)
X = np.random.default_rng(0).integers(-9, 9, (M, 3)) / 4
COLUMNS = {
    **{f"x{i}": X[:, i] for i in range(3)},
    "label": np.arange(M) % 2,
    "s": np.arange(M) + 0.5,
}
TABLES = {
    ".csv": lambda table, path: csv.write_csv(table, path),
    ".parquet": lambda table, path: parquet.write_table(table, path, row_group_size=6),
    ".arrow": lambda table, path: feather.write_feather(table, path, chunksize=6),
    ".feather": lambda table, path: feather.write_feather(table, path, "uncompressed"),
}


def as_rows(columns):
    return np.stack([value for name, value in columns.items() if name.startswith("x")], axis=1)


def save(folder, suffix, columns=COLUMNS):
    """A file of these columns; of arrays X, Y and s."""
    path = folder / f"a{suffix}"
    if suffix in TABLES:
        TABLES[suffix](pa.table(columns), path)
    elif suffix == ".npy":
        np.save(path, as_rows(columns))
        np.save(folder / "a_labels.npy", columns["label"])
    elif suffix == ".npz":
        np.savez(path, X=as_rows(columns), Y=columns["label"], s=columns["s"])
    elif suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            file["X"], file["Y"], file["s"] = as_rows(columns), columns["label"], columns["s"]
    else:
        dump_svmlight_file(as_rows(columns), columns["label"], str(path), zero_based=False)
    return path


def reading_of(suffix):
    """Weights, where a format has any, are no feature."""
    if suffix in TABLES and suffix != ".npy":
        return Reading(weights="s")
    return Reading(weights="s" if suffix in (".npz", ".h5", ".hdf5") else None)


def in_pieces(path, size, reading):
    """X (n, m) and the file, read as a stream reads it."""
    file = (PictureFolder if path.is_dir() else FORMATS[path.suffix])(path, reading.names())
    pieces = [piece.T if file.by_rows else piece for piece in file.read(size)]
    assert all(piece.shape[1] <= size for piece in pieces)
    assert file.length == sum(piece.shape[1] for piece in pieces)
    again = [piece.T if file.by_rows else piece for piece in file.pieces(3, size)]
    found = np.concatenate(pieces, axis=1)
    np.testing.assert_array_equal(np.concatenate(again, axis=1), found[:, 3:])
    return found, file


def labels_of(file):
    """Labels of a file; texts that are numbers become so once all files are known."""
    return [str(label) for label in np.asarray(file.labels).tolist()]


@pytest.mark.parametrize("suffix", FORMATS)
def test_pieces_of_any_size_are_the_whole(suffix, tmp_path):
    path, reading = save(tmp_path, suffix), reading_of(suffix)
    whole = read(path, reading)
    np.testing.assert_array_equal(whole.X, X.T)
    for size in SIZES:
        found, file = in_pieces(path, size, reading)
        np.testing.assert_array_equal(found, whole.X)
        assert found.dtype == whole.X.dtype == file.dtype
        assert file.features == whole.features and file.notes == whole.notes
        assert labels_of(file) == labels_of(whole)
        least, most = file.extremes
        assert least.tolist() == X.min(axis=0).tolist() and most.tolist() == X.max(axis=0).tolist()
        if reading.weights is None:
            assert file.weights is None and whole.weights is None
        else:
            np.testing.assert_array_equal(file.weights, whole.weights)
        assert [file.example(i) for i in (0, 9)] == [whole.example(i) for i in (0, 9)]


@pytest.mark.parametrize("kind", [bool, "int8", "uint16", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".npy", ".npz", ".h5"])
def test_numbers_of_any_kind_have_one_dtype(kind, suffix, tmp_path):
    columns = {name: np.abs(value).astype(kind) for name, value in COLUMNS.items()}
    if kind is bool and suffix == ".csv":
        columns["label"] = COLUMNS["label"]
    path = save(tmp_path, suffix, {name: columns[name] for name in ("x0", "x1", "label", "s")})
    reading = reading_of(suffix).model_copy(update={"weights": None, "exclude": ["s"]})
    if suffix not in TABLES:
        reading = Reading()
    whole = read(path, reading)
    found, _ = in_pieces(path, 7, reading)
    assert found.dtype == whole.X.dtype
    np.testing.assert_array_equal(found, whole.X)


def test_pictures_are_read_in_pieces(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (M, 2, 3, 3), np.uint8)
    save_pictures(tmp_path / "p", pictures, ["cat"] * 10 + ["dog"] * 10)
    whole = read(tmp_path / "p", Reading())
    for size in SIZES:
        found, file = in_pieces(tmp_path / "p", size, Reading())
        np.testing.assert_array_equal(found, whole.X)
        assert (
            file.labels.tolist() == whole.labels.tolist() and file.divisor == whole.divisor == 255
        )
        assert (file.files, file.example(3)) == (whole.files, whole.example(3))


@pytest.mark.parametrize("suffix", FORMATS)
def test_examples_that_are_taken_keep_their_place_in_the_file(suffix, tmp_path):
    whole = read(save(tmp_path, suffix), reading_of(suffix))
    taken = whole.take(np.array([5, 2, 11])).take(np.array([2, 0]))
    assert [taken.example(i) for i in (0, 1)] == [whole.example(11), whole.example(5)]
    part = whole.part(Part(1, 2))
    assert part.example(0) == whole.example(10)


def spoilt(name, i, value, kind=None):
    """The columns with another value in one row; text and None make a column of another type."""

    def columns(suffix):
        if suffix in TABLES and (kind is not None or value is None):
            changed = [str(one) if kind is str else one for one in COLUMNS[name].tolist()]
            changed[i] = value
            return {**COLUMNS, name: changed}
        changed = COLUMNS[name].copy()
        changed[i] = value
        return {**COLUMNS, name: changed}

    return columns


def without(name):
    return lambda suffix: {key: value for key, value in COLUMNS.items() if key != name}


ARRAYS = (".npy", ".npz", ".h5")
# The columns, in which formats they can be so, and what the line says of them.
FAULTS = {
    "NaN": (spoilt("x1", 9, np.nan), (*ARRAYS, ".parquet", ".arrow"), "'x1' of example 9 is nan"),
    "infinity": (spoilt("x2", 0, np.inf), (*ARRAYS, *TABLES), "feature 'x2' of example 0"),
    "late infinity": (spoilt("x0", M - 1, -np.inf), (*ARRAYS, *TABLES), "of example 19"),
    "missing": (spoilt("x1", 8, None), TABLES, "feature 'x1' of example 8"),
    "text": (spoilt("x1", 13, "x", str), TABLES, "column 'x1' is 'x' in example 13"),
    "date": (spoilt("x1", 13, "2020-01-01", str), [".csv"], "is '2020-01-01' in example 13"),
    "boolean among numbers": (spoilt("x1", 13, "true", str), [".csv"], "is 'true' in example 13"),
    "no label column": (without("label"), TABLES, "no column 'label'"),
    "no weight column": (without("s"), TABLES, "no column 's'"),
    "missing label": (spoilt("label", 4, None), TABLES, "label 'label' of example 4"),
    "negative weight": (spoilt("s", 6, -1.0), (*TABLES, ".h5", ".npz"), "weight 's' of example 6"),
    "missing weight": (spoilt("s", 6, None), TABLES, "the weight 's' of example 6"),
    "text weight": (spoilt("s", 6, "x", str), TABLES, "column 's' is 'x' in example 6"),
}
CASES = [(fault, suffix) for fault, (_, suffixes, _) in FAULTS.items() for suffix in suffixes]


@pytest.mark.parametrize(("fault", "suffix"), CASES)
def test_what_is_wrong_is_one_line_however_it_is_read(fault, suffix, tmp_path):
    columns, _, message = FAULTS[fault]
    path, reading = save(tmp_path, suffix, columns(suffix)), reading_of(suffix)
    if suffix == ".csv" and fault == "text":
        # A number in quotes is a number.
        path.write_text(path.read_text().replace('"', ""))
    lines = [line_of(lambda: read(path, reading))]
    lines += [line_of(lambda size=size: in_pieces(path, size, reading)) for size in SIZES]
    assert message in lines[0] and str(path) in lines[0]
    assert set(lines) == {lines[0]}


CONTENTS = {
    "a ragged row": "x0,x1,s,label\n1,2,1,a\n1,2,1,b\n1,2,1\n",
    "booleans, then a number": "x0,x1,s,label\ntrue,2,1,a\nfalse,2,1,b\n1.5,2,1,a\n",
    "booleans, then text": "x0,x1,s,label\ntrue,2,1,a\nfalse,2,1,b\nyes,2,1,a\n",
    "two columns of one name": "x0,x0,s,label\n1,2,1,a\n1,2,1,b\n",
    "an empty column": "x0,x1,s,label\n1,,1,a\n2,,1,b\n",
    "another separator": "x0;x1;s;label\n1;2;1;a\n1;2;1;b\n",
    "an example for names": "1,2,1,a\n2,3,2,b\n1,1,1,a\n",
    "no features": "s,label\n1,a\n2,b\n",
    "a blank line": "x0,x1,s,label\n1,2,1,a\n\n1,inf,1,b\n",
    "a missing label": "x0,x1,s,label\n1,2,1,a\n1,2,1,\n",
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_spoilt_csv_is_one_line_however_it_is_read(case, tmp_path):
    path, reading = tmp_path / "a.csv", Reading(weights="s")
    path.write_text(CONTENTS[case])
    lines = [line_of(lambda: read(path, reading))]
    lines += [line_of(lambda size=size: in_pieces(path, size, reading)) for size in (1, 2, 9)]
    assert set(lines) == {lines[0]} and str(path) in lines[0]


def test_labels_of_another_number_are_one_line_however_they_are_read(tmp_path):
    path = save(tmp_path, ".npy")
    for labels in (np.arange(M - 1), np.arange(3), np.ones((M, 2))):
        np.save(tmp_path / "a_labels.npy", labels)
        whole = line_of(lambda: read(path, Reading()))
        assert whole == line_of(lambda: in_pieces(path, 7, Reading()))


def line_of(call):
    with pytest.raises(InputError) as found:
        call()
    assert "\n" not in str(found.value)
    return str(found.value)
