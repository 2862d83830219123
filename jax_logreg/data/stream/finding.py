"""The files of a folder or a pattern that a stream reads, by their formats."""

from collections.abc import Sequence
from pathlib import Path

from jax_logreg.data.formats import FORMATS, DataFile, Names
from jax_logreg.data.local import check_local
from jax_logreg.errors import InputError


def in_pieces() -> dict[str, type[DataFile]]:
    """Return the formats that are read in pieces, without the rest of the file, by suffix."""
    return {suffix: kind for suffix, kind in FORMATS.items() if kind.in_pieces}


def find_files(path: Path, names: Names) -> list[Path]:
    """Return the files of a path, a folder or a pattern, sorted by name.

    Raises:
        InputError: no file, or one of a format that is not read in pieces.
    """
    check_local(path)
    if is_pattern(path):
        missing = f"{path} matches no file"
    elif path.is_dir():
        missing = f"{path} holds no file of {', '.join(in_pieces())}"
    else:
        missing = f"{path} does not exist"
    found = [file for file in _listed(path) if not _is_hidden(path, file)]
    # Labels lie beside their .npy.
    found = [file for file in found if not (file.suffix == ".npy" and file.match(names.labels))]
    if not found:
        raise InputError(f"{missing}: expected a file, a folder of files, or a pattern")
    for file in found:
        if file.suffix.lower() not in in_pieces():
            mend = "; data.stream=false reads it at once" if file.suffix.lower() in FORMATS else ""
            raise InputError(
                f"{file} has suffix '{file.suffix}', which is not read in pieces: expected "
                f"{', '.join(in_pieces())}{mend}"
            )
        if not file.is_file():
            raise InputError(
                f"{file} is a folder, a device or a pipe: expected a file, which has an end"
            )
    return found


def _listed(path: Path) -> list[Path]:
    """Return the files of a path, a folder or a pattern, sorted by name, hidden files too."""
    if is_pattern(path):
        folder = Path(path.anchor) if path.is_absolute() else Path()
        return sorted(folder.glob(str(path.relative_to(folder))))
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix.lower() in in_pieces())
    return [path] if path.exists() else []


def _is_hidden(path: Path, file: Path) -> bool:
    """Return whether a file is hidden, and neither it nor a hidden pattern was named."""
    return file != path and file.name.startswith(".") and not path.name.startswith(".")


def notes_on_hidden(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a note on each path with hidden files, which are left out."""
    notes = []
    for path in paths:
        hidden = [file for file in _listed(path) if _is_hidden(path, file)]
        if hidden:
            such = f"{len(hidden)}, such as {hidden[0].name}"
            notes.append(f"{path}: left out: hidden files ({such}).")
    return tuple(notes)


def is_pattern(path: Path) -> bool:
    """Return whether a path is a pattern; a path that exists stands for itself."""
    return any(c in str(path) for c in "*?[") and not path.exists()
