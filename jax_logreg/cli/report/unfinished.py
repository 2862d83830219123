"""The report of a run that did not end: the reason, and the steps until then."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jax_logreg.checkpoint.saved import Saved, read_saved
from jax_logreg.cli.output import REPORT, write_content
from jax_logreg.cli.report.page import render
from jax_logreg.cli.signals import Saved as SavedBySignal
from jax_logreg.cli.summarise import history
from jax_logreg.cli.summary import Summary
from jax_logreg.errors import InputError
from jax_logreg.loop.progress import Progress
from jax_logreg.result import History


@contextmanager
def reporting(partial: Path | None, name: str, config: str) -> Iterator[Callable[[Progress], None]]:
    """Leave a report in the partial folder of a run that fails, or that a signal stops.

    The yielded function is to be called with the progress of the run. Input that is refused before
    the first step leaves no report.
    """
    steps: list[Progress] = []
    try:
        yield steps.append
    except (Exception, SavedBySignal) as error:
        refused = isinstance(error, InputError) and not steps
        if partial is not None and not refused:
            # The disk itself may have failed.
            with suppress(OSError, InputError):
                page = _page(partial, name, config, error)
                write_content(partial / REPORT, page.encode(), force=True)
        raise


def _page(partial: Path, name: str, config: str, error: BaseException) -> str:
    known = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    if isinstance(error, SavedBySignal):
        known = {"status": "interrupted", "message": str(error)}
    elif isinstance(error, InputError):
        known["message"] = str(error)
    else:
        known["traceback"] = "".join(traceback.format_exception(error))
    return render(_files(known, name, config, newest(partial)))


def unfinished(partial: Path) -> dict[str, bytes]:
    """Return result.json, config.toml and history.csv of a run that left saved states only.

    Raises:
        InputError: no state is whole.
    """
    found = newest(partial)
    if found is None:
        raise InputError(
            f"{partial} holds no whole state of a run: expected one at least: run its config again"
        )
    message = (
        "it is still going, or was killed: if no process writes there, resume it with --resume. "
        "The curves are those of its last saved state."
    )
    known = {"status": "unfinished", "message": message}
    return _files(known, partial.name.removesuffix(".partial"), found.name, found)


def newest(partial: Path) -> Saved | None:
    """Return the last state that is whole, or None."""
    files = sorted(partial.glob("*.safetensors"), key=lambda file: file.stat().st_mtime_ns)
    for file in reversed(files):
        with suppress(OSError, ValueError):
            return read_saved(file)
    return None


def _files(known: dict[str, str], name: str, config: str, saved: Saved | None) -> dict[str, bytes]:
    """Return the files of a run by name, with the steps of its last saved state."""
    files = {"config.toml": config.encode()}
    steps = 0
    # Of a fit, `Point.rows` in one block; a sweep has none.
    found = None if saved is None else saved.arrays.get(".rows[0]")
    if found is not None:
        rows = History(*found)
        steps = len(rows.cost)
        files["history.csv"] = history(rows)
    files["result.json"] = Summary(name=name, steps=steps, **known).to_json()
    return files
