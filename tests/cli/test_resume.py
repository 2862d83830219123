"""Nothing lost: runs that are stopped, killed, or run out of disk."""

import fcntl
import itertools
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from cli.command import CONFIGS, DESCENT, command, refused
from safetensors.numpy import load_file

from jax_logreg.checkpoint import Checkpoint

STEPS = ("--set", "fit.steps=4000", "--set", "checkpoint.seconds=0.01")
# Three slots, that twelve models pass through; of each look's state the two last are kept.
SWEEP = CONFIGS / "sweep.toml"
TRIED = ("strengths=4", "folds=2", "memory=3.5e5")
LOOKS = ["--set", "checkpoint.steps=1", *(f"--set=sweep.{one}" for one in TRIED)]


def run(out, *arguments, config=DESCENT, **settings):
    """`jax-logreg run` in a process of its own, which computes as `command` does: without the
    options of XLA that the entry point adds, which split sums over cores.
    """
    code = "from jax_logreg.cli.app import app; app(prog_name='jax-logreg')"
    return subprocess.Popen(
        [sys.executable, "-c", code, "run", str(config), "--out", str(out), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def answer(folder):
    """Every bit of the parameters, and the history."""
    arrays = load_file(folder / "model.safetensors")
    return arrays["w"].tobytes(), arrays["b"].tobytes(), (folder / "history.csv").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The files of a run that nothing stopped."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    _, error = (done := run(out, *STEPS)).communicate()
    assert done.returncode == 0, error
    assert not out.with_name("run.partial").exists()
    return answer(out)


def saved(out):
    return list(out.with_name(f"{out.name}.partial").glob("*.safetensors"))


def wait_for(condition, process):
    """Until it holds; the process must be alive till then."""
    until = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_saves_and_ends(number, tmp_path, undisturbed):
    out = tmp_path / "run"
    process = run(out, *STEPS, "--set", "fit.steps=100000000", "--set", "fit.tolerance=0")
    wait_for(lambda: saved(out), process)
    process.send_signal(number)
    _, error = process.communicate()
    assert process.returncode == 128 + number
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert error.splitlines()[-1].startswith(f"jax-logreg: stopped by {name}: saved after step ")
    assert "--resume" in error and saved(out) and not out.exists()
    page = (tmp_path / "run.partial" / "report.html").read_text()
    assert f"<strong>Interrupted:</strong> stopped by {name}" in page and "Training curve" in page


def test_kill_9_and_resume(tmp_path, undisturbed):
    out = tmp_path / "run"
    process = run(out, *STEPS)
    wait_for(lambda: saved(out), process)
    process.kill()
    process.communicate()
    assert not out.exists()
    line = refused("run", DESCENT, "--out", out, *STEPS)
    assert "holds an unfinished run" in line and "--resume" in line and "--force" in line
    assert command("report", out).code == 0
    page = (tmp_path / "run.partial" / "report.html").read_text()
    assert "<strong>Unfinished:</strong>" in page and "Training curve" in page
    assert "unfinished" in command("runs", tmp_path).out
    output, error = (process := run(out, *STEPS, "--resume")).communicate()
    assert process.returncode == 0, error
    assert "resuming from step" in output
    assert answer(out) == undisturbed and not (tmp_path / "run.partial").exists()
    again = command("run", DESCENT, "--out", out, *STEPS, "--resume")
    assert again.code == 0 and "is finished already" in again.out


@pytest.mark.slow
def test_kill_9_fifty_times(tmp_path, undisturbed, seed):
    """At random moments, from the first import to the last file."""
    rng, out, kills = np.random.default_rng(seed), tmp_path / "run", 0
    while kills < 50:
        process = run(out, *STEPS, "--resume")
        try:
            process.communicate(timeout=rng.uniform(0, 6))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0
        assert answer(out) == undisturbed
        for path in out.iterdir():
            path.unlink()
        out.rmdir()
    _, error = (process := run(out, *STEPS, "--resume")).communicate()
    assert process.returncode == 0, error
    assert answer(out) == undisturbed


def test_force_starts_over(tmp_path):
    out = tmp_path / "run"
    short = ("--set", "fit.steps=20")
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "main-000001-00.safetensors").touch()
    done = command("run", DESCENT, "--out", out, "--force", *short)
    assert done.code == 0 and "resuming" not in done.out and not partial.exists()


def test_resume_without_anything_to_resume(tmp_path):
    done = command("run", DESCENT, "--out", tmp_path / "run", "--resume", "--set", "fit.steps=20")
    assert done.code == 0 and "resuming" not in done.out


def test_the_second_run_into_a_folder_is_refused(tmp_path):
    partial = tmp_path / "run.partial"
    partial.mkdir()
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = refused("run", DESCENT, "--out", tmp_path / "run", "--resume")
    assert "another run is writing there" in line and partial.exists()


def test_other_settings_are_refused(tmp_path, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("jax_logreg.cli.outcome.render", interrupted)
        assert command("run", DESCENT, "--out", out, "--set", "fit.steps=20").code == 130
    assert saved(out)
    line = refused("run", DESCENT, "--out", out, "--resume", "--set", "fit.steps=30")
    assert "'steps = 20' there and 'steps = 30' here" in line and saved(out)
    other = ("--set", "fit.steps=20", "--set", "checkpoint.seconds=7")
    assert command("run", DESCENT, "--out", out, "--resume", *other).code == 0
    assert json.loads((out / "result.json").read_text())["steps"] == 20
    assert load_file(out / "model.safetensors")["w"].shape[1] == 1


def interrupted(*args, **kwargs):
    raise KeyboardInterrupt


def test_the_second_ctrl_c_does_not_wait(tmp_path, monkeypatch):
    """The first is asked for by the first chunk, the second comes before the next one ends."""

    def twice(self, point):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("jax_logreg.checkpoint.Checkpoint.save", twice)
    line = refused("run", DESCENT, "--out", tmp_path / "run", code=130)
    assert line.startswith("stopped by Ctrl-C: not saved once more")


def tables(folder):
    """Every byte of a sweep: its tables, and the model that was trained."""
    names = ("models.csv", "validation.csv", "model.safetensors")
    return [(folder / name).read_bytes() for name in names]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The files of a sweep that nothing stopped."""
    out = tmp_path_factory.mktemp("swept") / "run"
    assert command("run", SWEEP, "--out", out, *LOOKS).code == 0
    return tables(out)


def test_kill_9_in_a_sweep_and_resume(tmp_path, swept):
    out = tmp_path / "run"
    process = run(out, *LOOKS, config=SWEEP)
    wait_for(lambda: saved(out), process)
    process.kill()
    process.communicate()
    assert not out.exists() and all(path.name.startswith("sweep-") for path in saved(out))
    done = command("run", SWEEP, "--out", out, *LOOKS, "--resume")
    assert done.code == 0 and "resuming from " in done.out and " of 12 models" in done.out
    assert tables(out) == swept and not saved(out)


@pytest.mark.slow
def test_kill_9_in_a_sweep_twenty_times(tmp_path, swept, seed):
    """At random moments, from the first import to the last file."""
    rng, out, kills = np.random.default_rng(seed), tmp_path / "run", 0
    longest = 12
    while kills < 20:
        process, began = run(out, *LOOKS, "--resume", config=SWEEP), time.monotonic()
        try:
            process.communicate(timeout=rng.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        longest = 1.2 * (time.monotonic() - began)
        assert process.returncode == 0 and tables(out) == swept
        for path in out.iterdir():
            path.unlink()
        out.rmdir()
    _, error = (process := run(out, *LOOKS, "--resume", config=SWEEP)).communicate()
    assert process.returncode == 0, error
    assert tables(out) == swept


def at_look(number, act):
    """A Checkpoint's save that does something once, before that look at the state of a sweep."""
    save, seen = Checkpoint.save, itertools.count(1)

    def watched(self, state):
        if hasattr(state, "slots") and next(seen) == number:
            act()
        save(self, state)

    return watched


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_in_a_sweep_saves_and_ends(number, tmp_path, swept, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", at_look(3, lambda: signal.raise_signal(number)))
        line = refused("run", SWEEP, "--out", out, *LOOKS, code=128 + number)
    assert ": saved after " in line and " of 12 models: resume with --resume, from " in line
    assert not out.exists() and len(saved(out)) == 2
    line = refused("run", SWEEP, "--out", out, *LOOKS, "--resume", "--set", "sweep.strengths=5")
    assert "of other settings, 'strengths = 4' there and 'strengths = 5' here" in line
    newest = sorted(saved(out))[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    done = command("run", SWEEP, "--out", out, *LOOKS, "--resume")
    assert done.code == 0 and f"{newest} is damaged" in "".join(done.out.split("\n"))
    assert tables(out) == swept


def test_a_sweep_is_over_where_the_training_was_killed(tmp_path, swept, monkeypatch):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("jax_logreg.cli.experiment.fit", interrupted)
        assert command("run", SWEEP, "--out", out, *LOOKS).code == 130
    assert all(path.name.startswith("sweep_answers-") for path in saved(out))
    with monkeypatch.context() as patch:
        patch.setattr("jax_logreg.sweep.driver.advance_each", None)
        done = command("run", SWEEP, "--out", out, *LOOKS, "--resume")
    assert done.code == 0 and "resuming from 12 of 12 models" in done.out
    assert tables(out) == swept
