"""The floors of the house, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jax_logreg"
FLOORS = {
    "errors": -3,
    "checks": -2,
    "describing": -1,
    "files": -1,
    "wording": -1,
    "batching": -1,
    "compiling": -1,
    "pytree": -1,
    "hosts": -1,
    "keeper": -1,
    "extras": 0,
    "logistic": 0,
    "matrix": 0,
    "memory": 0,
    "saved": 2,
    "settings": 0,
    "penalty": 0,
    "status": 0,
    "collinear": 1,
    "devices": 1,
    "entries": 1,
    "goal": 1,
    "gradient_check": 1,
    "labels": 1,
    "separation": 1,
    "advice": 1,
    "weights": 1,
    "objective": 1,
    "certificate": 2,
    "accuracy": 3,
    "diagnosis": 2,
    "solver": 2,
    "parts": 2,
    "penalty_arguments": 2,
    "arguments": 3,
    "implicit": 3,
    "loop": 3,
    "predictions": 2,
    "result": 3,
    "driver": 4,
    "identity": 4,
    "checkpoint": 5,
    "fit": 5,
    "sweep": 6,
    "tracking": 6,
    "data": 6,
    "evaluation": 6,
    "model": 7,
    "sklearn": 7,
    "export": 8,
    "run": 9,
}


def imports(path):
    """The modules of the package that a file imports, functions' own imports too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("jax_logreg."):
                yield name.split(".")[1]


FILES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_come_from_lower_floors(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imports(path):
        if name in FLOORS and name != room:
            assert FLOORS[name] < FLOORS[room], f"{room} imports {name}"


def test_every_room_has_a_floor():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms == set(FLOORS)


def test_only_the_heart_knows_the_cross_entropy():
    for path in FILES:
        if path.name == "logistic.py":
            continue
        words = {node.id for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "id")}
        assert not words & {"sigmoid", "softplus", "log1p", "expit", "dZ"}, path.name


def test_import_needs_jax_numpy_and_optax_only():
    optional = "pydantic typer rich tomli_w safetensors h5py pyarrow sklearn jinja2 matplotlib PIL"
    optional += " onnx onnxruntime skops mlflow tensorboardX"
    code = (
        "import sys, jax_logreg\n"
        f"print(*(name for name in '{optional}'.split() if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
