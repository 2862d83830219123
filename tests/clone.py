"""A clone of the project, in which commands run as printed."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
from pages import ROOT


def make_clone(folder):
    """The tree as a clone has it, and this interpreter's environment as its .venv."""
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


def shell(command, folder, optimised=False):
    """Return the output of a command in that folder, with programs as users have them or not."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "80"}
    if optimised:
        del environment["JAX_DISABLE_MOST_OPTIMIZATIONS"]
        environment.pop("XLA_FLAGS", None)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
