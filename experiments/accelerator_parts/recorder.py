"""A plugin of pytest: a share of the tests, and a line of JSON for each as soon as it is done."""

import json
import os
from pathlib import Path

import pytest

_FILE, _SHARE, _MOST = "RECORDER_FILE", "RECORDER_SHARE", "RECORDER_MOST"


def _write(**row):
    with Path(os.environ[_FILE]).open("a") as file:
        file.write(json.dumps(row) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Keep this share of each file, in the order of the files as they were named."""
    number, shares = map(int, os.environ[_SHARE].split("/"))
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    order = [Path(name).resolve() for name in config.args]
    kept = []
    for path in sorted(files, key=order.index):
        of_file = files[path]
        # Neighbours share what they compile.
        begin, end = (len(of_file) * i // shares for i in (number, number + 1))
        kept += of_file[begin:end]
    items[:] = kept[: int(os.environ.get(_MOST, len(kept)))]
    import jax

    device = jax.devices()[0]
    _write(device=f"{device.device_kind} ({device.platform})", chosen=len(items))


def pytest_runtest_logreport(report):
    """A line for a test that has passed, failed or been skipped, in whichever of its phases."""
    if report.when == "call" or report.outcome != "passed":
        _write(test=report.nodeid, outcome=report.outcome, why=_why(report))


def pytest_collectreport(report):
    """A line for a file that could not be imported."""
    if report.failed:
        _write(test=report.nodeid, outcome="failed", why=_why(report))


def pytest_terminal_summary(terminalreporter):
    """Return how many warnings there were."""
    _write(warnings=len(terminalreporter.stats.get("warnings", [])))


def _why(report):
    if report.outcome == "passed":
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])[:200]
    lines = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")]
    text = lines[0][1:] if lines else (str(report.longrepr).splitlines() or [""])[-1]
    return " ".join(text.split())[:200]
