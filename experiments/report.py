"""The cost of a run's report: seconds to draw it, seconds of `jax-logreg report`, and its size.

    python experiments/report.py [--quick] [--out FOLDER]

Four runs: two classes, pictures of 64 x 64 (of noise, as many as the course's), a sweep, ten
digits. A run draws its page once, after the imports it has made already; `jax-logreg report` is a
process of its own, imports included. Results go to experiments/results/report.md and .json.
"""

import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

from rich.console import Console  # noqa: E402

from jax_logreg.cli.config import load_config  # noqa: E402
from jax_logreg.cli.experiment import run  # noqa: E402
from jax_logreg.cli.report import render  # noqa: E402

CONFIGS = Path(__file__).parents[1] / "configs"
CASES = {
    "two classes": ("quickstart", ()),
    "pictures": ("cats", ("fit.steps=200",)),
    "a sweep": ("sweep", ("sweep.strengths=10",)),
    "ten digits": ("digits", ()),
}


def write_pictures(folder):
    """Files as the course's, their pictures drawn by chance; and what names them in a config."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 209), ("test", 50)):
        with h5py.File(folder / f"{part}.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(count) % 2
    return [f"data.{part}={folder / part}.h5" for part in ("train", "test")]


def measure(name, folder, rounds):
    """Seconds of the drawing and of the command, and the page's size."""
    config, overrides = CASES[name]
    more = write_pictures(folder) if config == "cats" else ()
    outcome = run(load_config(CONFIGS / f"{config}.toml", [*overrides, *more]), Console(quiet=True))
    place = folder / config
    place.mkdir()
    for file, content in outcome.files.items():
        (place / file).write_bytes(content)
    command = [sys.executable, "-m", "jax_logreg", "report", str(place)]
    ways = {
        "drawn": partial(render, outcome.files),
        "command": partial(subprocess.run, command, check=True, capture_output=True),
    }
    seconds, returned = alternate(ways, rounds)
    page = returned["drawn"]
    pictures = len(re.findall(r"<svg", page))
    return {"case": name, "pictures": pictures, "bytes": len(page.encode()), "seconds": seconds}


def main():
    """Measure and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    names = list(CASES)[:1] if chosen.quick else list(CASES)
    found = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(name, Path(folder), 1 if chosen.quick else 5))
    rows = [
        [
            one["case"],
            one["pictures"],
            f"{one['bytes'] / 1e3:.0f}",
            f"{one['seconds']['drawn']:.2f}",
            f"{one['seconds']['command']:.2f}",
        ]
        for one in found
    ]
    head = ["run", "pictures", "page, kB", "drawn within a run, s", "`jax-logreg report`, s"]
    source = origin()
    save(
        chosen.out,
        "report",
        f"{table(head, rows)}\n\n{footer(source)}",
        {"origin": source, "cases": found},
    )


if __name__ == "__main__":
    main()
