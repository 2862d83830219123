"""One part: python -m experiments.accelerator_parts.child MODULE SECONDS [--dry] [--lower NAME].

Rows go to the standard output, one JSON object a line; what libraries print goes to the standard
error. The process ends, with all that it started, when its standard input does.
"""

import argparse
import importlib
import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import contextmanager


class Work:
    """The options of a part: where its rows go, the seconds it has, and whether it rehearses."""

    def __init__(self, answer, seconds, dry=False, lower=None):
        self._answer, self._until = answer, time.monotonic() + seconds
        self.dry, self.lower = dry, lower

    @property
    def left(self):
        """Seconds until this process is cut."""
        return self._until - time.monotonic()

    def row(self, table, **figures):
        """Hand a row of a table over; it is kept whatever comes after."""
        self._answer(row={"table": table, **_plain(figures)})

    @contextmanager
    def attempt(self, table, **names):
        """Make a row of what is raised inside, and continue."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.row(table, **names, failed=in_a_line(error))

    def has(self, seconds, table, **names):
        """Return whether so many seconds are left; a row says so where they are not."""
        if self.left >= seconds:
            return True
        self.row(table, **names, failed=f"not started: {self.left:.0f} s of this part were left")
        return False


def in_a_line(error):
    """The kind of an exception, and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _plain(value):
    """The value as JSON has it: NumPy's numbers as Python's, what is not finite as null."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _end_with_parent():
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main():
    """Run the part, and say how it ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--lower")
    given = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if os.getsid(0) == os.getpid():
        threading.Thread(target=_end_with_parent, daemon=True).start()

    def answer(**words):
        answers.write(json.dumps(words) + "\n")

    try:
        part = importlib.import_module(given.module)
        part.run(Work(answer, given.seconds, given.dry, given.lower))
    except BaseException as error:
        traceback.print_exc()
        answer(end=f"raised {in_a_line(error)}")
        sys.exit(1)
    answer(end="complete")


if __name__ == "__main__":
    main()
