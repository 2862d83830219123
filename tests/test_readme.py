"""Every command and every Python block of the README runs as printed."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from pages import PROJECT, ROOT, blocks, commands, dead_links

PAGE = ROOT / "README.md"
README = PAGE.read_text()
SETUP = re.compile(
    r"^python3 -m venv \.venv && \.venv/bin/pip install --quiet -e '\.\[(\w+)\]' && "
)


COMMANDS = commands(PAGE)
TRAIN, TEST = (SETUP.sub("", line) for line in COMMANDS if SETUP.match(line))
INSTALLS = [line for line in COMMANDS if " pip install" in line or "/pip install '" in line]
OTHERS = [c for c in COMMANDS if not SETUP.match(c) and c not in INSTALLS]
# These take 10 to 20 seconds; what they call is tested beside them, and the others are like them.
LONG = ("sweep.py", "many.py", "linear_probe.py", "hosts.py", "scaling.py", "report.py")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The tree as a clone has it, and this interpreter's environment as its .venv."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "experiments", "jax_logreg", "tests", "pyproject.toml", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    for part, count in (("train", 12), ("test", 6)):
        rng = np.random.default_rng(count)
        with h5py.File(folder / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(count) % 2
    return folder


def shell(command, folder):
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_set_up_is_part_of_both_commands():
    extras = [SETUP.match(line).group(1) for line in COMMANDS if SETUP.match(line)]
    assert extras == ["run", "dev"]
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_first_command_prints_what_the_readme_shows(clone):
    shown, printed = cells(blocks(PAGE, "text")[0]), cells(shell(TRAIN, clone))
    # Seconds differ from run to run, the device and the last digits of a check between machines.
    stable = {"status", "steps", "cost", "train accuracy", "test accuracy"}
    assert stable < set(shown) == set(printed)
    assert {name: shown[name] for name in stable} == {name: printed[name] for name in stable}


def cells(text):
    """The rows of the closing table."""
    return dict(re.findall(r"^│ (.*?) *│ (.*?) *│$", text, re.MULTILINE))


def test_the_second_command_runs_the_tests(clone):
    assert TEST == ".venv/bin/python -m pytest --quiet"
    # Of the whole suite, which is running just now, one file.
    assert "passed" in shell(
        f"{TEST} -n 0 -p no:cacheprovider tests/problem/test_arguments.py", clone
    )


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(i, marks=[pytest.mark.slow] if command.endswith(LONG) else [])
        for i, command in enumerate(OTHERS)
    ],
)
def test_every_other_command(number, clone):
    command = OTHERS[number]
    if "experiments/" in command:
        command = f"{command} --quick --out quick"
    # It runs, it measures nothing: half the time to compile.
    command = f"JAX_DISABLE_MOST_OPTIMIZATIONS=true {command}"
    for name, first in (("cats", OTHERS[0]), ("quickstart", TRAIN)):
        needed = f" runs/{name}" in command and first != OTHERS[number]
        if needed and not (clone / "runs" / name).exists():
            shell(first, clone)
    shell(command, clone)


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in OTHERS if "experiments/" in c])
def test_every_experiment_in_full(command, clone):
    shell(command, clone)


def test_what_the_other_commands_leave(clone):
    if not (clone / "probabilities.csv").exists():
        for command in OTHERS[:2]:
            shell(command, clone)
    assert len((clone / "probabilities.csv").read_text().splitlines()) == 7


def test_accelerator_extras_are_jaxs_own():
    offered = set(importlib.metadata.metadata("jax").get_all("Provides-Extra"))
    assert len(INSTALLS) == 3
    for command in INSTALLS:
        extra = re.search(r"'\.\[(\w+)\]'", command).group(1)
        assert PROJECT["optional-dependencies"][extra] == [f"jax[{extra}]"]
        assert extra in offered


def test_every_python_block_in_one_program(tmp_path):
    program = tmp_path / "readme.py"
    program.write_text("\n\n".join(blocks(PAGE, "python")))
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        cwd=tmp_path,
        env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_five_lines_are_those_of_the_code():
    heart = (ROOT / "jax_logreg" / "logistic.py").read_text().splitlines()
    lines = re.findall(r"^\| .* \| `(.*)` \|$", README, re.MULTILINE)[:5]
    assert len(lines) == 5
    places = [heart.index(f"    {line}") for line in lines]
    assert places == sorted(places)


MEASURED = ["speed", "sweep", "many", "linear_probe", "vectorization"]
MEASURED += ["one_pass", "stream", "hosts", "categorical", "report"]


@pytest.mark.parametrize("name", MEASURED)
def test_tables_are_those_of_the_experiments(name):
    assert (ROOT / "experiments" / "results" / f"{name}.md").read_text().strip() in README


def test_time_to_the_optimum_is_as_measured():
    report = (ROOT / "experiments" / "results" / "optimum.md").read_text()
    (table,) = re.findall(r"^\| case, .*?(?=\n\n)", report, re.DOTALL | re.MULTILINE)
    assert table in README


def test_links_lead_somewhere():
    assert dead_links(PAGE) == []


def test_ci_runs_the_commands_as_printed():
    script = (ROOT / ".ci" / "run").read_text()
    assert "grep '^python3 -m venv ' README.md" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
