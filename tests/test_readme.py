"""Every command and every Python block of the README runs as printed."""

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest
from clone import make_clone, shell
from pages import PAGES, PROJECT, README, ROOT, SETUP, blocks, commands, dead_links

COMMANDS = commands(README)
TRAIN, TEST = (SETUP.sub("", line) for line in COMMANDS if SETUP.match(line))
# Lines: a front door is read in a minute.
LONGEST = 160


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return make_clone(tmp_path_factory.mktemp("clone"))


def test_set_up_is_part_of_both_commands():
    extras = [SETUP.match(line).group(1) for line in COMMANDS if SETUP.match(line)]
    assert extras == ["run", "dev"]
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_first_command_prints_what_the_readme_shows(clone):
    shown, printed = cells(blocks(README, "text")[0]), cells(shell(TRAIN, clone, optimised=True))
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


def test_accelerator_extras_are_jaxs_own():
    offered = set(importlib.metadata.metadata("jax").get_all("Provides-Extra"))
    page = next(page for page in PAGES if page.name == "accelerators.md")
    extras = re.findall(r"pip install '\.\[(\w+)\]'", "\n".join(commands(page)))
    assert len(extras) == 3
    for extra in extras:
        assert PROJECT["optional-dependencies"][extra] == [f"jax[{extra}]"]
        assert extra in offered


def test_every_python_block_in_one_program(tmp_path):
    program = tmp_path / "readme.py"
    program.write_text("\n\n".join(blocks(README, "python")))
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_five_lines_are_those_of_the_code():
    heart = (ROOT / "jax_logreg" / "logistic.py").read_text().splitlines()
    lines = re.findall(r"^\| .* \| `(.*)` \|$", README.read_text(), re.MULTILINE)[:5]
    assert len(lines) == 5
    places = [heart.index(f"    {line}") for line in lines]
    assert places == sorted(places)


def test_the_table_is_that_of_the_experiment():
    table = (ROOT / "experiments" / "results" / "sweep.md").read_text().strip()
    assert table in README.read_text()


def test_it_is_short():
    assert len(README.read_text().splitlines()) <= LONGEST


def test_links_lead_somewhere():
    assert dead_links(README) == []


def test_ci_runs_the_commands_as_printed():
    script = (ROOT / ".ci" / "run").read_text()
    assert "grep '^python3 -m venv ' README.md" in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
