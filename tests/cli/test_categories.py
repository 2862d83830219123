"""A run on columns of categories, and predictions from its model."""

import contextlib
import json

import numpy as np
import pyarrow
import pytest
from cli.command import command, refused
from pyarrow import csv
from safetensors import safe_open
from safetensors.numpy import save_file

CONFIG = """
[data]
source = "file"
train = "train.csv"
categorical = "auto"
test_fraction = 0
[penalty]
kind = "l2"
strength = 0.01
unpenalised = ["city=Rome"]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("categories"), np.random.default_rng(0)
    city, age = rng.choice(["Bern", "Oslo", "Rome"], 60), rng.integers(20, 60, 60)
    label = np.where(rng.random(60) < 0.2 + 0.6 * (city == "Oslo"), "yes", "no")
    table = pyarrow.table({"city": city, "age": age, "label": label})
    csv.write_csv(table, folder / "train.csv")
    (folder / "c.toml").write_text(CONFIG)
    with contextlib.chdir(folder):
        done = command("run", "c.toml", "--out", "run")
    assert done.code == 0, done
    assert "60 examples, 4 features" in done.out
    return folder / "run"


def test_predictions_are_those_of_the_dense_one_hot(run, tmp_path):
    table = pyarrow.table({"age": [20, 30, 40, 50], "city": ["Rome", "Ulm", "Bern", ""]})
    csv.write_csv(table, tmp_path / "new.csv")
    done = command("predict", run, tmp_path / "new.csv", "--out", tmp_path / "p.npy")
    assert done.code == 0
    assert "'city' of 2 of 4 examples is a level that no training example has" in done.err
    with safe_open(run / "model.safetensors", "np") as file:
        meaning = {
            key: json.loads(text) for key, text in file.metadata().items() if key != "format"
        }
        w, b = file.get_tensor("w"), file.get_tensor("b")
    assert meaning["features"] == ["age"] and meaning["levels"] == {
        "city": ["Bern", "Oslo", "Rome"]
    }
    # The columns of text are resolved: new files are read alike.
    assert meaning["reading"]["categorical"] == ["city"]
    mean, scale = (meaning["scaling"][name][0] for name in ("mean", "scale"))
    X = [(np.array([20, 30, 40, 50]) - mean) / scale, [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    Z = w.T @ np.array(X) + b
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), 1 / (1 + np.exp(-Z[0])), rtol=1e-5)


def test_a_model_whose_levels_are_of_other_columns_is_refused(run, tmp_path):
    with safe_open(run / "model.safetensors", "np") as file:
        texts = file.metadata() | {"levels": json.dumps({"town": ["Bern", "Oslo", "Rome"]})}
        tensors = {name: file.get_tensor(name) for name in "wb"}
    save_file(tensors, tmp_path / "model.safetensors", texts)
    assert "expected levels of each column" in refused(
        "predict", tmp_path, run.parent / "train.csv"
    )


def test_the_notes_of_the_data_are_in_the_result(run, tmp_path):
    csv.write_csv(pyarrow.table({"age": [1], "city": ["Ulm"], "label": ["no"]}), tmp_path / "t.csv")
    with contextlib.chdir(run.parent):
        done = command(
            "run", "c.toml", "--out", tmp_path / "run", "--set", f"data.test={tmp_path / 't.csv'}"
        )
    assert done.code == 0, done
    (note,) = json.loads((tmp_path / "run" / "result.json").read_text())["notes"]
    assert "such as 'Ulm': it counts as no level" in note and note[:20] in done.out
