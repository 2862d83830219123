"""A rival as `run.py` sees it: a process that fits on request, times itself and can be ended."""

import json
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parents[2]


class Failed(Exception):
    """The rival ended, or did not end in time; in words for the table."""


class Fit(NamedTuple):
    """One fit: what it took, in seconds and MB, and what it gave."""

    seconds: float
    growth: float
    note: str
    w: np.ndarray
    b: np.ndarray


class Rival:
    """A started rival. `refuses` says in words what it cannot do; a context manager ends it."""

    def __init__(self, python, folder, name, variant, limit):
        self.limit, self.tolerance = limit, None
        self._folder = tempfile.TemporaryDirectory()
        self._errors = Path(self._folder.name) / "errors.txt"
        command = [python, "-m", "experiments.optimum.worker", str(folder), name, variant]
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            self.hello = self._answer(max(limit, 120))
        except BaseException:
            self.end()
            raise
        self.refuses = self.hello["refuses"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._folder.cleanup()

    def fit(self, tolerance, again=1):
        """A timed fit: the last, where they are short and it is called `again` times more."""
        file = str(Path(self._folder.name) / "found.npz")
        request = {"tolerance": tolerance, "again": again, "file": file}
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._why()) from None
        words = self._answer(self.limit)
        with np.load(file) as found:
            return Fit(**words, w=found["w"], b=found["b"])

    def _answer(self, limit):
        ready, _, _ = select.select([self._process.stdout], [], [], limit)
        if not ready:
            self._process.kill()
            raise Failed(f"ended after {limit:g} s")
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise Failed(self._why())
        return json.loads(line)

    def _why(self):
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[-1][:160] if lines else f"ended with code {self._process.returncode}"


def start(pythons, folder, name, variant, limit):
    """The rival in the first of the interpreters that can import it."""
    for python in pythons:
        try:
            return Rival(python, folder, name, variant, limit)
        except Failed as failed:
            why = str(failed)
            if "ModuleNotFoundError" not in why and "ImportError" not in why:
                break
    raise Failed(why)


def interpreters(old):
    """The interpreters: this one, and an older one for rivals that need an older NumPy."""
    return [sys.executable, *([str(old)] if old else [])]
