"""The study of accelerators, rehearsed on a CPU: it runs, and a part cut leaves what it had."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.accelerator_parts import CLOCK, PARTS, Part, conduct, imagenet, rivals, tables
from experiments.accelerator_parts.child import Work
from experiments.accelerator_parts.machine import NoAcceleratorError, refuse_cpu
from experiments.accelerator_parts.suite import FILES, command
from jax_logreg import L2, Batch, Params, backprop, fit
from jax_logreg.logistic import MULTINOMIAL

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "experiments" / "accelerator.py"


def load():
    spec = importlib.util.spec_from_file_location("accelerator", STUDY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


study = load()


def run(folder, *options):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, STUDY, "--out", folder, *options],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The parts that are rehearsed in every run, and those that take minutes.
BOUNDED, LONG = "0,2,3", "1,4,5"


@pytest.fixture(scope="module", params=[BOUNDED, pytest.param(LONG, marks=pytest.mark.slow)])
def rehearsed(request, tmp_path_factory):
    """Return the files of a rehearsal of some parts: their numbers, the JSON, and the page."""
    folder = tmp_path_factory.mktemp("rehearsal")
    run(folder, "--dry", "--parts", request.param)
    found = json.loads((folder / "accelerator.json").read_text())
    return request.param, found, (folder / "accelerator.md").read_text()


def rows_of(found, table, **names):
    rows = [row for part in found["parts"] for row in part["rows"] if row["table"] == table]
    return [row for row in rows if all(row.get(key) == value for key, value in names.items())]


def test_every_part_of_a_rehearsal_completes(rehearsed):
    parts, found, page = rehearsed
    ended = {part["name"]: part["end"] for part in found["parts"]}
    assert [ended[part.name] for part in PARTS if part.name in parts] == ["complete"] * 3
    assert "**A rehearsal on small data: no figure here says anything of a device.**" in page
    failed = [row["failed"] for part in found["parts"] for row in part["rows"] if "failed" in row]
    # A device that this machine lacks, and an algorithm that a CPU lacks.
    known = r"No module named '(torch|cupy)'|no nvidia-smi|TF32_TF32_F32_X3.* not supported.* CPU"
    assert [why for why in failed if not re.search(known, why)] == []


def test_a_rehearsal_measures_what_it_says(rehearsed):
    parts, found, page = rehearsed
    (measured_short if parts == BOUNDED else measured_long)(found)
    assert "ImageNet's sweep in less than 10 minutes | not measured at full size" in page


def measured_short(found):
    # Whatever the storage, the numbers are the same, and so are cost and gradient.
    steps = rows_of(found, "steps")
    assert len(steps) == 3
    for row in steps:
        assert row["cost"] == pytest.approx(steps[0]["cost"], rel=1e-6)
        assert row["update"] == pytest.approx(steps[0]["update"], rel=1e-4)
    (beside,) = rows_of(found, "rivals", what="NumPy")
    assert beside["difference"] < 1e-5
    (error,) = rows_of(found, "errors", algorithm="HIGHEST")
    assert 0 < error["largest"] < 1e-5
    kinds = Counter(row["labels"] for row in rows_of(found, "classes") if "failed" not in row)
    assert kinds == {"integers": 2, "one-hot": 1}


def measured_long(found):
    (suite,) = rows_of(found, "suite")
    assert suite["passed"] == suite["chosen"] > 0 and "(cpu)" in suite["devices"][0]
    for method in ("this project", "scikit-learn, host"):
        (row,) = rows_of(found, "fits", method=method)
        assert 0 <= row["suboptimality"] < 1e-4
    (exact,) = rows_of(found, "fits", method="J*, float64")
    assert exact["gap"] <= 1e-10
    (sweep,) = rows_of(found, "sweeps", method="this project")
    assert sweep["converged"] == sweep["models"] == 60
    (scores,) = rows_of(found, "scores")
    assert scores["error"] < 0.02
    (probe,) = rows_of(found, "probe")
    # At a C of a million on data that are nearly separable float32 may end at its own rounding.
    assert probe["converged"] + probe["floored"] == probe["penalties"] == 6
    assert probe["converged"] >= 5 and probe["gap"] < 1e-4 and probe["right"] > 0.9


def test_the_programs_are_lowered_for_a_tpu(tmp_path):
    run(tmp_path, "--dry", "--lower", "tpu")
    found = json.loads((tmp_path / "lowered_tpu.json").read_text())
    rows = rows_of(found, "lowered")
    assert len(rows) >= 5 and all(row["lines"] > 20 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_all_programs_are_lowered_at_full_size(platform, tmp_path):
    run(tmp_path, "--lower", platform)
    rows = rows_of(json.loads((tmp_path / f"lowered_{platform}.json").read_text()), "lowered")
    assert len(rows) > 30 and all("lines" in row for row in rows)


# Parts that end in every way that a part can end in.
WAYS = {
    "first": "def run(work):\n    work.row('t', figure=1.0)\n",
    "raises": (
        "def run(work):\n"
        "    work.row('t', figure=2.0)\n"
        "    with work.attempt('t', what='one of several'):\n"
        "        raise OSError('this one alone')\n"
        "    raise ValueError('so it is\\nand more')\n"
    ),
    # Its child holds the pipe until it is dead.
    "hangs": (
        "import os, subprocess, sys, threading\n"
        "def run(work):\n"
        "    code = 'import os, threading\\n'\n"
        "    code += 'f = os.open(%r, os.O_WRONLY)\\n' % os.environ['HELD']\n"
        "    code += 'print(1, flush=True); threading.Event().wait()'\n"
        "    child = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)\n"
        "    child.stdout.readline()\n"
        "    work.row('t', figure=3.0)\n"
        "    threading.Event().wait()\n"
    ),
    "dies": (
        "import os, signal\n"
        "def run(work):\n"
        "    work.row('t', figure=4.0)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    ),
    "exits": "import os\ndef run(work):\n    print('no more')\n    os._exit(3)\n",
    "not_finite": "def run(work):\n    work.row('t', figure=float('nan'), others=[1.0, 2**0.5])\n",
    "last": "def run(work):\n    work.row('t', figure=5.0)\n",
}


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """A part for each way of ending, and a pipe that is at its end once all of `hangs` is dead."""
    for name, text in WAYS.items():
        (tmp_path / f"part_that_{name}.py").write_text(text)
    held = tmp_path / "held"
    os.mkfifo(held)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HELD", str(held))
    number = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    yield [Part(name, name, f"part_that_{name}", 50, {}) for name in WAYS], number
    os.close(number)


def test_a_part_that_hangs_raises_or_dies_is_named_and_the_rest_goes_on(parts, tmp_path):
    parts, held = parts
    rows, now = [], [0.0]

    def keep(part, row):
        rows.append((part.name, row))
        # The emulated clock: as soon as it hangs, its seconds are over.
        now[0] += part.limit if part.name == "hangs" else 1

    found = conduct.conduct(parts, [], tmp_path, keep, seconds=1_000, clock=lambda: now[0])
    ends = {part.name: how["end"] for part, how in found}
    assert ends == {
        "first": "complete",
        "raises": "raised ValueError: so it is",
        "hangs": "cut at its limit of 50 s",
        "dies": "died by SIGKILL",
        "exits": "ended with exit code 3: no more",
        "not_finite": "complete",
        "last": "complete",
    }
    figures = [row.get("figure") for _, row in rows]
    assert figures == [1.0, 2.0, None, 3.0, 4.0, None, 5.0]
    assert rows[2][1] == {
        "table": "t",
        "what": "one of several",
        "failed": "OSError: this one alone",
    }
    # The child of the part is dead too: nobody holds the pipe any more.
    os.set_blocking(held, True)
    assert os.read(held, 1) == b""


def test_parts_that_the_clock_leaves_no_time_for_are_named(parts, tmp_path):
    parts, now = parts[0], [0.0]

    def keep(part, row):
        now[0] += 10

    first_and_last = [parts[0], parts[-1]]
    found = conduct.conduct(first_and_last, [], tmp_path, keep, seconds=10, clock=lambda: now[0])
    ends = [how["end"] for _, how in found]
    assert ends[0] in ("complete", "cut at its limit of 10 s")
    assert ends[1] == "not started: the 10 s of all parts were over"


def test_a_part_does_not_outlive_the_command(parts):
    parts, held = parts
    child = [sys.executable, "-m", conduct._CHILD, "part_that_hangs", "1000"]
    pipe = subprocess.PIPE
    environment = conduct.environment(parts[0])
    with subprocess.Popen(
        child, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, start_new_session=True
    ) as process:
        assert b"3.0" in process.stdout.readline()
        process.stdin.close()
        assert process.wait() == -9
    os.set_blocking(held, True)
    assert os.read(held, 1) == b""


def test_the_limits_add_up_to_less_than_twelve_minutes():
    assert sum(part.limit for part in PARTS) <= CLOCK < 12 * 60
    page = (ROOT / "docs" / "guides" / "accelerators.md").read_text()
    shown = re.findall(r"^\| (\d) \| .* \| (\d+) \|$", page, re.MULTILINE)
    assert shown == [(part.name, f"{part.limit:g}") for part in PARTS]
    assert f"add up to {sum(part.limit for part in PARTS):g} s" in page
    assert f"at {CLOCK:g} s" in page


def test_what_another_command_measured_stays(tmp_path):
    first, second = Part("1", "one", "", 1, {}), Part("2", "two", "", 1, {})
    for part, figure in ((first, 1), (second, 2), (first, 3)):
        record = study.Record(tmp_path, "found", dry=False)
        record.begin(part)
        record.add(part, {"table": "t", "figure": figure})
        record.end(part, {"end": "complete", "seconds": 1})
    kept = json.loads((tmp_path / "found.json").read_text())["parts"]
    assert [(part["name"], [row["figure"] for row in part["rows"]]) for part in kept] == [
        ("1", [3]),
        ("2", [2]),
    ]
    # A rehearsal's rows are not mixed with them.
    assert study.Record(tmp_path, "found", dry=True).parts == {}


def test_parts_are_chosen_by_number():
    assert [part.name for part in study.chosen("4, 2")] == ["0", "2", "4"]
    with pytest.raises(SystemExit, match="no part 7: expected some of 0, 1, 2, 3, 4, 5"):
        study.chosen("1,7")


def test_a_cpu_is_not_measured_as_an_accelerator():
    work = Work(print, 10)
    with pytest.raises(NoAcceleratorError, match="pass --dry"):
        refuse_cpu(work)
    refuse_cpu(Work(print, 10, dry=True))


def test_goals_are_reached_missed_or_not_measured():
    def found(share, converged, seconds, penalties):
        step = {"table": "steps", "storage": "float32 (n, m)", "share": share}
        fits = {"table": "fits", "method": "this project", "status": "converged"}
        sweeps = {"table": "sweeps", "method": "this project", "models": 60}
        whole = {"examples": 1_281_167, "penalties": 96, "price": 700}
        probe = {"table": "probe", "examples": 1_281_167, "seconds": seconds}
        rows = [step, {**step, "storage": "uint8", "share": 2.0}, fits]
        rows += [{**sweeps, "converged": converged}, {"table": "priced", **whole}]
        rows += [{**probe, "penalties": penalties}]
        return [row[1] for row in tables._goals([{"rows": rows}])[1]]

    assert found(0.9, 60, 599, 96) == [
        "90%, float32 (n, m): reached",
        "599 s: reached",
        "61 of 61: reached",
    ]
    assert found(0.89, 59, 601, 96) == [
        "89%, float32 (n, m): missed",
        "601 s: missed",
        "60 of 61: missed",
    ]
    assert (
        found(0.9, 60, 50, 8)[1] == "priced at 700 s by a step on 1,281,167 examples: not measured"
    )
    nothing = [row[1] for row in tables._goals([])[1]]
    assert nothing == ["not measured", "not measured at full size", "not measured"]


@pytest.mark.parametrize("fits", [True, False])
def test_what_does_not_fit_is_priced_from_what_did(fits, monkeypatch):
    class Probe:
        def __init__(self, work, n, m, k, penalties):
            self.m = m
            if m == imagenet.EXAMPLES[1] and not fits:
                raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

        def run(self, before, share):
            return imagenet.Measured(self.m, 0.02, 10.0)

    rows = []
    monkeypatch.setattr(imagenet, "Probe", Probe)
    monkeypatch.setattr(imagenet, "refuse_cpu", lambda work: None)
    imagenet.run(Work(lambda row: rows.append(row), 1_000))
    if fits:
        assert rows == []
        return
    failed, priced = rows
    assert failed["failed"] == "RuntimeError: RESOURCE_EXHAUSTED: Out of memory"
    tenth, whole = imagenet.EXAMPLES
    assert priced["of"] == tenth and priced["examples"] == whole
    assert priced["price"] == pytest.approx(96 * 10 * 0.02 * whole / tenth)


# Of the test suite's own needs, what a machine with an accelerator may not have.
MISSING = ["pydantic", "typer", "rich", "tomli_w", "safetensors", "filelock", "h5py", "pyarrow"]
MISSING += ["PIL", "jinja2", "matplotlib", "hypothesis", "xdist", "pandas", "polars", "torch"]
MISSING += ["cupy", "onnx", "onnxruntime", "skops", "mlflow", "tensorboardX"]
BLOCK = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {MISSING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""


def test_the_tests_of_part_1_are_there_without_the_extras(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        # Installed plugins would be imported, which are not there.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "RECORDER_FILE": str(tmp_path / "found.jsonl"),
        "RECORDER_SHARE": "0/1",
    }
    done = subprocess.run(
        [*command(FILES), "--collect-only"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert files == set(FILES)


@pytest.mark.parametrize("k", [1, 3])
def test_the_rivals_compute_what_the_heart_computes(k, rng):
    X = rng.standard_normal((4, 30)).astype(np.float32)
    labels = np.append(np.arange(k), rng.integers(0, max(k, 2), 30 - k))
    Y = labels[None].astype(np.float32) if k == 1 else labels
    dw, db = rivals.step("NumPy", jnp.asarray(X), Y)()
    one_hot = Y if k == 1 else (labels == np.arange(k)[:, None]).astype(np.float32)
    start = Params(jnp.zeros((4, k)), jnp.zeros((k, 1)))
    batch = Batch(*map(jnp.asarray, (X, one_hot, np.ones((1, 30), np.float32))))
    _, gradient = backprop(start, batch, None, *((MULTINOMIAL,) if k > 1 else ()))
    np.testing.assert_allclose(dw, gradient.w, atol=1e-6)
    np.testing.assert_allclose(db, gradient.b, atol=1e-6)


def test_what_a_library_does_not_take_in_place_is_copied():
    X = jnp.arange(6.0).reshape(2, 3)

    def refuse(X):
        raise BufferError("not from there")

    copy, device = rivals._in_torch(
        SimpleNamespace(from_dlpack=refuse, as_tensor=lambda a, device: (a, device)), X
    )
    np.testing.assert_array_equal(copy, X)
    assert device == "cpu"
    assert rivals._in_torch(SimpleNamespace(from_dlpack=id, as_tensor=refuse), X) == id(X)


@pytest.mark.parametrize("k", [1, 3])
def test_pytorch_minimises_the_same_cost(k, rng):
    pytest.importorskip("torch")
    X = rng.standard_normal((4, 60)).astype(np.float32)
    labels = rng.integers(0, max(k, 2), 60)
    w, b, evaluations = rivals.fit(jnp.asarray(X), labels, k, 0.1, 1e-6, 60)
    found = fit(X, labels, penalty=L2(0.1), dtype="float64", tolerance=1e-10)
    np.testing.assert_allclose(w, found.params.w, atol=1e-4)
    # A softmax's intercepts are known up to a number that all share.
    if k > 1:
        b, intercepts = b - b.mean(), found.params.b - np.mean(found.params.b)
    else:
        intercepts = found.params.b
    np.testing.assert_allclose(b, intercepts, atol=1e-4)
    assert evaluations > 1
    with pytest.raises(rivals.TooLateError):
        rivals.fit(jnp.asarray(X), labels, k, 0.1, 1e-6, -1)
