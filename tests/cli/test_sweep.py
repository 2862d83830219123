"""A config with [sweep]: its tables, its picture, and the model that is trained."""

import csv
import json
import re
import sys
import tomllib

import numpy as np
import pytest
import tomli_w
from cli.command import CONFIGS, QUICKSTART, command, refused
from safetensors.numpy import load_file

SWEEP = CONFIGS / "sweep.toml"
SMALL = ("--set", "sweep.strengths=4", "--set", "sweep.folds=3", "--set", "fit.dtype=float64")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "run"
    done = command("run", SWEEP, "--out", folder, *SMALL)
    assert done.code == 0, done
    return folder, done


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_model_has_a_row(finished):
    rows = rows_of(finished[0] / "models.csv")
    assert len(rows) == 4 + 4 * 3
    assert [row["fold"] for row in rows] == [""] * 4 + ["0", "1", "2"] * 4
    assert {row["status"] for row in rows} == {"converged"}
    # Where rounding hides the gap, the Hessian proves the error.
    assert all(0 <= float(row["relative_gap"]) <= 1e-4 for row in rows)
    assert all(0 <= float(row["error_in_std_errs"]) <= 0.01 for row in rows)
    assert all((row["score"] == "") == (row["fold"] == "") for row in rows)


def test_the_curve_is_the_mean_of_the_scores(finished):
    folder, _ = finished
    result = json.loads((folder / "result.json").read_text())["sweep"]
    curve = rows_of(folder / "validation.csv")
    scores = np.reshape(
        [float(row["score"]) for row in rows_of(folder / "models.csv") if row["score"]], (4, 3)
    )
    mean, error = scores.mean(axis=1), scores.std(axis=1, ddof=1) / np.sqrt(3)
    for row, *expected in zip(curve, result["strengths"], mean, error, strict=True):
        np.testing.assert_allclose([float(cell) for cell in row.values()], expected, rtol=1e-12)
    assert result["best"] == mean.argmax() and result["models"] == 16
    assert result["chosen"] == result["one_standard_error"] <= result["best"]


def test_the_chosen_strength_is_trained(finished, tmp_path):
    folder, done = finished
    result = json.loads((folder / "result.json").read_text())
    strength = result["sweep"]["strengths"][result["sweep"]["chosen"]]
    assert result["penalty"]["strength"] == strength
    assert "strongest within a standard error" in done.out and "16: 16 converged" in done.out
    alone = ("--set", f"penalty.strength={strength!r}", "--set", "fit.dtype=float64")
    assert command("run", QUICKSTART, "--out", tmp_path / "one", *alone).code == 0
    ours, theirs = (load_file(f / "model.safetensors")["w"] for f in (folder, tmp_path / "one"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_the_report_shows_the_curve(finished):
    folder, _ = finished
    page = (folder / "report.html").read_text()
    assert "Minus log loss of the held-out examples" in page
    # A sweep opens with its own curve: nothing but the summary stands before it.
    first = re.search(r"<h2>(.*?)</h2>", page)
    assert first is not None and first[1] == "Validation curve"
    assert page.count("chosen</td>") == 1
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["sweep"]["folds"] == 3 and "strength" not in config["penalty"]


@pytest.mark.slow
def test_one_part_held_out_and_an_L1_penalty(tmp_path):
    """By accuracy, as embeddings are probed; a strength of 0 has no place on a log scale."""
    table = "{strengths=[0.1, 0.01, 0.0], folds=0.25, scoring='accuracy'}"
    penalty = ("--set", "penalty.kind=l1")
    done = command("run", SWEEP, "--out", tmp_path / "run", "--set", f"sweep={table}", *penalty)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert done.code in (0, 2) and result["sweep"]["standard_error"] == [None] * 3
    assert len(rows_of(tmp_path / "run" / "models.csv")) == 6


def test_labels_that_are_held_out_change_no_fold_model(tmp_path, monkeypatch):
    """Of scaled numbers, a category and balanced classes; the folds stay as they are."""
    rng, m = np.random.default_rng(0), 60
    fold, z = np.arange(m) % 3, rng.standard_normal(m)
    monkeypatch.setattr(
        sys.modules["jax_logreg.sweep.cross_validation"],
        "held_out",
        lambda *_: fold == np.arange(3)[:, None],
    )
    y = (z + rng.logistic(size=m) > 0).astype(int)
    city = np.where((fold == 0) & (z > 0.5), "Ulm", rng.choice(["Rom", "Bern"], m))
    rows = {}
    for name, labels in {"here": y, "there": np.where(fold == 0, 1 - y, y)}.items():
        lines = [f"{a},{b},{c}" for a, b, c in zip(50 + 3 * z, city, labels, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["z,city,label", *lines, ""]))
        data = {"source": "file", "train": f"{tmp_path / name}.csv", "test_fraction": 0.0}
        table = {
            "data": {**data, "categorical": ["city"]},
            "penalty": {"kind": "l2"},
            "fit": {"class_weight": "balanced"},
            "sweep": {"strengths": [0.1, 1e-4], "folds": 3},
        }
        (tmp_path / f"{name}.toml").write_text(tomli_w.dumps(table))
        done = command("run", tmp_path / f"{name}.toml", "--out", tmp_path / name)
        assert done.code == 0, done
        rows[name] = rows_of(tmp_path / name / "models.csv")
    for here, there in zip(rows["here"], rows["there"], strict=True):
        scores = here.pop("score"), there.pop("score")
        if here["fold"] == "0":
            assert here == there and scores[0] != scores[1]
        else:
            assert here["cost"] != there["cost"]


def test_a_strength_beside_a_sweep_is_refused(tmp_path):
    line = refused("run", SWEEP, "--out", tmp_path / "run", "--set", "penalty.strength=0.1")
    assert line == (
        "--set penalty.strength=0.1: penalty.strength is 0.1, but [sweep] tries its own strengths: "
        "leave one out"
    )


def test_too_little_memory_is_refused(tmp_path):
    line = refused("run", SWEEP, "--out", tmp_path / "run", "--set", "sweep.memory=10.0")
    assert "memory is 10.0 bytes" in line and not (tmp_path / "run").exists()
