"""Part 1: tests of the heart, the solvers, the certificate, sweeps and matrices, on the device."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In order of value: what a limit leaves out comes last.
FILES = (
    "tests/test_logistic.py",
    "tests/proof/test_gradient_check.py",
    "tests/proof/test_certificate.py",
    "tests/solver/test_solvers.py",
    "tests/test_fit.py",
    "tests/sweep/test_many.py",
    "tests/sweep/test_cross_validation.py",
    "tests/sweep/test_path.py",
    "tests/matrix/test_dense.py",
    "tests/matrix/test_compressed.py",
    "tests/matrix/test_sparse.py",
    "tests/matrix/test_every_matrix.py",
    "tests/sweep/test_folds.py",
    "tests/sweep/test_scores.py",
    "tests/sweep/test_bootstrap.py",
    "tests/test_penalty.py",
)
# Processes that compile at the same time, each with its share of every file.
_MOST = 6
# Seconds before the limit that are left to report the findings.
_CLOSING = 8


def run(work):
    """A row of how many passed, and one of each test that did not."""
    files = FILES[:1] if work.dry else FILES
    shares = 1 if work.dry else max(1, min(_MOST, (os.cpu_count() or 1) // 2))
    with tempfile.TemporaryDirectory() as folder:
        started = [_start(work, files, i, shares, Path(folder)) for i in range(shares)]
        ends = [_wait(process, work) for process, _ in started]
        reports = [_read(report) for _, report in started]
        logs = [report.with_suffix(".log").read_text(errors="replace") for _, report in started]
    _tell(work, files, ends, reports, logs)


def environment(work):
    """Return the platforms of the tests: those of this process, and the CPU."""
    given = os.environ.get("JAX_PLATFORMS", "")
    platforms = given if not given or "cpu" in given else f"{given},cpu"
    # One device, as an accelerator is.
    return {**os.environ, "JAX_PLATFORMS": platforms, "JAX_NUM_CPU_DEVICES": "1"}


def command(files):
    """Pytest without what the project's own options ask for: no plugin is needed.

    Warnings are counted, not errors: each of a new device would fail every test.
    """
    options = "-o addopts= -m not~slow -W default -q --strict-markers --import-mode=importlib"
    words = [word.replace("~", " ") for word in options.split()]
    plugins = ["-p", "no:cacheprovider", "-p", "experiments.accelerator_parts.recorder"]
    return [sys.executable, "-m", "pytest", *words, *plugins, *files]


def _start(work, files, number, shares, folder):
    report = folder / f"share_{number}.jsonl"
    kept = {"RECORDER_FILE": str(report), "RECORDER_SHARE": f"{number}/{shares}"}
    if work.dry:
        kept["RECORDER_MOST"] = "3"
    with report.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            command(files),
            cwd=ROOT,
            env={**environment(work), **kept},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return process, report


def _wait(process, work):
    """The exit code, or None where it was ended for want of time."""
    try:
        return process.wait(max(work.left - _CLOSING, 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _read(report):
    if not report.exists():
        return []
    lines = report.read_text().splitlines()
    # The last one may have been cut.
    return [json.loads(line) for line in lines if line.endswith("}")]


def _tell(work, files, ends, reports, logs):
    rows = [row for report in reports for row in report]
    # One that fails again as it is torn down has two lines.
    outcomes = {row["test"]: row for row in rows if "test" in row}.values()
    counts = Counter(row["outcome"] for row in outcomes)
    chosen = sum(row["chosen"] for row in rows if "chosen" in row)
    work.row(
        "suite",
        devices=sorted({row["device"] for row in rows if "device" in row}),
        files=len(files),
        processes=len(ends),
        chosen=chosen,
        passed=counts["passed"],
        failed_tests=counts["failed"],
        skipped=counts["skipped"],
        not_reached=chosen - len(outcomes),
        cut=ends.count(None),
        warnings=sum(row["warnings"] for row in rows if "warnings" in row),
    )
    for row in outcomes:
        if row["outcome"] != "passed":
            work.row("tests", test=row["test"], outcome=row["outcome"], why=row["why"])
    for number, (end, log) in enumerate(zip(ends, logs, strict=True)):
        # 0: all passed; 1: some failed, and are listed.
        if end not in (0, 1, None):
            last = (log.strip().splitlines() or ["no word"])[-1][:200]
            why = f"pytest ended with {end}: {last}"
            work.row("tests", test=f"process {number}", outcome="error", why=why)
