"""The columns of each table of the page: which figure, under which heading, in which form."""

from typing import NamedTuple


def _number(value):
    return f"{value:.3g}"


def _times(factor, pattern="{:.3g}"):
    return lambda value: pattern.format(factor * value)


def _share(value):
    return f"{value:.0%}"


def count(value):
    return f"{value:,.0f}"


_MS, _GB, _TERA = _times(1e3), _times(1e-9), _times(1e-12)


class Table(NamedTuple):
    """A table: its caption, and heading, key and format of each column."""

    caption: str
    columns: tuple


TABLES = {
    "copy": Table("Speed of memory", (("what", "what", str), ("TB/s", "speed", _TERA))),
    "speeds": Table(
        "Speeds: bytes or operations a second, in 10^12",
        (("what", "what", str), ("10^12 a second", "speed", _TERA)),
    ),
    "suite": Table(
        "Tests",
        (
            ("device", "devices", ", ".join),
            ("chosen", "chosen", count),
            ("passed", "passed", count),
            ("failed", "failed_tests", count),
            ("skipped", "skipped", count),
            ("not reached", "not_reached", count),
            ("warnings", "warnings", count),
        ),
    ),
    "tests": Table(
        "Tests that did not pass",
        (("test", "test", str), ("outcome", "outcome", str), ("why", "why", str)),
    ),
    "rivals": Table(
        "One step, float32 X (n, m): two products, in turns",
        (
            ("library", "what", str),
            ("ms", "seconds", _MS),
            ("difference from the heart's gradient", "difference", _number),
        ),
    ),
    "branches": Table(
        "A step of a scan of tiny work, µs",
        (
            ("by a mask", "masked", _times(1e6)),
            ("by a branch", "branched", _times(1e6)),
            ("difference", "difference", _times(1e6)),
        ),
    ),
    "steps": Table(
        "One step of gradient descent by storage of X",
        (
            ("storage", "storage", str),
            ("X, GB", "bytes", _GB),
            ("first call, s", "first", _number),
            ("a jitted call, ms", "called", _MS),
            ("100 calls, ms each", "called_in_turns", _MS),
            ("scan of 100, ms each", "scanned", _MS),
            ("share of one reading at the copy's speed", "share", _share),
        ),
    ),
    "errors": Table(
        "Error of the gradient of a thousand classes against float64, on a slice",
        (
            ("products", "algorithm", str),
            ("examples", "examples", count),
            ("largest / largest entry", "largest", _number),
            ("norm / norm", "mean", _number),
        ),
    ),
    "classes": Table(
        "One gradient of a thousand classes",
        (
            ("products", "algorithm", str),
            ("labels", "labels", str),
            ("examples", "examples", count),
            ("compile, s", "compile", _number),
            ("ms", "seconds", _MS),
            ("TFLOP/s", "speed", _TERA),
            ("labels, GB", "label_bytes", _GB),
            ("memory beside the arguments, GB", "beside", _GB),
        ),
    ),
    "fits": Table(
        "One fit, L2 at C = 1",
        (
            ("examples x features", "case", str),
            ("method", "method", str),
            ("first call, s", "first", _number),
            ("of it compiling, s", "compile", _number),
            ("warm, s", "seconds", _number),
            ("suboptimality", "suboptimality", _times(1, "{:.0e}")),
            ("proven gap", "gap", _times(1, "{:.0e}")),
            ("steps", "steps", count),
            ("status", "status", str),
            ("host's libraries", "libraries", str),
        ),
    ),
    "sweeps": Table(
        "10 penalties x 5 folds, and all examples",
        (
            ("examples x features", "case", str),
            ("method", "method", str),
            ("first call, s", "first", _number),
            ("of it compiling, s", "compile", _number),
            ("warm, s", "seconds", _number),
            ("models", "models", count),
            ("done in that time", "done", count),
            ("converged", "converged", count),
            ("at the precision floor", "floored", count),
            ("largest proven gap", "gap", _times(1, "{:.0e}")),
            ("mean steps", "steps", _number),
        ),
    ),
    "scores": Table(
        "Held-out log loss of the sweep beside that of float64 models",
        (
            ("examples x features", "case", str),
            ("largest relative error", "error", _times(1, "{:.0e}")),
            ("C chosen", "best", _number),
            ("C chosen in float64", "exact_best", _number),
            ("largest gap in float64", "gap", _times(1, "{:.0e}")),
        ),
    ),
    "priced": Table(
        "What a step of the probe takes, and all penalties by it: a price, not a measurement",
        (
            ("examples", "examples", count),
            ("making the data, s", "made", _number),
            ("first call, s", "first", _number),
            ("of it compiling, s", "compile", _number),
            ("before the first step, s", "start", _number),
            ("a step, s", "step", _number),
            ("measured on", "of", count),
            ("steps a penalty", "steps", _number),
            ("penalties", "penalties", count),
            ("price, s", "price", _number),
            ("peak memory, GB", "peak", _GB),
        ),
    ),
    "probe": Table(
        "The probe's sweep, measured",
        (
            ("examples", "examples", count),
            ("penalties", "penalties", count),
            ("s", "seconds", _number),
            ("mean steps", "steps", _number),
            ("converged", "converged", count),
            ("at the precision floor", "floored", count),
            ("largest proven gap", "gap", _times(1, "{:.0e}")),
            ("best C", "best", _number),
            ("held-out right", "right", _share),
            ("peak memory, GB", "peak", _GB),
        ),
    ),
    "lowered": Table(
        "Programs",
        (
            ("program", "program", str),
            ("lines of StableHLO", "lines", count),
            ("s", "seconds", _number),
        ),
    ),
}
