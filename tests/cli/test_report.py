"""The pages of runs: what is on them, what a browser makes of them, and what cannot get in."""

import csv
import json
import re
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest
from cli.browser import chromium, look
from cli.command import CONFIGS, DESCENT, QUICKSTART, command, refused

from jax_logreg.cli.folder import read_run
from jax_logreg.cli.report import render
from jax_logreg.cli.report.comparison import compare, differences, distinct_names
from jax_logreg.cli.report.words import whose
from jax_logreg.cli.summarise import Predicted
from jax_logreg.cli.summary import EvaluationSummary, Summary

HOSTILE = '<script>alert("1")</script>&$x$ \'"'


def write_pictures(folder):
    """The course's files, but small."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 12)):
        with h5py.File(folder / f"{part}.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(count) % 2
    return [f"--set=data.{part}={folder / part}.h5" for part in ("train", "test")]


def write_hostile(folder):
    """A table whose every name is one that a page must not take at its word."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 2))
    labels = np.where(x[:, 0] + rng.standard_normal(60) > 0, HOSTILE, "<b>no</b>")
    with (folder / "hostile.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([HOSTILE, "</style><img src=x onerror=alert(1)>", "label"])
        writer.writerows([*row, label] for row, label in zip(x, labels, strict=True))
    return [f"--set=data={{source='file', train='{folder / 'hostile.csv'}'}}"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Five runs: binary, pictures, a sweep, ten classes, hostile names."""
    folder = tmp_path_factory.mktemp("runs")
    few = ("--set=fit.steps=20", "--set=fit.gradient_check=ends")
    calls = {
        "binary": (QUICKSTART, few),
        "cats": (CONFIGS / "cats.toml", [*few, *write_pictures(folder)]),
        "sweep": (CONFIGS / "sweep.toml", ("--set=sweep.strengths=4", "--set=sweep.folds=2")),
        "digits": (CONFIGS / "digits.toml", few),
        "hostile": (QUICKSTART, [*few, *write_hostile(folder)]),
    }
    for name, (config, options) in calls.items():
        done = command("run", config, "--out", folder / name, *options)
        assert done.code == 0, (name, done)
    return {name: folder / name for name in calls}


@pytest.fixture(scope="module")
def pages(runs):
    return {name: (folder / "report.html").read_text() for name, folder in runs.items()}


OF_SWEEPS = ("Validation curve", "Coefficient paths")
ORDER = (
    "accuracy",
    "Task:",
    "Validation curve",
    "ROC curve",
    "Calibration",
    "Confusion matrix",
    "Coefficients",
    "Coefficient paths",
    "Certificate",
    "Training curve",
    "Gradient check",
    "All measures",
    "Data, machine, config",
)


@pytest.mark.parametrize("name", ["binary", "cats", "sweep", "digits", "hostile"])
def test_the_sections_stand_in_order(name, pages):
    there = [head for head in ORDER if name == "sweep" or head not in OF_SWEEPS]
    places = [pages[name].index(f">{head}<") for head in there]
    assert places == sorted(places)
    assert len(pages[name].encode()) < 1_000_000


def test_every_picture_has_words_and_a_table(runs, pages):
    for name, page in pages.items():
        pictures = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
        tables = re.findall(r"Numbers: ([\w.]+)", page)
        assert len(pictures) == len(tables) == page.count("<svg") >= 6
        assert all((runs[name] / table).is_file() for table in tables)


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_what_is_said_is_what_was_found(runs, pages):
    result = json.loads((runs["binary"] / "result.json").read_text())
    measures, page = result["evaluation"]["measures"], pages["binary"]
    named = {"accuracy": ".2%", "roc_auc": ".4f", "log_loss": ".4f", "brier": ".4f"}
    shown = [format(measures[name], form) for name, form in named.items()]
    assert re.findall(r"<dd>(.*?)</dd>", page) == shown
    assert "Measures and curves of the 143 held-out examples." in page
    assert measures["accuracy"] == result["test_accuracy"]
    assert f"Brier score {measures['brier']:.4g}" in page
    rows = rows_of(runs["binary"] / "roc.csv")
    x, y = (np.array([float(row[f"{k}_positive_rate"]) for row in rows]) for k in ("false", "true"))
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    np.testing.assert_allclose(area, measures["roc_auc"], rtol=1e-6)
    counts = rows_of(runs["digits"] / "confusion.csv")
    assert sum(float(row["weight"]) for row in counts) == 450
    assert "the colours of a pixel added up" in pages["cats"] and "speaks for 1" in pages["cats"]
    gap = json.loads((runs["digits"] / "result.json").read_text())["certificate"]["gap"]
    assert f"at most {gap:.2e} less" in pages["digits"]
    assert "no bound on the distance" in pages["cats"]


class Names(HTMLParser):
    """The elements of a page, and what their attributes could run."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.text += data


def test_hostile_names_are_text(pages, runs):
    plain, hostile = Names(), Names()
    plain.feed(pages["binary"])
    hostile.feed(pages["hostile"])
    assert hostile.tags <= plain.tags and hostile.attributes <= plain.attributes
    assert "script" not in plain.tags and "img" not in plain.tags
    assert HOSTILE in hostile.text
    both = {name: read_run(runs[name]) for name in ("binary", "hostile")}
    page = Names()
    page.feed(compare({HOSTILE: both["hostile"], "binary": both["binary"]}))
    assert page.tags <= plain.tags and HOSTILE in page.text


def test_a_report_is_made_again_from_its_folder(runs, pages):
    (runs["sweep"] / "report.html").unlink()
    done = command("report", runs["sweep"])
    assert done.code == 0 and "report.html" in done.out
    assert (runs["sweep"] / "report.html").read_text() == pages["sweep"]


@pytest.mark.skipif(chromium() is None, reason="no chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [380, 1100])
def test_in_a_browser(width, pages, runs, tmp_path):
    """No line on the console, no request, no scroll to the side, no empty picture."""
    several = {name: read_run(runs[name]) for name in ("binary", "sweep", "digits")}
    found, console = look([*pages.values(), compare(several)], width, tmp_path)
    assert console == [] and len(found) == 6
    for page in found:
        assert page["requests"] == []
        assert page["scroll"] <= page["width"] and page["width"] >= width - 20
        for picture in page["pictures"]:
            assert picture["width"] > 250 and picture["height"] > 80
            assert picture["drawn"] > 5 and picture["alt"], picture


@pytest.mark.skipif(chromium() is None, reason="no chromium: apt-get install chromium")
def test_the_browser_sees_faults(tmp_path):
    wide = "<p style='width:900px'>wide</p><img src='http://192.0.2.1/x.png'>"
    (page,), console = look([wide + "<script>console.log('said')</script>"], 380, tmp_path)
    assert page["scroll"] > page["width"] and page["requests"] and console


def test_a_run_that_fails_leaves_its_traceback(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError(f"a fault of ours {HOSTILE}")

    monkeypatch.setattr("jax_logreg.cli.experiment.fit", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        command("run", DESCENT, "--out", tmp_path / "run", "--set=fit.steps=3")
    page = (tmp_path / "run.partial" / "report.html").read_text()
    assert "<strong>Failed:</strong>" in page and "Traceback (most recent call last)" in page
    assert "<script" not in page
    monkeypatch.undo()
    assert command("run", DESCENT, "--out", tmp_path / "run", "--set=fit.steps=3").code == 0
    assert not (tmp_path / "run.partial").exists()


def test_runs_are_listed(runs):
    folder = runs["binary"].parent
    (folder / "broken").mkdir(exist_ok=True)
    for name, text in (("config.toml", ""), ("result.json", "{")):
        (folder / "broken" / name).write_text(text)
    done = command("runs", folder)
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.split()}
    result = json.loads((runs["binary"] / "result.json").read_text())
    assert f"{result['cost']:.6f}" in lines["binary"] and "converged" in lines["binary"]
    assert "unreadable" in lines["broken"] and "result.json is damaged" in done.err
    assert {"cats", "sweep", "digits", "hostile"} <= set(lines)


def test_runs_are_compared(runs, tmp_path):
    out = tmp_path / "page.html"
    done = command("compare", runs["binary"], runs["sweep"], "--out", out)
    assert done.code == 0 and "penalty.strength" in done.out and "sweep.folds" in done.out
    page = out.read_text()
    assert "Cost before each update" in page and "<td>binary</td>" not in page
    assert refused("compare", runs["binary"], "--out", out).startswith(f"{out} exists already")
    configs = [(runs[name] / "config.toml").read_bytes() for name in ("binary", "binary")]
    assert differences(configs) == {}


def test_names_of_runs_are_distinct(tmp_path):
    assert distinct_names([tmp_path / "a" / "run", tmp_path / "b" / "run"]) == ["a/run", "b/run"]
    assert distinct_names([tmp_path, tmp_path])[1].endswith("(1)")


@pytest.mark.parametrize("words", [("report",), ("compare",)])
def test_what_is_no_run_is_refused(words, tmp_path):
    assert "holds no run" in refused(*words, tmp_path)


def test_no_runs(tmp_path):
    assert "no runs in" in command("runs", tmp_path).out
    assert "is no folder" in refused("runs", tmp_path / "nowhere")


def test_a_folder_of_an_earlier_version_still_has_a_page(runs):
    files = read_run(runs["binary"]).files
    old = json.loads(files["result.json"])
    for key in ("name", "data", "evaluation"):
        del old[key]
    del old["gradient_check"]["worst_feature"]
    kept = {name: files[name] for name in ("config.toml", "history.csv")}
    page = render({**kept, "result.json": json.dumps(old).encode()})
    assert "Converged" in page and page.count("<svg") == 3


def test_curves_of_many_examples_are_of_some(monkeypatch):
    rng = np.random.default_rng(0)
    whole = Predicted(rng.integers(0, 2, 5000), rng.random((1, 5000)), rng.random(5000))
    assert whole.some() is whole
    monkeypatch.setattr("jax_logreg.cli.summarise._NUMBERS", 3000)
    some = whole.some()
    assert some.truth.shape == some.s.shape == (3000,) and some.A.shape == (1, 3000)
    assert np.isin(some.A, whole.A).all() and np.unique(some.A).size == 3000
    evaluation = EvaluationSummary(on="test", examples=3000, of=5000, measures={})
    summary = Summary(status="converged", evaluation=evaluation)
    assert "3,000 of the 5,000 held-out examples" in whose(summary)
