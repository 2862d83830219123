"""Side by side, in turns, medians after a warm-up; and where the figures come from."""

import argparse
import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import jax
import jaxlib
import numpy as np
import optax

# A first call is one with nothing kept, unless a script says otherwise.
os.environ["JAX_LOGREG_CACHE"] = "off"

RESULTS = Path(__file__).parent / "results"
# An installed package has its bytecode. Without it each process compiles the sources at import,
# where PYTHONDONTWRITEBYTECODE is set, for 0.2 s.
compileall.compile_dir(str(Path(__file__).parents[1] / "jax_logreg"), quiet=2)
# They hold OpenBLAS to one kernel: without them scikit-learn's BLAS is at its best.
_OF_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def alternate(methods, rounds):
    """Median seconds of each method, and what it returned last.

    `methods` maps a name to a function without arguments. They run in turns; each is called once
    untimed before its timed call, because the threads of the one before may still be spinning.
    """
    seconds, returned = {name: [] for name in methods}, {}
    for _ in range(rounds):
        for name, method in methods.items():
            method()
            began = time.perf_counter()
            returned[name] = method()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}, returned


def origin():
    """Device, versions and commit of this run."""
    device = jax.devices()[0]
    root = Path(__file__).parent
    commit = ""
    # A machine with an accelerator may have neither git nor the repository.
    with suppress(OSError):
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True
        ).stdout.strip()
    return {
        "device": f"{device.device_kind}, {os.cpu_count()} cores",
        "processor": _processor(),
        "commit": commit or "unknown",
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "numpy": np.__version__,
        "optax": optax.__version__,
        "dtype": "float32",
        "blas": _blas(),
    }


def _blas():
    """The BLAS kernels that NumPy and SciPy run, by threadpoolctl."""
    import scipy.linalg  # noqa: F401  It brings a BLAS of its own.
    from threadpoolctl import threadpool_info

    found = {
        f"{one['internal_api']} {one['version']} {one.get('architecture', '')}".strip()
        for one in threadpool_info()
        if one["user_api"] == "blas"
    }
    return ", ".join(sorted(found))


def free_blas():
    """Start this script once more where the environment holds OpenBLAS to a kernel."""
    if not any(name in os.environ for name in _OF_BLAS):
        return
    kept = {name: value for name, value in os.environ.items() if name not in _OF_BLAS}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def footer(source):
    """One line under a table: what it was measured on."""
    return (
        f"{source['processor']}, {source['device']}; jax {source['jax']}, NumPy "
        f"{source['numpy']}, Python {source['python']}; float32; {source['blas']}; "
        f"commit {source['commit']}."
    )


def table(head, rows):
    """A table in Markdown; the first column is text, the others numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def options(description):
    """The parser of what every study takes, BLAS being at its best."""
    free_blas()
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, one round: it runs, it measures nothing"
    )
    return parser


def picture(width, height):
    """An empty figure for an SVG file, and its axes."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(folder, name, text, figures):
    """Write <name>.md, which docs/benchmarks.md shows, and the figures behind it as JSON."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(text + "\n")
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(text)
