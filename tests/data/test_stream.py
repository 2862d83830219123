"""Files larger than memory: every format, several files, and whatever may be wrong with them."""

import json
import os
import struct

import h5py
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pytest
from cases import COUNTS, FAMILIES
from cli.command import command
from pyarrow import csv, feather, parquet
from pydantic import TypeAdapter

from jax_logreg import L2, Newton, Status, fit
from jax_logreg.data import DataConfig, open_stream, prepare
from jax_logreg.errors import InputError
from jax_logreg.matrix import Standardised

ROWS, LABELS = COUNTS.T - 0.3, FAMILIES["binomial"][0].astype(int)
TABLE = pa.table({**{f"x{i}": ROWS[:, i] for i in range(6)}, "label": LABELS})
# Of unequal length, one without examples.
PARTS = [(0, 7), (7, 7), (7, 40), (40, 60)]


def save_ipc(table, path, open_=pa.ipc.new_file):
    with open_(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=6)


def save_hdf5(table, path):
    with h5py.File(path, "w") as file:
        file["X"] = rows_of(table)
        file["Y"] = np.asarray(table["label"])


def save_npy(table, path):
    np.save(path, np.ascontiguousarray(rows_of(table)))
    np.save(path.with_name(f"{path.stem}_labels.npy"), np.asarray(table["label"]))


def rows_of(table):
    return np.column_stack([table[name] for name in table.column_names if name != "label"])


SAVERS = {
    ".parquet": lambda table, path: parquet.write_table(table, path, row_group_size=5),
    ".csv": csv.write_csv,
    ".arrow": save_ipc,
    ".feather": feather.write_feather,
    ".h5": save_hdf5,
    ".npy": save_npy,
}


def save(folder, suffix, table=TABLE):
    folder.mkdir(exist_ok=True)
    for i, (first, end) in enumerate(PARTS):
        SAVERS[suffix](table.slice(first, end - first), folder / f"{i}{suffix}")
    return folder


def whole(X):
    """All entries, (n, m) float32, by passes over blocks."""
    return jnp.eye(X.shape[0], dtype="float32") @ X


@pytest.mark.parametrize("suffix", SAVERS)
def test_every_format(suffix, tmp_path):
    folder = save(tmp_path, suffix)
    for path in (folder, folder / f"*{suffix}", str(folder / f"[0-9]{suffix}")):
        X, Y, s, features = open_stream(path, block=16)
        assert s is None and features == tuple(f"x{i}" for i in range(6))
        np.testing.assert_array_equal(Y, LABELS)
    assert X.shape == (6, 60) and X.by_rows == (suffix in (".h5", ".npy"))
    for _ in range(2):
        np.testing.assert_array_equal(whole(X), ROWS.T.astype("float32"))
    one = open_stream([folder / f"2{suffix}", folder / f"0{suffix}"], block=16)
    np.testing.assert_array_equal(one.Y, np.concatenate([LABELS[7:40], LABELS[:7]]))
    # A block may start inside a file.
    index = np.asarray([34, 12, 39])
    expected = np.concatenate([ROWS[7:40], ROWS[:7]])[index].T.astype("float32")
    np.testing.assert_array_equal(one.X.examples(index), expected)


def test_an_arrow_stream_is_read_as_a_file_is(tmp_path):
    save_ipc(TABLE, tmp_path / "a.arrow", pa.ipc.new_stream)
    np.testing.assert_array_equal(open_stream(tmp_path / "a.arrow").Y, LABELS)


def test_an_array_that_was_saved_turned_round(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(ROWS))
    np.save(tmp_path / "a_labels.npy", LABELS)
    X, _, _, _ = open_stream(tmp_path, block=16)
    assert not X.by_rows
    np.testing.assert_array_equal(whole(X), ROWS.T.astype("float32"))


def test_csv_labels_are_those_that_reading_at_once_finds(tmp_path):
    (tmp_path / "a.csv").write_text("a,label\n1,yes\n2.5,no\n3,yes\n")
    (tmp_path / "b.csv").write_text("")
    assert open_stream(tmp_path).Y.tolist() == ["yes", "no", "yes"]
    (tmp_path / "a.csv").write_text("a,label\n1,1\n2.5,0\n")
    assert open_stream(tmp_path).Y.tolist() == [1, 0]
    (tmp_path / "a.csv").write_text("a,label\n1,true\n2.5,false\n")
    assert open_stream(tmp_path).Y.tolist() == ["true", "false"]


def test_columns_go_by_name_and_weights_along(tmp_path):
    first = {"a": [1, 2], "b": [3.5, 4], "y": [0, 1], "w": [1, 2]}
    second = {"y": [1], "b": [6.0], "w": [3], "a": [5]}
    parquet.write_table(pa.table(first), tmp_path / "a.parquet")
    parquet.write_table(pa.table(second), tmp_path / "b.parquet")
    X, Y, s, features = open_stream(tmp_path, label="y", weights="w")
    assert features == ("a", "b") and Y.tolist() == [0, 1, 1] and s.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(whole(X), [[1, 2, 5], [3.5, 4, 6]])


# suffix, what the second of two files holds, what the line says of it
BAD = {
    "text": (".parquet", {"a": ["1", "x"], "label": [0, 1]}, "column 'a' is 'x' in example 1"),
    "text in csv": (
        ".csv",
        {"a": ["1", "x"], "label": [0, 1]},
        "column 'a' is 'x' in example 1 (line 3)",
    ),
    "null": (".parquet", {"a": [1, None], "label": [0, 1]}, "feature 'a' of example 1 is missing"),
    "NaN": (".arrow", {"a": [1, np.nan], "label": [0, 1]}, "feature 'a' of example 1 is nan"),
    "infinite": (".npy", {"a": [np.inf, 1], "label": [0, 1]}, "feature 'x0' of example 0 is inf"),
    "no label": (".csv", {"a": [1, 2], "labels": [0, 1]}, "no column 'label': did you mean"),
    "null label": (".parquet", {"a": [1.0], "label": pa.array([None], "int64")}, "is missing"),
    "text labels": (".parquet", {"a": [1, 2], "label": ["0", "1"]}, "labels that are text"),
    "another feature": (".parquet", {"b": [1, 2], "label": [0, 1]}, "lacks 'a': expected the 1 of"),
    "one more": (".npy", {"a": [1, 2], "b": [1, 2], "label": [0, 1]}, "has 'x1' too"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_by_feature_file_and_example(case, tmp_path):
    suffix, columns, message = BAD[case]
    SAVERS[suffix](pa.table({"a": [1.0, 2.0], "label": [0, 1]}), tmp_path / f"a{suffix}")
    SAVERS[suffix](pa.table(columns), tmp_path / f"b{suffix}")
    with pytest.raises(InputError) as found:
        open_stream(tmp_path)
    assert message in str(found.value) and f"b{suffix}" in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("suffix", SAVERS)
def test_files_that_end_early(suffix, tmp_path):
    path = save(tmp_path, suffix) / f"2{suffix}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if suffix == ".csv":
        # A line less is a table still; half a line is not.
        path.write_bytes(path.read_bytes() + b"\n1\n")
    with pytest.raises(InputError, match=rf"2\{suffix}"):
        open_stream(tmp_path)


def test_what_is_no_stream(tmp_path):
    for name in ("a.npz", "a.svmlight"):
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=r"in pieces: expected .*\.parquet, .* at once"):
            open_stream(tmp_path / name)
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.png").touch()
    for path, message in {
        "cats": "holds no file of .npy",
        "none": "does not exist",
        "*.parquet": "matches no file",
    }.items():
        with pytest.raises(InputError, match=message):
            open_stream(tmp_path / path)
    parquet.write_table(TABLE.slice(0, 0), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="holds no examples"):
        open_stream(tmp_path / "*.parquet")
    np.save(tmp_path / "a.npy", ROWS)
    with pytest.raises(InputError, match=r"no file of labels a_labels\.npy beside it"):
        open_stream(tmp_path / "a.npy")
    np.save(tmp_path / "a_labels.npy", LABELS[1:])
    with pytest.raises(
        InputError, match=r"60 examples of 6 features, one a row, but labels of shape \(59,\)"
    ):
        open_stream(tmp_path / "a.npy")
    parquet.write_table(TABLE.select(["label"]), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet holds no features"):
        open_stream(tmp_path / "b.parquet")


@pytest.mark.parametrize("suffix", [".parquet", ".npy"])
@pytest.mark.parametrize("how", ["gone", "shorter", "changed"])
def test_a_file_that_does_not_stay(how, suffix, tmp_path, capfd):
    folder = save(tmp_path, suffix)
    X, Y = open_stream(folder, block=16)[:2]
    path = folder / f"2{suffix}"
    if how == "gone":
        path.unlink()
    elif how == "shorter":
        os.truncate(path, path.stat().st_size // 2)
    else:
        os.utime(path, ns=(0, 0))
    with pytest.raises(InputError) as found:
        fit(X, Y, penalty=L2(0.1), solver=Newton(), gradient_check="off")
    assert str(path) in str(found.value) and "\n" not in str(found.value)
    assert capfd.readouterr().err == ""


def config(**keys):
    return TypeAdapter(DataConfig).validate_python({"source": "file", "stream": True, **keys})


@pytest.mark.parametrize("standardise", [True, False])
def test_prepared_as_in_memory(standardise, tmp_path):
    save(tmp_path / "parts", ".parquet")
    parquet.write_table(TABLE, tmp_path / "all.parquet")
    keys = {"standardise": standardise, "seed": 3}
    memory = prepare(config(train=str(tmp_path / "all.parquet"), **keys, stream=False), "float32")
    data = prepare(config(train=str(tmp_path / "parts/*.parquet"), **keys), "float32")
    assert isinstance(data.X_train, Standardised) == standardise
    assert (data.classes, data.features) == (memory.classes, memory.features)
    for part in ("train", "test"):
        X, Y = (getattr(data, f"{name}_{part}") for name in "XY")
        np.testing.assert_array_equal(Y, getattr(memory, f"Y_{part}"))
        np.testing.assert_allclose(whole(X), getattr(memory, f"X_{part}"), atol=1e-6)
    for streamed, expected in zip(data.scaling, memory.scaling, strict=True):
        np.testing.assert_allclose(streamed, expected, rtol=1e-12)


def test_pictures_are_scaled_as_in_memory(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (8, 2, 2, 3), np.uint8)
    np.save(tmp_path / "a.npy", pictures)
    np.save(tmp_path / "a_labels.npy", [0, 1] * 4)
    keys = {"train": str(tmp_path / "a.npy"), "standardise": False, "test_fraction": 0}
    data = prepare(config(**keys), "float32")
    expected = prepare(config(**keys, stream=False), "float32").X_train
    np.testing.assert_allclose(whole(data.X_train), expected, rtol=1e-6)


def test_a_run_from_the_command_line(tmp_path):
    """The files, and the answer to the last digits, of the same run in memory."""
    save(tmp_path / "parts", ".parquet")
    parquet.write_table(TABLE, tmp_path / "all.parquet")
    (tmp_path / "c.toml").write_text(
        '[data]\nsource = "file"\n[solver]\nmethod = "gradient_descent"\nlearning_rate = 0.5\n'
        '[fit]\ndtype = "float64"\nsteps = 20\ntolerance = 0\ngradient_check = "off"\n'
    )
    results = []
    for name, train, stream in (("memory", "all.parquet", "false"), ("stream", "parts", "true")):
        out = tmp_path / name
        sets = [f"data.train={tmp_path / train}", f"data.stream={stream}"]
        options = [option for one in sets for option in ("--set", one)]
        done = command("run", tmp_path / "c.toml", "--out", out, *options)
        assert done.code == 0, done
        results.append(json.loads((out / "result.json").read_text()))
    memory, streamed = results
    for key in ("status", "steps", "classes", "train_accuracy", "test_accuracy"):
        assert streamed[key] == memory[key]
    np.testing.assert_allclose(streamed["cost"], memory["cost"], rtol=1e-12)


def test_a_pattern_without_stream_says_what_to_set(tmp_path):
    save(tmp_path, ".csv")
    with pytest.raises(InputError, match=r"set data\.stream=true"):
        prepare(config(train=str(tmp_path / "*.csv"), stream=False), "float32")


def test_categories_are_not_streamed(tmp_path):
    save(tmp_path, ".csv")
    with pytest.raises(InputError, match="columns of categories are not streamed"):
        prepare(config(train=str(tmp_path), categorical=["x0"]), "float32")


@pytest.mark.parametrize("name", ["X", "Y", "s"])
def test_a_dataset_that_is_in_another_file_is_not_read(name, tmp_path):
    (tmp_path / "other").write_bytes(np.ones(60 * 6).tobytes())
    shapes = {"X": (60, 6), "Y": (60,), "s": (60,)}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for own, shape in shapes.items():
            elsewhere = [(str(tmp_path / "other"), 0, 8 * int(np.prod(shape)))]
            external = elsewhere if own == name else None
            file.create_dataset(own, shape, "f8", external=external)
    with pytest.raises(InputError, match=f"a.h5: the numbers of '{name}' are in other files"):
        open_stream(tmp_path / "a.h5", weights="s")


@pytest.mark.parametrize("name", ["a.parquet", "a_labels.npy"])
def test_what_has_no_end_is_not_waited_for(name, tmp_path):
    save_npy(TABLE, tmp_path / "a.npy")
    (tmp_path / "a_labels.npy").unlink()
    os.mkfifo(tmp_path / name)
    # Opened by nobody, a pipe that is read never ends the test.
    with pytest.raises(
        InputError, match=rf"no file of labels {name} beside it|{name} is a folder, .* a pipe"
    ):
        open_stream(tmp_path / name.replace("_labels", ""))


# The faults of an Arrow file that is whole: bytes, and others in their place.
SPOILT_ARROW = {
    "the end of a label": (struct.pack("<3i", 0, 2, 5), struct.pack("<3i", 0, 2, 2**30)),
    "the number of rows": (struct.pack("<q", 7), struct.pack("<q", 10**8)),
    "a name in another encoding": (b"spoilt", b"sp\xec\xeclt"),
    "its first bytes": (b"ARROW1", b"ARROW2"),
}


@pytest.mark.parametrize("case", SPOILT_ARROW)
def test_a_spoilt_arrow_file_is_one_line(case, tmp_path):
    path = tmp_path / "a.arrow"
    labels = ["no", "yes", "no", "yes", "no", "yes", "no"]
    with pa.ipc.new_file(
        str(path), (table := pa.table({"spoilt": ROWS[:7, 0], "label": labels})).schema
    ) as file:
        file.write_table(table)
    old, new = SPOILT_ARROW[case]
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(InputError, match=r"a.arrow is damaged, or no .arrow: |cannot be read"):
        open_stream(path)
    assert pa.default_memory_pool().max_memory() < 10**9


def test_labels_whose_header_declares_more_than_the_file_holds(tmp_path):
    save_npy(TABLE, tmp_path / "a.npy")
    with (tmp_path / "a_labels.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match=r"a_labels.npy is damaged: it declares float64 of shape"):
        open_stream(tmp_path / "a.npy")


def test_hidden_files_are_left_out_and_counted(tmp_path):
    folder = save(tmp_path / "parts", ".csv")
    (folder / "._0.csv").write_bytes(bytes(range(120)))
    for path in (folder, folder / "*.csv"):
        with pytest.warns(UserWarning, match=r"left out: hidden files \(1, such as \._0\.csv\)"):
            X = open_stream(path).X
        assert X.shape == (6, 60)
        (note,) = prepare(config(train=str(path)), "float32").notes
        assert "hidden files (1, such as ._0.csv)" in note
    # One that is named is no secret.
    (folder / "1.csv").rename(folder / ".csv")
    (folder / "0.csv").rename(folder / ".0.csv")
    assert open_stream(folder / ".0.csv").X.shape == (6, 7)
    assert open_stream(folder / ".0*").X.shape == (6, 7)


@pytest.mark.parametrize("factor", [1e19, 1e-19, 1e150, 1e-150])
def test_standardised_numbers_of_any_size(factor, tmp_path):
    """In float32, in which squares of 1e20 are infinite, and those of 1e-23 are 0."""
    columns = {f"x{i}": factor * ROWS[:, i] for i in range(6)}
    save(tmp_path / "parts", ".npy", pa.table({**columns, "label": LABELS}))
    data = prepare(config(train=str(tmp_path / "parts"), test_fraction=0), "float32")
    settings = {"penalty": L2(0.1), "solver": Newton(), "tolerance": 1e-5}
    found = fit(data.X_train, data.Y_train, **settings)
    X = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    expected = fit(X.T, LABELS, **settings)
    assert found.status is expected.status is Status.CONVERGED
    np.testing.assert_allclose(found.params.w, expected.params.w, rtol=0, atol=1e-4)
