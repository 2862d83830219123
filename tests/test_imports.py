"""Imports: nothing is loaded that is not used."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import jax_logreg

# Statements, and the libraries that they have no use for.
SPARED = {
    "import jax_logreg": {"jax", "numpy", "optax", "jaxtyping"},
    "from jax_logreg import fit, L1, LBFGS": {"optax", "jaxtyping", "scipy", "pandas", "sklearn"},
    "import jax_logreg.sweep, jax_logreg.data": {
        "optax",
        "jaxtyping",
        "pandas",
        "sklearn",
        "scipy.optimize",
    },
    "import jax_logreg.cli.experiment": {"optax", "jaxtyping", "scipy.optimize", "sklearn"},
    "from jax_logreg.cli.app import app": {"jax", "numpy", "optax", "pydantic", "pyarrow"},
}


@pytest.mark.parametrize("statement", SPARED)
def test_nothing_is_imported_that_is_not_used(statement):
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not SPARED[statement] & set(json.loads(done.stdout))


def test_public_names_are_declared_alike():
    """Once for programs, once for type checkers, once for `import *`."""
    tree = ast.parse(Path(jax_logreg.__file__).read_text())
    for_checkers = {
        alias.name: node.module.removeprefix("jax_logreg.")
        for only_for_checkers in tree.body
        if isinstance(only_for_checkers, ast.If)
        for node in only_for_checkers.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("jax_logreg.")
        for alias in node.names
    }
    assert for_checkers == jax_logreg._MODULES
    assert sorted(for_checkers) == sorted(jax_logreg.__all__)
    assert set(jax_logreg.__all__) <= set(dir(jax_logreg))


@pytest.mark.parametrize("name", jax_logreg.__all__)
def test_a_public_name_is_what_its_module_has(name):
    __import__(f"jax_logreg.{jax_logreg._MODULES[name]}")
    assert getattr(jax_logreg, name) is getattr(
        sys.modules[f"jax_logreg.{jax_logreg._MODULES[name]}"], name
    )


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match="module 'jax_logreg' has no attribute 'fitt'"):
        jax_logreg.fitt  # noqa: B018
