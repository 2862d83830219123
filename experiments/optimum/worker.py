"""One rival in a process of its own: python -m experiments.optimum.worker CASE_FOLDER FILE VARIANT.

Reads a request a line, answers one a line, both JSON; the coefficients go through a file. Nothing
but NumPy and SciPy is needed beside the rival, so that an older interpreter can run it too.
"""

import ctypes
import importlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from experiments.optimum.cases import load

# A fit faster than this is repeated: after the first, caches and threads are awake.
_SHORT = 1.0


def memory(name):
    """VmRSS, or the peak VmHWM, of this process in MB; NaN where Linux is not."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def forget_peak():
    """Give freed memory back, reset VmHWM, and return VmRSS in MB."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def memory_of_workers():
    """VmHWM of the processes that this one started, together in MB, 0 where Linux is not."""
    total = 0.0
    for task in Path("/proc/self/task").glob("*/children"):
        for number in task.read_text().split():
            lines = Path(f"/proc/{number}/status").read_text().splitlines()
            total += next((float(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM")), 0)
    return total


def main(folder, name, variant):
    """Import the rival, say what it can do, then fit on request."""
    # Libraries print: what they print is not an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**words):
        answers.write(json.dumps(words) + "\n")

    case = load(folder)
    began = time.perf_counter()
    module = importlib.import_module(f"experiments.optimum.rivals.{name}")
    seconds = time.perf_counter() - began
    answer(
        refuses=module.refuses(case, variant),
        settings=getattr(module, "SETTINGS", None),
        import_seconds=seconds,
    )
    for line in sys.stdin:
        request = json.loads(line)
        tolerance = request["tolerance"]
        for _ in range(1 + request["again"]):
            before = forget_peak()
            began = time.perf_counter()
            w, b = module.fit(case, variant, tolerance)
            seconds = time.perf_counter() - began
            growth = memory("VmHWM") - before
            if seconds > _SHORT:
                break
        np.savez(request["file"], w=w, b=b)
        answer(seconds=seconds, growth=growth, note=getattr(module, "note", ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
