"""Weights of examples in all that a run prints and writes: those of as many single rows."""

import csv
import json
import re

import numpy as np
import pytest
from cli.command import command, refused


def examples(k, m, seed):
    """Features (m, 3) that overlap, labels, and weights that are no one class's alone."""
    rng = np.random.default_rng([k, seed])
    X, labels = rng.standard_normal((m, 3)) * [1, 3, 0.5] + [0, 9, 1], rng.integers(0, k, m)
    X[:, 0] += labels
    return X, np.array([f"c{i}" for i in labels]), rng.integers(0, 5, m) + 3 * (labels == 1)


def save(path, X, labels, s):
    np.savez(path, X=X, Y=labels, s=s)
    return path


def trained(folder, train, test, *settings):
    config = folder / "run.toml"
    config.write_text(
        f'[data]\nsource = "file"\ntrain = "{train}"\ntest = "{test}"\n'
        '[penalty]\nkind = "l2"\nstrength = 0.1\n'
        '[fit]\ndtype = "float64"\ntolerance = 1e-12\ngradient_check = "off"\n'
    )
    options = [part for one in settings for part in ("--set", one)]
    done = command("run", config, "--out", folder / "run", *options)
    assert done.code == 0, done
    return done.out, folder / "run"


def numbers(folder):
    """All numbers of result.json and of the tables that do not count rows."""
    found = json.loads((folder / "result.json").read_text())
    kept = {name: found[name] for name in ("cost", "train_accuracy", "test_accuracy")}
    kept |= found["evaluation"]["measures"] | dict(found["data"]["classes"])
    # Of values that are 0 without rounding.
    del kept["expected_calibration_error"]
    names = {
        "calibration.csv": ("mean_probability", "observed", "weight"),
        "confusion.csv": ("actual", "predicted", "weight"),
        "classes.csv": ("class", "weight", "roc_auc", "average_precision"),
        "roc.csv": ("class", "false_positive_rate", "true_positive_rate", "threshold"),
        "precision_recall.csv": ("class", "recall", "precision"),
        "coefficients.csv": ("feature", "class", "weight"),
    }
    for file, columns in names.items():
        for i, row in enumerate(csv.DictReader((folder / file).read_text().splitlines())):
            kept |= {f"{file} {i} {name}": row[name] for name in columns}
    return kept


def same(a, b):
    assert list(a) == list(b)
    for name, one in a.items():
        try:
            assert float(one) == pytest.approx(float(b[name]), rel=1e-6, nan_ok=True), name
        except ValueError:
            assert one == b[name], name


@pytest.fixture(scope="module", params=[2, 3])
def pair(request, tmp_path_factory):
    """A run of weighted examples, and one of as many rows; what either printed."""
    runs = []
    for name in ("weights", "rows"):
        folder = tmp_path_factory.mktemp(name)
        paths = []
        for part, seed in {"train": 0, "test": 1}.items():
            X, labels, s = examples(request.param, 60, seed)
            if name == "rows":
                X, labels, s = np.repeat(X, s, axis=0), np.repeat(labels, s), np.ones(s.sum(), int)
            paths.append(save(folder / f"{part}.npz", X, labels, s))
        runs.append(trained(folder, *paths, *["data.weights=s"] * (name == "weights")))
    return runs


def test_weights_are_rows_in_all_that_is_written(pair):
    (_, weights), (_, rows) = pair
    found = numbers(weights)
    assert len(found) > 80
    same(found, numbers(rows))


def test_weights_are_rows_in_what_is_printed_and_said(pair):
    (weighted, folder), (plain, rows) = pair
    for part in ("train", "test"):
        (one,) = re.findall(rf"{part} accuracy +│ (\S+%), weighted", weighted)
        (other,) = re.findall(rf"{part} accuracy +│ (\S+%) ", plain)
        assert one == other
    page, other = ((run / "report.html").read_text() for run in (folder, rows))
    leading = re.findall(r"<dt>[^<]*</dt><dd>[^<]*</dd>", page)
    assert len(leading) >= 3 and leading == re.findall(r"<dt>[^<]*</dt><dd>[^<]*</dd>", other)
    assert "examples, weighted" in page and "examples, weighted" not in other
    # The pictures in words, all of sums of weights.
    for name in ("Confusion matrix: [^<]*% on the diagonal", "Calibration: [^<]*observed [^<]*"):
        described = re.findall(name, page)
        assert described and described == re.findall(name, other)
    assert "sums of weights" in page and "sums of weights" not in other
    assert "weighted" not in plain and "weighted" not in other


def test_without_them_the_numbers_are_others(pair, tmp_path):
    (_, weights), _ = pair
    train, test = (weights.parent / f"{part}.npz" for part in ("train", "test"))
    _, plain = trained(tmp_path, train, test)
    a, b = numbers(weights), numbers(plain)
    differ = [name for name in ("train_accuracy", "test_accuracy", "brier") if a[name] != b[name]]
    assert len(differ) == 3


def test_a_test_file_without_weights_is_said(tmp_path):
    X, labels, s = examples(2, 40, 0)
    train = save(tmp_path / "train.npz", X, labels, s)
    np.savez(tmp_path / "test.npz", X=X, Y=labels)
    out, run = trained(tmp_path, train, tmp_path / "test.npz", "data.weights=s")
    assert "has no weights: each of its examples counts once" in " ".join(out.split())
    found = json.loads((run / "result.json").read_text())
    assert found["data"]["weighted"] == {"train": True, "test": False}
    assert re.search(r"train accuracy +│ \S+%, weighted", out)
    assert re.search(r"test accuracy +│ \S+% ", out)
    # Weights that are there are not passed over.
    save(tmp_path / "test.npz", X, labels, -s)
    line = refused("run", tmp_path / "run.toml", "--out", tmp_path / "b", "--set", "data.weights=s")
    assert "the weight 's' of example" in line
    save(tmp_path / "test.npz", X, labels, 0 * s)
    line = refused("run", tmp_path / "run.toml", "--out", tmp_path / "b", "--set", "data.weights=s")
    assert "every held-out example has the weight 0" in line


def test_published_counts(tmp_path):
    """A table of 11 x 2 rows that stand for 5,500 examples, from a bug report on gamlj."""
    x, redeemed = np.arange(5, 26, 2), [100, 122, 147, 176, 211, 244, 277, 310, 343, 372, 391]
    rows = [f"{a},{n},yes\n{a},{500 - n},no" for a, n in zip(x, redeemed, strict=True)]
    (tmp_path / "coupons.csv").write_text("\n".join(["off,n,label", *rows, ""]))
    config = tmp_path / "run.toml"
    config.write_text(
        f'[data]\nsource = "file"\ntrain = "{tmp_path}/coupons.csv"\nweights = "n"\n'
        'test_fraction = 0\n[penalty]\nkind = "none"\n'
    )
    done = command("run", config, "--out", tmp_path / "run")
    assert done.code == 0 and "67.15%, weighted" in done.out
    assert "67.15% on the diagonal" in (tmp_path / "run/report.html").read_text()
    found = json.loads((tmp_path / "run" / "result.json").read_text())
    assert found["train_accuracy"] == pytest.approx(found["evaluation"]["measures"]["accuracy"])
    assert found["cost"] * 5500 == pytest.approx(3375.6653, abs=0.01)
