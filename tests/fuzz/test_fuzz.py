"""Mutated configs and data files end in success or one clear line: no traceback, no hang."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fuzz.child import SECONDS
from fuzz.configs import TRAINED

TESTS = Path(__file__).parents[1]


def ends(kind, seeds):
    """Return the end of each case, by seed; a new process continues behind a crash."""
    found, rest = {}, list(seeds)
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    )
    while rest:
        command = [sys.executable, "-m", "fuzz.child", kind, *map(str, rest)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines, done.stderr
        found |= {line["ended"]: line["in"] for line in lines if "ended" in line}
        last = lines[-1]
        if "began" in last:
            hung = done.returncode in (-signal.SIGALRM, -signal.SIGPROF)
            why = f"more than {SECONDS[kind]} s" if hung else done.stderr[-3000:]
            found[last["began"]] = f"the process ended with {done.returncode}: {why}"
        rest = [seed for seed in rest if seed not in found]
    return found


def clear(end, lines):
    """Return whether it is a success, or a refusal in so many lines for a person."""
    if not end.startswith("refused: "):
        return "\n" not in end and not end.startswith(("the process", "code was"))
    parts = end.removeprefix("refused: ").split("\n")
    return len(parts) <= lines and all(p.isprintable() and 0 < len(p) <= 1000 for p in parts)


def check(kind, seeds, lines):
    found = ends(kind, seeds)
    assert sorted(found) == sorted(seeds)
    wrong = {seed: end for seed, end in found.items() if not clear(end, lines)}
    for seed, end in wrong.items():
        print(f"replay: python -m fuzz.child {kind} {seed}\n{end}")
    assert not wrong
    counts = Counter(end.partition(":")[0] for end in found.values())
    print(kind, dict(counts))
    # Neither all taken nor all refused: the cases reach what they are meant for.
    assert min(counts["success"], counts["refused"]) >= len(seeds) // 25


@pytest.mark.parametrize(("kind", "lines"), [("config", 11), ("file", 1)])
def test_a_thousand(kind, lines):
    check(kind, range(1000), lines)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "lines"), [("config", 11), ("file", 1)])
def test_ten_thousand(kind, lines):
    check(kind, range(1000, 6000), lines)


@pytest.mark.slow
def test_odd_numbers_train_or_are_refused():
    check("trained", [24, 66], 1)


@pytest.mark.slow
def test_all_odd_numbers_train_or_are_refused():
    check("trained", range(len(TRAINED)), 1)
