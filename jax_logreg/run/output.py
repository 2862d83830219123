"""Files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jax_logreg.errors import InputError

# What a folder must hold before --force may replace it.
_MARKS = ("config.toml", "result.json")


class Folder:
    """An output folder, filled under a temporary name beside its own and then renamed."""

    def __init__(self, path: Path, force: bool) -> None:
        """Make the temporary folder now: what cannot be written is best known before the work.

        Raises:
            InputError: the folder exists and may not be replaced, or none can be made there.
        """
        self.path = path
        if path.exists() or path.is_symlink():
            _check_replaceable(path, force)
        self._target = path.absolute()
        parent = self._target.parent
        self._new_parents = [p for p in (parent, *parent.parents) if not p.exists()]
        with _writing(path):
            parent.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(prefix=f".{self._target.name}-", dir=parent))

    def write(self, files: dict[str, bytes]) -> None:
        """Write all the files and sync them, then let the folder take its name."""
        with _writing(self.path):
            self._staging.chmod(0o777 & ~_umask())
            for name, content in files.items():
                _write_synced(self._staging / name, content)
            _sync_folder(self._staging)
            _replace_folder(self._target, self._staging)
            _sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove what was not renamed, and the parents made for it if they are empty."""
        shutil.rmtree(self._staging, ignore_errors=True)
        for parent in self._new_parents:
            with suppress(OSError):
                parent.rmdir()


def write_file(path: Path, write: Callable[[Path], None], force: bool) -> None:
    """Let `write` fill a temporary file beside `path`, sync it and rename it.

    Raises:
        InputError: the file exists and force is false, or it cannot be written there.
    """
    if path.exists() and not force:
        raise InputError(f"{path} exists already: name another file, or pass --force")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        with _writing(path):
            temporary = staging / path.name
            write(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace_folder(target: Path, new: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = new.with_name(f"{new.name}-old")
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _check_replaceable(path: Path, force: bool) -> None:
    if not force:
        raise InputError(f"{path} exists already: name another folder with --out, or pass --force")
    if path.is_symlink() or not path.is_dir():
        raise InputError(f"{path} is no folder: --force replaces the folder of an earlier run only")
    if any(path.iterdir()) and not all((path / mark).is_file() for mark in _MARKS):
        raise InputError(
            f"{path} holds no earlier run ({' and '.join(_MARKS)}): --force will not replace it; "
            "name another folder with --out"
        )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}: "
            "nothing was left there; mend that, or name another place with --out"
        ) from None


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
