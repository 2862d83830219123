"""The files that a run leaves, and its messages."""

import csv
import json
import os
import subprocess
import sys
import tomllib

import jax
import numpy as np
import pytest
from cli.command import CONFIGS, DESCENT, command, refused
from safetensors import safe_open
from safetensors.numpy import load_file

from jax_logreg import Status
from jax_logreg.cli import cores

SHORT = ("--set", "fit.steps=20")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = command("run", DESCENT, "--out", folder, *SHORT)
    assert done.code == 0, done
    return folder, done


def test_the_folder_holds_what_the_design_says(finished):
    folder, _ = finished
    assert sorted(path.name for path in folder.iterdir()) == [
        "calibration.csv",
        "classes.csv",
        "coefficients.csv",
        "config.toml",
        "confusion.csv",
        "history.csv",
        "model.safetensors",
        "precision_recall.csv",
        "report.html",
        "result.json",
        "roc.csv",
    ]
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == "steps_exhausted" and result["steps"] == 20
    assert 0 < result["cost"] < 0.693148
    assert 0.9 < result["train_accuracy"] <= 1 and 0.9 < result["test_accuracy"] <= 1
    assert result["gradient_check"]["passed"] is True
    assert 0 < result["gradient_check"]["max_relative_error"] < 1e-5
    assert set(result["seconds"]) == {"load", "compile", "fit"}
    assert result["seconds"]["load"] > 0 and result["seconds"]["fit"] > 0
    assert result["device"].startswith("cpu") and "jax" in result["versions"]


def test_over_two_devices(finished, tmp_path):
    done = command("run", DESCENT, "--out", tmp_path / "run", *SHORT, "--set", "fit.devices=2")
    assert done.code == 0, done
    one, two = (
        json.loads((folder / "result.json").read_text())
        for folder in (finished[0], tmp_path / "run")
    )
    assert (one["devices"], two["devices"]) == (1, 2)
    assert abs(one["cost"] - two["cost"]) < 1e-6
    assert one["test_accuracy"] == two["test_accuracy"]


def test_a_large_X_in_blocks_over_all_cores(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_LARGE", 0)
    monkeypatch.setattr(cores, "_MANY", 20)
    done = command("run", DESCENT, "--out", tmp_path / "run", *SHORT)
    assert done.code == 0, done
    one, all_ = (
        json.loads((folder / "result.json").read_text())
        for folder in (finished[0], tmp_path / "run")
    )
    assert all_["devices"] == len(jax.devices()) > 1
    assert abs(one["cost"] - all_["cost"]) < 1e-6
    assert one["train_accuracy"] == all_["train_accuracy"]


def test_the_command_makes_a_device_of_each_core():
    code = "from jax_logreg._jax.flags import split_cpu, count_cores; split_cpu(); import jax; "
    code += "print(len(jax.devices()) == count_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_history_is_a_row_a_step(finished):
    with (finished[0] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(20))
    costs = [float(row["cost"]) for row in rows]
    assert abs(costs[0] - np.log(2)) < 1e-6 and costs == sorted(costs, reverse=True)
    assert all(float(row["gradient_norm"]) > 0 for row in rows)
    assert all(float(row["gradient_error"]) < 1e-5 for row in rows)


def test_the_resolved_config_runs_again_to_the_same_model(finished, tmp_path):
    folder, _ = finished
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["fit"]["steps"] == 20 and config["data"]["test_fraction"] == 0.25
    assert command("run", folder / "config.toml", "--out", tmp_path / "again").code == 0
    first, again = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "again"))
    assert all(np.array_equal(first[name], again[name]) for name in ("w", "b"))


def test_the_model_says_what_it_means(finished):
    with safe_open(finished[0] / "model.safetensors", "np") as file:
        metadata = {key: value for key, value in file.metadata().items() if key != "format"}
        assert file.get_tensor("w").shape == (30, 1) and file.get_tensor("b").shape == (1, 1)
    meaning = {key: json.loads(value) for key, value in metadata.items()}
    assert meaning["classes"] == ["benign", "malignant"]
    assert meaning["features"][0] == "mean radius"
    assert len(meaning["scaling"]["mean"]) == len(meaning["scaling"]["scale"]) == 30


def test_the_report_needs_no_network(finished):
    page = (finished[0] / "report.html").read_text()
    assert page.count("<svg") == 8 and "Stopped by the number of steps:" in page
    assert "src=" not in page and "<link" not in page and "<script" not in page
    assert "@import" not in page and 'href="http' not in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_plain_lines_where_there_is_no_terminal(finished):
    _, done = finished
    assert "426 examples, 30 features; 143 held out" in done.out
    assert "step 20/20  cost 0." in done.out and "\x1b[" not in done.out
    for word in ("train accuracy", "gradient check", "passed", "seconds", "written to"):
        assert word in done.out
    assert done.err == ""


def test_a_bar_on_a_terminal():
    from rich.console import Console

    from jax_logreg import Progress
    from jax_logreg.cli.progress import show_progress

    console = Console(force_terminal=True, width=140, record=True)
    with show_progress(console, 200) as show:
        show(Progress(100, 200, 0.5, 1e-2))
        show(Progress(200, 200, 0.25, 1e-3))
    text = console.export_text()
    assert "step 200/200  cost 0.250000  gradient norm 1.00e-03" in text and "steps/s" in text


def test_a_rate_that_is_not_known_yet_is_not_shown(tmp_path):
    done = command("run", DESCENT, "--out", tmp_path / "run", "--set", "fit.steps=1")
    assert "step 1/1  cost 0." in done.out and "nan" not in done.out
    none = command("run", DESCENT, "--out", tmp_path / "none", "--set", "fit.steps=0")
    assert none.code == 0 and "0.69314" in none.out


def test_an_earlier_run_is_replaced_only_by_force(finished):
    folder, _ = finished
    before = (folder / "result.json").read_bytes()
    line = refused("run", DESCENT, "--out", folder, *SHORT)
    assert "exists already" in line and "--force" in line
    assert (folder / "result.json").read_bytes() == before
    assert command("run", DESCENT, "--out", folder, "--force", *SHORT).code == 0
    assert (folder / "result.json").read_bytes() != before
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_force_spares_a_folder_that_is_no_run(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for force in ((), ("--force",)):
        line = refused("run", DESCENT, "--out", tmp_path, *force)
        assert "holds no earlier run" in line and "--force" not in line
        line = refused("run", DESCENT, "--out", tmp_path / "thesis.txt", *force)
        assert "is no folder" in line and "--force" not in line
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("options", [(), ("--force",), ("--resume",)])
def test_an_empty_folder_is_filled(options, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    assert command("run", DESCENT, "--out", out, *SHORT, *options).code == 0
    assert (out / "result.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_filled_while_the_run_went_on_is_spared(tmp_path, monkeypatch):
    from jax_logreg.cli import experiment

    out = tmp_path / "run"
    out.mkdir()

    def fit(*args, **settings):
        (out / "thesis.txt").write_text("years of work")
        return experiment_fit(*args, **settings)

    experiment_fit = experiment.fit
    monkeypatch.setattr(experiment, "fit", fit)
    assert "holds no earlier run" in refused("run", DESCENT, "--out", out, *SHORT)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_the_current_folder_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused("run", DESCENT, "--out", ".")
    assert "is the current folder" in line and "within it" in line
    if os.path.ismount("/proc"):
        assert "is a mount point" in refused("run", DESCENT, "--out", "/proc")
    assert not list(tmp_path.iterdir())


def test_a_learning_rate_that_diverges(tmp_path):
    line = refused(
        "run", DESCENT, "--out", tmp_path / "run", *SHORT,
        "--set", "solver.learning_rate=1e3", "--set", "data.standardise=false",
    )  # fmt: skip
    assert "diverged after" in line and "solver.learning_rate, now 1000" in line
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "diverged"
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<strong>Diverged:</strong>" in page and "Training curve" in page
    assert (tmp_path / "run" / "report.html").exists()


def test_a_failed_gradient_check_is_exit_code_1(tmp_path, monkeypatch):
    import jax

    from jax_logreg import backprop

    def wrong(params, batch, family):
        J, gradient = backprop(params, batch, family=family)
        return J, gradient._replace(w=gradient.w.at[3, 0].add(0.1))

    jax.clear_caches()
    monkeypatch.setattr("jax_logreg.proof.gradient_check.backprop", wrong)
    line = refused("run", DESCENT, "--out", tmp_path / "run", *SHORT, code=1)
    jax.clear_caches()
    assert "gradient_check_failed after 0 steps" in line and "dw[3, 0]" in line
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "gradient_check_failed"
    assert result["gradient_check"]["passed"] is False
    page = (tmp_path / "run" / "report.html").read_text()
    # No step was taken: no curve of steps.
    assert "Training curve" not in page and "at dw[3, 0], of mean area" in page


def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("jax_logreg.cli.experiment.fit", interrupted)
    out = tmp_path / "new" / "folders" / "run"
    line = refused("run", DESCENT, "--out", out, code=130)
    assert line == "stopped by Ctrl-C: no folder was written"
    assert list(tmp_path.iterdir()) == []


def _no_space(*args, **kwargs):
    raise OSError(28, "No space left on device")


def _read_only(*args, **kwargs):
    raise OSError(30, "Read-only file system")


@pytest.mark.parametrize(
    ("name", "fail", "reason"),
    [
        ("Path.mkdir", _read_only, "Read-only file system"),
        ("FileLock.acquire", _no_space, "No space left on device"),
    ],
)
def test_a_full_or_read_only_output_folder(name, fail, reason, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(f"jax_logreg.cli.output.{name}", fail)
        line = refused("run", DESCENT, "--out", tmp_path / "run", *SHORT)
    assert "run cannot be written" in line and reason in line
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_end(tmp_path, monkeypatch):
    """The trained model is not lost with it."""
    with monkeypatch.context() as patch:
        patch.setattr("jax_logreg.cli.output.write_synced", _no_space)
        line = refused("run", DESCENT, "--out", tmp_path / "run", *SHORT)
    assert "run cannot be written: No space left on device: run.partial still holds" in line
    done = command("run", DESCENT, "--out", tmp_path / "run", *SHORT, "--resume")
    assert done.code == 0 and "resuming from step 20" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(os.name != "posix", reason="limits file sizes as posix does")
def test_a_disk_that_fills_up_for_real(tmp_path):
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "from jax_logreg.cli import main\n"
        f"sys.argv = ['jax-logreg', 'run', {str(DESCENT)!r}, '--out', 'run', "
        "'--set', 'fit.steps=20']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("jax-logreg: run cannot be written: File too")
    assert not (tmp_path / "run").exists()
    assert "run.partial still holds the run" in done.stderr


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refused("run", DESCENT, "--out", tmp_path / "run")


def test_a_missing_extra_is_named(tmp_path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(name='typer')")
    done = subprocess.run(
        [sys.executable, "-m", "jax_logreg", "schema"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "jax-logreg: typer is not installed: it comes with the [run] extra: "
        "pip install 'jax_logreg[run]'\n"
    )


def test_a_missing_reader_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.h5").touch()
    monkeypatch.setitem(sys.modules, "h5py", None)
    line = refused(
        "run", CONFIGS / "cats.toml", "--out", tmp_path / "run",
        "--set", f"data.train={tmp_path / 'a.h5'}",
    )  # fmt: skip
    assert line.startswith("h5py is not installed: it comes with the [run] extra")


def test_help_and_version():
    assert "predict" in command("--help").out
    assert command("--version").out.startswith("jax-logreg 0.")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_config_runs(path, tmp_path):
    header = path.read_text().split("\n\n")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    assert "# Shows: " in header and "# Takes: " in header and "# Expect: " in header
    extra = ()
    if path.stem == "cats":
        rng = np.random.default_rng(0)
        pictures = rng.integers(0, 256, (8, 4, 4, 3), dtype=np.uint8)
        np.savez(tmp_path / "a.npz", a_set_x=pictures, a_set_y=np.arange(8) % 2)
        extra = ("--set", f"data.train={tmp_path / 'a.npz'}", "--set", "data.test_fraction=0")
    done = command("run", path, "--out", tmp_path / "run", "--set", "fit.steps=3", *extra)
    assert done.code == 0, done


def test_float64_from_a_config(tmp_path):
    done = command("run", DESCENT, "--out", tmp_path / "r", *SHORT, "--set", "fit.dtype=float64")
    assert done.code == 0
    result = json.loads((tmp_path / "r" / "result.json").read_text())
    assert result["gradient_check"]["tolerance"] < 1e-12


def test_exit_codes_cover_what_ends_a_run_badly():
    from jax_logreg.cli.app import _EXIT_CODES

    assert set(Status) - set(_EXIT_CODES) == {
        Status.RUNNING,
        Status.CONVERGED,
        Status.STEPS_EXHAUSTED,
        Status.PRECISION_FLOOR,
    }
