"""The floors of the house, and what an import costs.

Run as a program it prints the table of floors for CONTRIBUTING.md.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jax_logreg"
# From the ground up: a room, and what it holds. A room imports from lower floors only.
FLOORS = (
    {
        "arrays": "functions, loops and branches, of NumPy or of JAX as their arrays are",
        "errors": "one-line errors, checks of arguments, words and digests that describe them",
        "display": "short text and HTML of what users print",
        "pytree": "dataclasses as pytrees",
        "shapes": "shapes of arrays, and of what may stand where X stands, for annotations",
        "status": "reasons to end a fit",
    },
    {
        "logistic": "the heart: the only place with a gradient of the cross-entropy",
        "_jax": "tricks that lean on JAX's insides, texts or flags, until a test says they may go",
        "penalty": "value and proximal step",
    },
    {"hosts": "several processes as one program"},
    {"matrix": "whatever may stand where X stands"},
    {
        "objective": "cost and penalty over one batch: what a solver is handed",
        "placement": "devices, meshes, memory: where arrays live",
    },
    {
        "problem": "arguments checked once, labels and weights encoded once",
        "solver": "one method a file, line search, preconditioner",
        "data": "readers, sources, streams, columns, scaling, split",
    },
    {
        "predictions": "logits and probabilities by given parameters",
        "proof": "gradient check, duality gap, separation, collinearity, advice",
        "checkpoint": "a run saved often, found again after a kill, bound to its problem",
        "evaluation": "measures with intervals, curves, threshold, temperature",
    },
    {
        "result": "what a fit hands back",
        "model": "the file that a run leaves, and predicting from it",
    },
    {"loop": "one body, and the host that drives it"},
    {"fitting": "from arguments to result", "tracking": "TensorBoard, MLflow, a protocol"},
    {"sweep": "many models: folds, paths, resamples"},
    {"sklearn": "the estimators"},
    {"export": "a model in other formats"},
    {"cli": "the commands, configs, the run, the report"},
    {"__main__": "`python -m jax_logreg`"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def table():
    """The floors as a table of Markdown."""
    rows = ["| floor | rooms |", "| --- | --- |"]
    for number, rooms in enumerate(FLOORS):
        named = (f"`{_shown(room)}` ({holds})" for room, holds in rooms.items())
        rows.append(f"| {number} | {', '.join(named)} |")
    return "\n".join(rows)


def _shown(room):
    return f"{room}/" if (PACKAGE / room).is_dir() else f"{room}.py"


def imports(path):
    """The modules of the package that a file imports, functions' own imports too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("jax_logreg."))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_come_from_lower_floors(path):
    room = room_of(path)
    for name in imports(path):
        other = name.split(".")[1]
        if other in FLOOR_OF and other != room:
            assert FLOOR_OF[other] < FLOOR_OF[room], f"{room} imports {other}"


def test_no_modules_import_each_other():
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in FILES
    }
    found = {}
    for module, path in modules.items():
        names = (name if name in modules else name.rpartition(".")[0] for name in imports(path))
        found[module] = {name for name in names if name in modules and name != module}
    assert list(TopologicalSorter(found).static_order())


def test_every_room_has_a_floor():
    assert {room_of(path) for path in FILES} == set(FLOOR_OF)


def test_few_modules_stand_beside_the_folders():
    assert len([path for path in FILES if path.parent == PACKAGE]) <= 9


def test_contributing_has_the_table_of_floors():
    assert table() in (ROOT / "CONTRIBUTING.md").read_text(), f"run python {Path(__file__).name}"


def test_only_the_heart_knows_the_cross_entropy():
    for path in FILES:
        if path.name == "logistic.py":
            continue
        words = {node.id for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "id")}
        assert not words & {"sigmoid", "softplus", "log1p", "expit", "dZ"}, path.name


def test_only_the_solvers_know_a_solver_by_name():
    """Beside the public names, and the table of a config's solvers."""
    solvers = {"GradientDescent", "LBFGS", "MiniBatch", "Newton", "Optax", "Proximal"}
    for path in FILES:
        if room_of(path) == "solver" or path == PACKAGE / "cli" / "solvers.py":
            continue
        words = {node.id for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "id")}
        assert not words & solvers, path.name


def test_names_are_compared_in_one_place():
    """One place for "did you mean", with one measure of what is near."""
    for path in FILES:
        if path != PACKAGE / "errors" / "nearest.py":
            assert "difflib" not in path.read_text(), path.name


def test_tables_are_written_as_csv_in_one_place():
    """One form of numbers and one quoting, in a run's folder as in predictions."""
    writers = {"writer", "DictWriter", "CSVWriter"}
    for path in FILES:
        if path != PACKAGE / "data" / "csv_columns.py":
            called = {
                node.attr
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "csv"
            }
            assert not called & {*writers, "write_csv"}, path.name


def test_no_file_is_named_like_a_library_that_it_imports():
    """But trackers, whose paths are public."""
    for path in FILES:
        words = list(ast.walk(ast.parse(path.read_text())))
        names = [
            alias.name for node in words if isinstance(node, ast.Import) for alias in node.names
        ]
        names += [node.module for node in words if isinstance(node, ast.ImportFrom)]
        libraries = {name.split(".")[0] for name in names}
        assert path.stem not in libraries or path.parent.name == "tracking", path.name


def test_import_needs_jax_jaxtyping_numpy_and_optax_only():
    optional = "pydantic typer rich tomli_w safetensors h5py pyarrow sklearn jinja2 matplotlib PIL"
    optional += " onnx onnxruntime skops mlflow tensorboardX beartype"
    code = (
        "import sys, jax_logreg\n"
        f"print(*(name for name in '{optional}'.split() if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


if __name__ == "__main__":
    print(table())
