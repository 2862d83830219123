"""The folders that runs leave, read again."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jax_logreg.cli.output import is_finished, partial_of
from jax_logreg.cli.report.unfinished import unfinished
from jax_logreg.cli.summary import Summary
from jax_logreg.errors import InputError
from jax_logreg.errors.one_line import one_line
from jax_logreg.placement.memory import check_room

_PARTIAL = ".partial"


class Run(NamedTuple):
    """A run as its folder describes it: `files` holds contents by name, `place` is their folder."""

    path: Path
    place: Path
    files: dict[str, bytes]
    summary: Summary


@one_line()
def read_run(path: Path) -> Run:
    """Return a finished run, or the last saved state of one that did not end.

    Raises:
        InputError: no folder of a run, or a damaged one.
    """
    path = path.with_name(path.name.removesuffix(_PARTIAL)) if path.name else path
    place = path
    if is_finished(path):
        files = dict(_contents(path))
    elif partial_of(path).is_dir():
        place = partial_of(path)
        files = unfinished(place)
    else:
        raise InputError(f"{path} holds no run: expected a folder that jax-logreg run left")
    try:
        summary = Summary.read(files["result.json"])
        files["config.toml"].decode()
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{place / 'result.json'} is damaged: {error}: run its config again"
        ) from None
    return Run(path, place, files, summary)


def find_runs(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder, finished or not, in the order of their names.

    Raises:
        InputError: no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: expected one that holds the folders of runs")
    found = {
        one.with_name(one.name.removesuffix(_PARTIAL))
        for one in folder.iterdir()
        if is_finished(one) or (one.suffix == _PARTIAL and any(one.glob("*.safetensors")))
    }
    return sorted(found)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the texts of a finished run by name; its page is made of them."""
    for file in sorted(path.iterdir()):
        if file.suffix in (".csv", ".json", ".toml") and file.is_file():
            check_room(str(file), file.stat().st_size)
            yield file.name, file.read_bytes()
