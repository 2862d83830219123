"""Labels as files spell them, in memory and streamed, and in the files that come later."""

import csv
import io

import numpy as np
import pyarrow
import pytest
from cli.command import command
from pyarrow import parquet
from pydantic import TypeAdapter

from jax_logreg.data import DataConfig, prepare, read
from jax_logreg.data.classes import as_classes
from jax_logreg.data.reading import Reading
from jax_logreg.data.spelling import find
from jax_logreg.errors import InputError

CONFIG = TypeAdapter(DataConfig)


def written(path, spellings, m=24):
    labels = [spellings[i % len(spellings)] for i in range(m)]
    lines = [f"{i * 7 % 11},{label}" for i, label in enumerate(labels)]
    path.write_text("\n".join(["x,label", *lines]) + "\n")
    return path


def config(path, **keys):
    return CONFIG.validate_python(
        {"source": "file", "train": str(path), "test_fraction": 0, **keys}
    )


# spellings, classes in order, what a line says
SPELT = {
    "integers": (["10", "9", "-1"], [-1, 9, 10], None),
    "versions": (
        ["2", "2.1", "2.21", "2.3", "2.31"],
        ["2", "2.1", "2.21", "2.3", "2.31"],
        "are numbers such as 2.1, and count as 5 classes",
    ),
    "a last nought": (["1.1", "1.10"], ["1.1", "1.10"], "'1.1', '1.10' are written differently"),
    "a first nought": (["01", "02", "10"], ["01", "02", "10"], None),
    "one of both": (["1", "01", "2"], ["01", "1", "2"], "'1', '01' are written differently"),
    "floats": (["0.0", "1.0"], ["0.0", "1.0"], None),
    "signs": (["+1", "-1"], ["+1", "-1"], None),
    "upper case": (["TRUE", "FALSE"], ["FALSE", "TRUE"], None),
    "lower case": (["true", "false"], ["false", "true"], None),
    "blanks": (
        ["yes", " yes", "no"],
        [" yes", "no", "yes"],
        "'yes', ' yes' are written differently",
    ),
    "a country": (
        ["NA", "DE", "FR"],
        ["DE", "FR", "NA"],
        "'NA' is the label 'label' of 8 examples",
    ),
    "an answer": (["none", "some"], ["none", "some"], "'none' is the label"),
    "beyond 64 bits": (["9" * 20, "1"], ["1", "9" * 20], None),
    "dates": (["2020-01-01", "2021-01-01"], ["2020-01-01", "2021-01-01"], None),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", SPELT)
def test_classes_are_spelt_as_the_file_does(case, stream, tmp_path):
    spellings, classes, said = SPELT[case]
    data = prepare(config(written(tmp_path / "a.csv", spellings), stream=stream), "float64")
    assert list(data.classes) == classes and [type(one) for one in data.classes] == [
        type(one) for one in classes
    ]
    number = data.Y_train[0] if len(classes) == 2 else data.Y_train.argmax(axis=0)
    assert [str(classes[int(i)]) for i in number] == [
        spellings[i % len(spellings)] for i in range(24)
    ]
    assert len(data.notes) == (said is not None) and (said is None or said in data.notes[0])


def test_files_of_a_stream_are_spelt_together(tmp_path):
    written(tmp_path / "a.csv", ["1", "2"])
    written(tmp_path / "b.csv", ["01", "2"])
    assert prepare(config(tmp_path, stream=True), "float64").classes == ("01", "1", "2")
    written(tmp_path / "b.csv", ["3", "2"])
    assert prepare(config(tmp_path, stream=True), "float64").classes == (1, 2, 3)


MISSING = {
    "NA among numbers": (["0", "1", "NA"], "example 2 (line 4) is missing, 'NA'"),
    "? among numbers": (["0", "1", "0", "?"], "example 3 (line 5) is missing, '?'"),
    "nothing": (["a", "b", ""], "example 2 (line 4) is missing"),
    "a blank": (["a", " "], "example 1 (line 3) is missing, ' '"),
    "nan": (["a", "b", "b", "nan"], "example 3 (line 5) is missing, 'nan'"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", MISSING)
def test_missing_labels_are_refused_by_line(case, stream, tmp_path):
    spellings, message = MISSING[case]
    with pytest.raises(InputError) as caught:
        prepare(config(written(tmp_path / "a.csv", spellings), stream=stream), "float64")
    assert message in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
def test_measurements_are_no_classes(stream, tmp_path):
    labels = [f"{x:.3f}" for x in np.random.default_rng(0).standard_normal(22)] + ["1", "1"]
    path = written(tmp_path / "a.csv", labels)
    with pytest.raises(InputError, match=r"label of example 0 \(line 2\) is .*not measurements"):
        prepare(config(path, stream=stream), "float64")


# labels of the training file; of a later one, in another kind of file or another spelling
LATER = {
    "integers as floats": (["0", "1"], np.array([0.0, 1.0]), [0, 1]),
    "integers as text": (["0", "1"], np.array(["0.0", "1"]), [0, 1]),
    "floats as integers": (["0.0", "1.0"], np.array([0, 1]), ["0.0", "1.0"]),
    "words as booleans": (["TRUE", "FALSE"], np.array([True, False]), ["TRUE", "FALSE"]),
    "a nought less": (["01", "02"], np.array([1, 2]), ["01", "02"]),
    "two that it may be": (["01", "1", "3"], np.array([1]), ["1"]),
    "text in other words": (["<=50K", ">50K"], np.array(["<=50K."]), None),
    "another spelling of text": (["1.1", "2.2"], np.array(["1.10"]), None),
    "no such number": (["1", "2"], np.array([3]), None),
    "not sure which": (["01", "1.0", "3"], np.array([1]), None),
}


@pytest.mark.parametrize("case", LATER)
def test_later_labels_are_classes_of_the_training_file_or_refused(case, tmp_path):
    spellings, later, expected = LATER[case]
    train = read(written(tmp_path / "a.csv", spellings), Reading())
    known = np.unique(train.labels).tolist()
    np.savez(tmp_path / "b.npz", X=np.zeros((len(later), 1)), Y=later)
    test = read(tmp_path / "b.npz", Reading(), features=train.features)
    if expected is None:
        with pytest.raises(InputError, match=r"label of example 0 is .*: expected a class of the"):
            as_classes(test, known)
    else:
        assert as_classes(test, known).labels.tolist() == expected


def test_a_spelling_taken_for_a_class_is_said(tmp_path):
    test = read(written(tmp_path / "b.csv", ["01", "2"]), Reading())
    found = as_classes(test, [1, 2])
    assert found.labels.tolist() == [1, 2] * 12
    assert "the label '01' is taken for the class 1" in found.notes[0] and len(found.notes) == 1


def test_what_positive_names(tmp_path):
    for spellings, positive, classes in (
        (["TRUE", "FALSE"], True, ("FALSE", "TRUE")),
        (["01", "02", "10"], 10, ("rest", "10")),
        (["1", "2"], "1", (2, 1)),
    ):
        path = written(tmp_path / "a.csv", spellings)
        assert prepare(config(path, positive=positive), "float64").classes == classes
    with pytest.raises(InputError, match=r"data\.positive is '3', no class of"):
        prepare(config(path, positive="3"), "float64")


def test_text_of_parquet_stays_as_it_is(tmp_path):
    table = {"x": np.arange(6.0), "label": pyarrow.array(["1", "01", "2"] * 2)}
    parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    for stream in (False, True):
        data = prepare(config(tmp_path / "a.parquet", stream=stream), "float64")
        assert data.classes == ("01", "1", "2")
        assert "'1', '01' are written differently" in data.notes[0]


def test_every_class_is_found_as_itself(rng):
    for classes in ([0, 1], [True, False], ["a", "b"], ["1", "01", "1.0"], [0.5, 1.5], [1, 1.5]):
        assert [find(one, classes) for one in classes] == classes


def test_predictions_are_spelt_as_the_file_does(tmp_path):
    path = written(tmp_path / "a.csv", ["01", "1.10"])
    (tmp_path / "c.toml").write_text(
        f'[data]\nsource = "file"\ntrain = "{path}"\ntest_fraction = 0\n[fit]\nsteps = 3\n'
    )
    assert command("run", tmp_path / "c.toml", "--out", tmp_path / "run").code == 0
    done = command("predict", tmp_path / "run", path)
    assert {row["predicted"] for row in csv.DictReader(io.StringIO(done.out))} <= {"01", "1.10"}
    assert command("evaluate", tmp_path / "run", path, "--resamples", 20).code == 0
    # One against the rest: an unknown class counts as the rest, and a line says so.
    sets = ("--set", f"data.train={written(tmp_path / 'b.csv', ['1', '2', '3'])}", "--set")
    out = tmp_path / "rest"
    assert command("run", tmp_path / "c.toml", "--out", out, *sets, "data.positive=3").code == 0
    np.savez(tmp_path / "b.npz", X=np.arange(6.0)[:, None], Y=np.array(["3", "1", "2"] * 2))
    done = command("evaluate", out, tmp_path / "b.npz", "--resamples", 20)
    assert done.code == 0 and "no example is of class" not in done.out
    np.savez(tmp_path / "b.npz", X=np.arange(6.0)[:, None], Y=np.array(["3.", "1", "2"] * 2))
    assert "no example is of class 3" not in command("evaluate", out, tmp_path / "b.npz").out
    np.savez(tmp_path / "b.npz", X=np.arange(6.0)[:, None], Y=np.array(["c", "a", "b"] * 2))
    assert "no example is of class 3" in command("evaluate", out, tmp_path / "b.npz").out
