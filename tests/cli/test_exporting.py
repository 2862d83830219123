import json
import sys

import numpy as np
import pytest
from cli.command import command, refused
from cli.test_predict import probabilities
from data.files import SAVERS, table

from jax_logreg import export


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the small table, as CSV."""
    folder = tmp_path_factory.mktemp("export")
    SAVERS[".csv"](folder / "train.csv", *table())
    (folder / "c.toml").write_text(
        f'[data]\nsource = "file"\ntrain = "{folder}/train.csv"\ntest_fraction = 0\n'
        "[fit]\nsteps = 5\n"
    )
    assert command("run", folder / "c.toml", "--out", folder / "run").code == 0
    return folder / "run"


@pytest.mark.parametrize("kind", export.SUFFIXES)
def test_a_file_beside_the_model_that_answers_as_predict_does(run, kind):
    done = command("export", run, "--to", kind)
    path = run / f"model{export.SUFFIXES[kind]}"
    assert (
        done.code == 0 and done.out == f"written to {path}: its predictions are those of predict\n"
    )
    P, predicted = probabilities(command("predict", run, run.parent / "train.csv").out)
    found = export.load(path.read_bytes(), kind)(table()[0].astype(np.float32))
    np.testing.assert_allclose(found.probabilities[:, 1], P, rtol=1e-5)
    if kind not in export.NUMBERED:
        assert found.labels.tolist() == predicted


def test_never_over_another_file(run, tmp_path):
    out = tmp_path / "deep" / "m.json"
    assert command("export", run, "--to", "json", "--out", out).code == 0
    out.write_text("mine")
    assert "exists already" in refused("export", run, "--to", "json", "--out", out)
    assert out.read_text() == "mine"
    assert command("export", run, "--to", "json", "--out", out, "--force").code == 0
    assert json.loads(out.read_text())["classes"] == ["no", "yes"]
    assert [path.name for path in out.parent.iterdir()] == ["m.json"]


def test_what_was_not_checked_is_said(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = command("export", run, "--to", "onnx", "--out", tmp_path / "m.onnx")
    assert done.code == 0 and "not checked: onnxruntime is not installed" in done.out


def test_bad_input(run, tmp_path, monkeypatch):
    assert "expected 'onnx'" in refused("export", run, "--to", "pmml")
    assert "folder of a finished run" in refused("export", tmp_path, "--to", "json")
    assert "cannot be written" in refused("export", run, "--to", "json", "--out", "/dev/null/m")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "jax_logreg.export.to_onnx", raising=False)
    line = refused("export", run, "--to", "onnx", "--out", tmp_path / "m.onnx")
    assert "pip install 'jax_logreg[onnx]'" in line and not list(tmp_path.iterdir())


def test_an_export_that_disagrees_is_not_written(run, tmp_path, monkeypatch):
    def wrong(content):
        return lambda rows: export.Answers(
            np.full((len(rows), 2), 0.5), np.array(["no"] * len(rows))
        )

    monkeypatch.setattr("jax_logreg.export.to_json.load", wrong)
    line = refused("export", run, "--to", "json", "--out", tmp_path / "m.json")
    assert "other probabilities than predict" in line and not list(tmp_path.iterdir())
