"""Running parts, each in a process of its own, cut at its limit; every row is kept as it comes."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CHILD = "experiments.accelerator_parts.child"
# Seconds in which a process that has said its last may end by itself.
_GRACE = 5
# Set on some machines for other programs; they slow BLAS down.
_UNWANTED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def conduct(parts, options, folder, keep, *, seconds, clock=time.monotonic):
    """Run the parts in turn within `seconds` altogether, yielding each with how it ended.

    `keep(part, row)` is called with every row of a part as it is measured. A part that raises,
    dies or is cut takes no other with it. Its own output goes to folder/part_<name>.log.
    """
    began = clock()
    for part in parts:
        left = began + seconds - clock()
        if left <= 0:
            end = {"end": f"not started: the {seconds:.0f} s of all parts were over", "seconds": 0}
        else:
            log = folder / f"part_{part.name}.log"
            limit = min(part.limit, left)
            end = _run(part, limit, options, lambda row, part=part: keep(part, row), log, clock)
        yield part, end


def environment(part):
    """The environment of a part's process: this tree importable, and what the part asks for."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    return {**kept, **part.environment, "PYTHONPATH": path}


def _run(part, limit, options, keep, log, clock):
    """Return how the part ended, in words, and its seconds."""
    command = [sys.executable, "-m", _CHILD, part.module, str(limit), *options]
    pipe, began, found = subprocess.PIPE, clock(), {}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(part),
            # The process ends when this pipe does: it never outlives the command.
            stdin=pipe,
            stdout=pipe,
            stderr=errors,
            start_new_session=True,
        )
    try:
        for line in _lines(process.stdout, lambda: began + limit - clock()):
            words = json.loads(line)
            if "row" in words:
                keep(words["row"])
            found.update({key: words[key] for key in ("end",) if key in words})
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    except TimeoutError:
        found.setdefault("end", f"cut at its limit of {limit:.0f} s")
    finally:
        _end(process)
    end = found.get("end") or _death(process.returncode, log)
    return {"end": end, "seconds": round(clock() - began, 1)}


def _lines(pipe, left):
    """The lines of a pipe as they come; TimeoutError once `left()` has no seconds."""
    held = b""
    while (seconds := left()) > 0:
        ready, _, _ = select.select([pipe], [], [], seconds)
        if not ready:
            break
        piece = os.read(pipe.fileno(), 2**16)
        if not piece:
            return
        *lines, held = (held + piece).split(b"\n")
        yield from lines
    raise TimeoutError


def _end(process):
    """Kill the process with all that it started, which is its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


def _death(code, log):
    """Why a process ended that said nothing of it."""
    lines = log.read_text(errors="replace").strip().splitlines()
    last = f": {lines[-1][:200]}" if lines else ""
    if code < 0:
        return f"died by {signal.Signals(-code).name}{last}"
    return f"ended with exit code {code}{last}"
