import contextlib
import csv
import io
import json
import tomllib

import h5py
import numpy as np
import pytest
from cli.command import CONFIGS, QUICKSTART, command, refused
from data.files import SAVERS, save_npz, table
from safetensors import safe_open
from safetensors.numpy import save_file

ROWS, LABELS = table()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the small table, as CSV; and the probabilities of its training examples."""
    folder = tmp_path_factory.mktemp("predict")
    SAVERS[".csv"](folder / "train.csv", ROWS, LABELS)
    (folder / "c.toml").write_text(
        '[data]\nsource = "file"\ntrain = "train.csv"\ntest_fraction = 0\n[fit]\nsteps = 5\n'
    )
    with contextlib.chdir(folder):
        assert command("run", "c.toml", "--out", "run").code == 0
    return folder / "run"


def probabilities(text):
    rows = list(csv.DictReader(io.StringIO(text)))
    return np.array([float(row["probability"]) for row in rows]), [row["predicted"] for row in rows]


@pytest.mark.parametrize("suffix", SAVERS)
def test_the_same_answer_for_every_format(run, suffix, tmp_path):
    SAVERS[suffix](tmp_path / f"new{suffix}", ROWS, LABELS)
    done = command("predict", run, tmp_path / f"new{suffix}")
    assert done.code == 0, done
    P, predicted = probabilities(done.out)
    expected, classes = probabilities(command("predict", run, run.parent / "train.csv").out)
    np.testing.assert_allclose(P, expected, rtol=1e-6)
    assert predicted == classes and set(classes) <= {"no", "yes"}
    assert [c == "yes" for c in classes] == (expected > 0.5).tolist()


def test_the_resolved_config_finds_its_file_from_anywhere(run):
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["data"]["train"] == str(run.parent / "train.csv")


def test_new_data_need_no_labels(run, tmp_path):
    np.save(tmp_path / "new.npy", ROWS)
    P, _ = probabilities(command("predict", run, tmp_path / "new.npy").out)
    assert P.shape == (12,)


def test_the_model_alone_is_enough(run, tmp_path):
    (tmp_path / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    np.save(tmp_path / "new.npy", ROWS)
    done = command("predict", tmp_path, tmp_path / "new.npy")
    assert done.out == command("predict", run, tmp_path / "new.npy").out


def test_scaling_and_patterns_travel_with_the_model(tmp_path, rng):
    pictures = rng.integers(0, 256, (8, 4, 4, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train_set_x"], file["train_set_y"] = pictures, np.arange(8) % 2
    overrides = (f"data.train={tmp_path / 'a.h5'}", "data.test_fraction=0", "fit.steps=3")
    sets = [part for override in overrides for part in ("--set", override)]
    assert command("run", CONFIGS / "cats.toml", "--out", tmp_path / "run", *sets).code == 0
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file["new_set_x"] = pictures[:3]
    P, predicted = probabilities(command("predict", tmp_path / "run", tmp_path / "new.h5").out)
    from safetensors.numpy import load_file

    tensors = load_file(tmp_path / "run" / "model.safetensors")
    Z = pictures[:3].reshape(3, -1) / 255 @ tensors["w"][:, 0] + tensors["b"][0, 0]
    np.testing.assert_allclose(P, 1 / (1 + np.exp(-Z)), rtol=1e-5)
    assert set(predicted) <= {"0", "1"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy", ".npz", ".h5"])
def test_to_a_file_and_never_over_one(run, suffix, tmp_path):
    save_npz(tmp_path / "new.npz", ROWS, LABELS)
    out = tmp_path / f"p{suffix}"
    assert command("predict", run, tmp_path / "new.npz", "--out", out).out == ""
    before = out.read_bytes()
    line = refused("predict", run, tmp_path / "new.npz", "--out", out)
    assert "exists already" in line and out.read_bytes() == before
    assert command("predict", run, tmp_path / "new.npz", "--out", out, "--force").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["new.npz", out.name])


def test_bad_input(run, tmp_path):
    save_npz(tmp_path / "wide.npz", np.ones((2, 5)), [0, 1])
    save_npz(tmp_path / "new.npz", ROWS, LABELS)
    (tmp_path / "a.csv").write_text("x0,x1,y2\n1,2,3\n")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "model.safetensors").write_bytes(b"nonsense")
    cases = [
        ((run, tmp_path / "wide.npz"), "expected the 3 features that were trained on"),
        ((run, tmp_path / "a.csv"), "no column 'x2'"),
        ((run, tmp_path / "none.csv"), "none.csv does not exist"),
        ((tmp_path, tmp_path / "new.npz"), "expected the folder of a finished run"),
        ((bad, tmp_path / "new.npz"), "is no model of jax_logreg"),
        ((run, tmp_path / "new.npz", "--out", tmp_path / "p.xls"), "suffix '.xls'"),
        ((run, tmp_path / "new.npz", "--out", "/dev/null/p.csv"), "cannot be written"),
    ]
    for arguments, expected in cases:
        assert expected in refused("predict", *arguments)


def resaved(model, folder, tensors=None, **metadata):
    """The model with other tensors and metadata; a None leaves one out."""
    with safe_open(model, "np") as file:
        kept = {**file.metadata(), **metadata}
        tensors = tensors or {name: file.get_tensor(name) for name in ("w", "b")}
    folder.mkdir()
    kept = {key: text for key, text in kept.items() if text is not None}
    save_file(tensors, folder / "model.safetensors", kept)
    return folder


def test_a_model_of_the_first_version(run, tmp_path):
    reading = {"label": "label", "x": "X", "y": "Y", "pixels": None, "zero_based": False}
    old = resaved(
        run / "model.safetensors",
        tmp_path / "old",
        family=None,
        reading=json.dumps(reading),
        temperature=None,
        threshold=None,
    )
    done = command("predict", old, run.parent / "train.csv")
    assert done.code == 0 and done.out.startswith("probability,predicted\n")
    assert done.out == command("predict", run, run.parent / "train.csv").out


def test_a_temperature_and_a_threshold(run, tmp_path):
    model = run / "model.safetensors"
    before, _ = probabilities(command("predict", run, run.parent / "train.csv").out)
    cooled = resaved(model, tmp_path / "a", temperature="2.0", threshold="0.55")
    P, predicted = probabilities(command("predict", cooled, run.parent / "train.csv").out)
    np.testing.assert_allclose(np.log(P / (1 - P)), np.log(before / (1 - before)) / 2, rtol=1e-4)
    assert [c == "yes" for c in predicted] == (P > 0.55).tolist()
    assert np.any((P > 0.5) & (P <= 0.55)) or np.any(before > 0.5)


MISFITS = {
    "three classes of one output": {"classes": '["a", "b", "c"]'},
    "one class": {"classes": '["a"]'},
    "softmax of one output": {"family": '"multinomial"'},
    "an unknown family": {"family": '"poisson"'},
    "a nest of lists": {"classes": "[" * 9999},
    "a class beyond 64 bits": {"classes": f"[1, {10**30}]"},
    "a scale of 0": {"scaling": '{"mean": [0.0, 0.0, 0.0], "scale": [1.0, 0.0, 1.0]}'},
    "a mean of NaN": {"scaling": '{"mean": [0.0, NaN, 0.0], "scale": [1.0, 1.0, 1.0]}'},
    "a temperature of 0": {"temperature": "0.0"},
    "a temperature of NaN": {"temperature": "NaN"},
    "a threshold beyond 1": {"threshold": "1.5"},
    "NaN": {"tensors": {"w": np.full((3, 1), np.nan, "f4"), "b": np.zeros((1, 1), "f4")}},
    "integers": {"tensors": {"w": np.ones((3, 1), "i4"), "b": np.zeros((1, 1), "f4")}},
    "a threshold of three classes": {
        "family": '"multinomial"',
        "classes": '["a", "b", "c"]',
        "tensors": {"w": np.zeros((3, 3), "f4"), "b": np.zeros((3, 1), "f4")},
        "threshold": "0.4",
    },
    "outputs of another number": {
        "family": '"multinomial"',
        "classes": '["a", "b", "c"]',
        "tensors": {"w": np.zeros((3, 2), "f4"), "b": np.zeros((2, 1), "f4")},
    },
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_model_whose_parts_do_not_fit(case, run, tmp_path):
    bad = resaved(run / "model.safetensors", tmp_path / "bad", **MISFITS[case])
    assert "is no model of jax_logreg" in refused("predict", bad, run.parent / "train.csv")


def test_a_hundred_damaged_models(run, tmp_path, rng):
    good = (run / "model.safetensors").read_bytes()
    np.save(tmp_path / "new.npy", ROWS)
    refusals = 0
    for i in range(100):
        content = bytearray(good[: rng.integers(len(good))] if i % 2 else good)
        for _ in range(rng.integers(1, 9)):
            if content:
                content[rng.integers(min(len(content), 600))] = rng.integers(256)
        (tmp_path / "model.safetensors").write_bytes(content)
        done = command("predict", tmp_path, tmp_path / "new.npy")
        assert done.code in (0, 2), done
        if done.code:
            assert len(done.err.splitlines()) == 1
            refusals += 1
    assert refusals >= 50


def test_quickstart_predicts_its_own_set(tmp_path):
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    np.save(tmp_path / "new.npy", bunch.data)
    sets = ("--set", "fit.steps=200")
    assert command("run", QUICKSTART, "--out", tmp_path / "run", *sets).code == 0
    _, predicted = probabilities(command("predict", tmp_path / "run", tmp_path / "new.npy").out)
    assert np.mean(np.array(predicted) == bunch.target_names[bunch.target]) > 0.97
