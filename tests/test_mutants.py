"""The tests can fail: a copy of the package with a fault in the heart turns them red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MUTANTS = {
    "the sign of dZ": ("dZ = s * (A - Y)", "dZ = s * (Y - A)"),
    "no / total in dw": ("dw = X @ dZ.T / total", "dw = X @ dZ.T"),
    "no / total in db": ("db = over_examples(dZ) / total", "db = over_examples(dZ)"),
    "no s in dZ": ("dZ = s * (A - Y)", "dZ = A - Y"),
    "no s in the cost": (
        "over_examples(s * family.cross_entropy(Z, Y))",
        "over_examples(family.cross_entropy(Z, Y))",
    ),
}
# Of the whole suite, two tests that must see each of them, on a problem with weights.
TESTS = ("tests/test_logistic.py", "tests/proof/test_gradient_check.py")
CHOSEN = "(test_backprop_is_the_lecture or test_passes_everywhere) and integer and float64"


def copy_with(change, folder):
    for name in ("jax_logreg", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    heart = folder / "jax_logreg" / "logistic.py"
    text = heart.read_text()
    if change is not None:
        assert change[0] in text
        text = text.replace(*change)
    heart.write_text(text)


def python(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def red_files(folder):
    done = python(
        folder, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", CHOSEN, *TESTS
    )
    assert " passed" in done.stdout or " failed" in done.stdout, done.stdout + done.stderr
    return {test for test in TESTS if f"FAILED {test}" in done.stdout}


def test_without_a_fault_all_is_green(tmp_path):
    copy_with(None, tmp_path)
    assert red_files(tmp_path) == set()


# In every run a sign, a total and a weight; the other lines fail alike.
ALWAYS = ("the sign of dZ", "no / total in dw", "no s in dZ")


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.slow]) for name in MUTANTS],
)
def test_a_fault_in_the_heart_turns_tests_red(fault, tmp_path):
    copy_with(MUTANTS[fault], tmp_path)
    red = red_files(tmp_path)
    assert "tests/test_logistic.py" in red
    assert "tests/proof/test_gradient_check.py" in red


def test_a_fault_in_the_heart_ends_a_run(tmp_path):
    copy_with(MUTANTS["the sign of dZ"], tmp_path)
    config = ROOT / "configs" / "quickstart.toml"
    done = python(tmp_path, "-m", "jax_logreg", "run", str(config), "--out", "run")
    assert done.returncode == 1
    assert "gradient_check_failed after 0 steps" in done.stderr
    assert "Worst entry: dw[" in done.stderr
