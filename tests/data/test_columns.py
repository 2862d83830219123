"""Columns that are no features: a data frame's index, and those that data.exclude names."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from cli.command import command, refused
from pydantic import TypeAdapter

from jax_logreg.data import DataConfig, Reading, open_stream, prepare, read
from jax_logreg.errors import InputError

CONFIG = TypeAdapter(DataConfig)
ROWS = np.random.default_rng(5).standard_normal((24, 2))
# Rows were left out, as an index says.
FRAME = pd.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1], "label": np.arange(24) % 3 % 2}).drop(
    index=[3, 11, 12]
)
NAMED = FRAME.rename_axis("id")


def to_csv_twice(frame, path):
    frame.to_csv(path)
    pd.read_csv(path).to_csv(path)


WRITTEN = {
    "to_csv": (FRAME, lambda frame, path: frame.to_csv(path), ".csv", {""}),
    "to_csv, read and to_csv": (FRAME, to_csv_twice, ".csv", {"", "Unnamed: 0"}),
    "to_parquet": (
        FRAME,
        lambda frame, path: frame.to_parquet(path),
        ".parquet",
        {"__index_level_0__"},
    ),
    "to_parquet of a named index": (
        NAMED,
        lambda frame, path: frame.to_parquet(path),
        ".parquet",
        {"id"},
    ),
    "no index": (FRAME, lambda frame, path: frame.to_csv(path, index=False), ".csv", ()),
}


def config(path, **keys):
    return CONFIG.validate_python(
        {"source": "file", "train": str(path), "standardise": False, "test_fraction": 0, **keys}
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", WRITTEN)
def test_an_index_is_no_feature_and_is_said_to_be_left_out(case, stream, tmp_path):
    frame, write, suffix, index = WRITTEN[case]
    path = tmp_path / f"a{suffix}"
    write(frame, path)
    data = prepare(config(path, stream=stream), "float64")
    assert data.features == ("a", "b") and data.X_train.shape == (2, 21)
    assert len(data.notes) == len(index)
    for name in index:
        assert any(f"column '{name}' is left out" in note for note in data.notes)
    if index and stream:
        with pytest.warns(UserWarning, match="is left out as an index of pandas"):
            open_stream(path)


def test_the_index_of_many_files_is_said_once(tmp_path):
    for i in range(3):
        FRAME[i::3].to_parquet(tmp_path / f"{i}.parquet")
    (note,) = prepare(config(tmp_path, stream=True), "float64").notes
    assert "0.parquet: column '__index_level_0__'" in note


def test_the_index_of_a_feather_file(tmp_path):
    NAMED.reset_index(names="index").to_feather(tmp_path / "a.feather")
    # A column of another name is no index, unless pandas says so.
    data = prepare(config(tmp_path / "a.feather", stream=True, exclude=["ind*"]), "float64")
    assert data.features == ("a", "b") and data.notes == ()


@pytest.mark.parametrize("option", ["label", "weights", "categorical"])
def test_an_index_that_is_asked_for_is_taken(option, tmp_path):
    FRAME.assign(label=FRAME.label + 1).to_csv(tmp_path / "a.csv")
    value = [""] if option == "categorical" else ""
    examples = read(tmp_path / "a.csv", Reading(**{option: value}))
    assert not examples.notes
    features = ("a", "b", "label") if option == "label" else ("a", "b")
    assert examples.features == features


def test_commas_at_the_end_of_every_line_make_no_features(tmp_path):
    (tmp_path / "a.csv").write_text("a,label,,\n1,0,,\n2,1,,\n")
    assert read(tmp_path / "a.csv", Reading()).features == ("a",)
    assert open_stream_of(tmp_path / "a.csv")[3] == ("a",)


def open_stream_of(path, **keys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return open_stream(path, **keys)


WIDE = "id,a,note1,note[2],label,b\n7,1,x,y,0,3\n9,2,?,,1,5\n8,4,z,1,1,6\n"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("exclude", [["id", "note*"], ["[!abl]*"], ["id", "note1", "note[2]"]])
def test_what_is_excluded_is_not_there(exclude, stream, tmp_path):
    (tmp_path / "a.csv").write_text(WIDE)
    data = prepare(config(tmp_path / "a.csv", exclude=exclude, stream=stream), "float64")
    assert data.features == ("a", "b") and data.notes == ()
    assert data.Y_train.tolist() == [[0, 1, 1]]
    if not stream:
        assert data.X_train.tolist() == [[1, 2, 4], [3, 5, 6]]
        auto = prepare(config(tmp_path / "a.csv", exclude=exclude, categorical="auto"), "float64")
        assert auto.features == ("a", "b")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("change", ["absent", "present", "more"])
def test_a_test_file_may_lack_what_is_excluded(change, stream, tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2, 3], "id": [9, 8, 7], "label": [0, 1, 0]})
    frame.to_parquet(tmp_path / "a.parquet")
    other = {"absent": frame.drop(columns="id"), "present": frame, "more": frame.assign(id="x")}
    other[change].to_parquet(tmp_path / "b.parquet")
    data = prepare(
        config(
            tmp_path / "a.parquet",
            test=str(tmp_path / "b.parquet"),
            exclude=["id"],
            stream=stream,
        ),
        "float64",
    )
    assert data.features == ("a",) and data.X_test.shape == (1, 3)


REFUSED = {
    "misspelt": (["note", "id"], "no column 'note' for data.exclude to leave out: did you mean"),
    "no pattern": (["q*"], "no column 'q\\*' for data.exclude to leave out: it has id, a,"),
    "the label": (["l*"], "'label' is left out by data.exclude, and named by data.label"),
    "all": (["id", "a", "b", "note*"], "holds no features"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_excluded_is_refused(case, stream, tmp_path):
    (tmp_path / "a.csv").write_text(WIDE)
    exclude, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        prepare(config(tmp_path / "a.csv", exclude=exclude, stream=stream), "float64")


@pytest.mark.parametrize("stream", [False, True])
def test_arrays_have_no_columns_to_exclude(stream, tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "a_labels.npy", np.arange(24) % 2)
    with pytest.raises(InputError, match=r"has no columns to leave out: data\.exclude names"):
        prepare(config(tmp_path / "a.npy", exclude=["x0"], stream=stream), "float64")


def test_a_model_knows_its_features_by_name(tmp_path):
    """The index and what is excluded may be in the file to predict, or not: the same answers."""
    FRAME.assign(note="text").to_csv(tmp_path / "a.csv")
    FRAME.to_parquet(tmp_path / "new.parquet")
    FRAME[["b", "label", "a"]].to_csv(tmp_path / "new.csv", index=False)
    (tmp_path / "c.toml").write_text(
        '[data]\nsource = "file"\ntrain = "a.csv"\nexclude = ["note*"]\n[fit]\nsteps = 3\n'
        '[penalty]\nkind = "l2"\nstrength = 0.1\n'
    )
    sets = ("--set", f"data.train={tmp_path / 'a.csv'}")
    done = command("run", tmp_path / "c.toml", "--out", tmp_path / "run", *sets)
    assert done.code == 0 and "column '' is left out" in done.out, done
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["data"]["features"] == 2 and "is left out" in result["notes"][-1]
    answers = {
        command("predict", tmp_path / "run", tmp_path / name).out
        for name in ("a.csv", "new.parquet", "new.csv")
    }
    assert len(answers) == 1 and "" not in answers
    scores = {
        command("evaluate", tmp_path / "run", tmp_path / name, "--resamples", 20).out
        for name in ("a.csv", "new.parquet", "new.csv")
    }
    assert len(scores) == 1
    line = refused(
        "run",
        tmp_path / "c.toml",
        "--out",
        tmp_path / "other",
        *sets,
        "--set",
        "data.exclude=notes",
    )
    assert "data.exclude" in line
