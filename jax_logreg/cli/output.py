"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jax_logreg.checkpoint.files import sync_folder, write_synced
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs

with needs("run"):
    from filelock import FileLock, Timeout

# The files that a folder must hold before --force may replace it.
_MARKS = ("config.toml", "result.json")
REPORT = "report.html"


def is_finished(path: Path) -> bool:
    """Return whether a folder holds a finished run, and no later one saved itself to replace it."""
    if not all((path / mark).is_file() for mark in _MARKS):
        return False
    written = (path / _MARKS[-1]).stat().st_mtime_ns
    return all(file.stat().st_mtime_ns <= written for file in _saved_in(partial_of(path)))


def partial_of(path: Path) -> Path:
    """Return the folder of a run that is not finished."""
    return path.absolute().with_name(f"{path.absolute().name}.partial")


def _saved_in(partial: Path) -> list[Path]:
    """Return the saved states of a run."""
    return sorted(partial.glob("*.safetensors"))


class Folder:
    """An output folder, filled beside its own place, under its name and `.partial`, then renamed.

    Until then the partial folder holds the saved states of the run. It is locked, and the system
    frees the lock whenever the process ends.
    """

    def __init__(self, path: Path, force: bool, resume: bool = False) -> None:
        """Make and lock the partial folder, so that a fault is known before the work.

        Raises:
            InputError: the folder exists and may not be replaced, cannot be made, or is in use. Or
                it holds an unfinished run that is neither to be resumed nor replaced.
        """
        self.path, self._force = path, force
        _check_replaceable(path, force)
        self._target = path.absolute()
        self.partial = partial_of(path)
        parent = self._target.parent
        self._new_parents = [p for p in (parent, *parent.parents) if not p.exists()]
        self._lock = FileLock(self.partial / "lock", timeout=0)
        with _writing(path):
            try:
                self.partial.mkdir(parents=True, exist_ok=True)
                self._lock.acquire()
            except Timeout:
                raise InputError(
                    f"{path}: another run is writing there: wait for its end, or name another "
                    "folder with --out"
                ) from None
            except OSError:
                self.close()
                raise
        if _saved_in(self.partial) and not resume:
            self._start_over(force)

    def _start_over(self, force: bool) -> None:
        saved = _saved_in(self.partial)
        if not force:
            self._lock.release()
            raise InputError(
                f"{self.path}: {self.partial.name} holds an unfinished run, with {len(saved)} "
                "saved states: pass --resume to continue it, or --force to start over"
            )
        with _writing(self.path):
            for file in saved:
                file.unlink()

    def write(self, files: dict[str, bytes]) -> None:
        """Write all the files and sync them, then let the folder take its name."""
        staging = self.partial / "files"
        # Somebody may have put files there during the run.
        _check_replaceable(self.path, self._force)
        with _writing(self.path, self._kept()):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            for name, content in files.items():
                write_synced(staging / name, content)
            sync_folder(staging)
            _replace_folder(self._target, staging)
            sync_folder(self._target.parent)
        for file in [*_saved_in(self.partial), self.partial / REPORT]:
            file.unlink(missing_ok=True)

    def _kept(self) -> str:
        if not _saved_in(self.partial):
            return "nothing was left there"
        return f"{self.partial.name} still holds the run: resume it with --resume"

    def close(self) -> None:
        """Free the lock, and remove a folder that holds neither a saved state nor a report."""
        if not _saved_in(self.partial) and not (self.partial / REPORT).exists():
            shutil.rmtree(self.partial, ignore_errors=True)
        self._lock.release()
        for parent in self._new_parents:
            with suppress(OSError):
                parent.rmdir()


class Share:
    """The output folder of a host other than the first, for its saved states."""

    def __init__(self, path: Path) -> None:
        """Make the partial folder, which may be that of the first host.

        Raises:
            InputError: no folder can be made there.
        """
        self.path, self.partial = path, partial_of(path)
        with _writing(path):
            self.partial.mkdir(parents=True, exist_ok=True)

    def write(self, files: dict[str, bytes]) -> None:
        """Remove the saved states of this host: the first host writes the files."""
        for file in _saved_in(self.partial):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove an empty folder."""
        with suppress(OSError):
            self.partial.rmdir()


def open_folder(path: Path, force: bool, resume: bool, first: bool) -> Folder | Share:
    """Return the output folder of the first host, or the share of another."""
    return Folder(path, force, resume) if first else Share(path)


def write_file(path: Path, write: Callable[[Path], None], force: bool) -> None:
    """Let `write` fill a temporary file beside `path`, sync it and rename it.

    Raises:
        InputError: the file exists and force is false, or it cannot be written there.
    """
    if path.exists() and not force:
        raise InputError(f"{path} exists already: name another file with --out, or pass --force")
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
            sync_folder(path.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_content(path: Path, content: bytes, force: bool) -> None:
    """Write bytes as `write_file` does.

    Raises:
        InputError: as of `write_file`.
    """

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_file(path, write, force)


def _replace_folder(target: Path, new: Path) -> None:
    if _is_empty(target):
        # Unlike a rename, this fails if the folder has been filled meanwhile.
        target.rmdir()
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


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _check_replaceable(path: Path, force: bool) -> None:
    """Refuse all but a free name, an empty folder, and with force an earlier run (InputError)."""
    elsewhere = "name another folder with --out"
    if not (path.exists() or path.is_symlink()):
        return
    if path.is_symlink() or not path.is_dir():
        raise InputError(f"{path} exists already and is no folder: {elsewhere}")
    # Absolute: `is_mount` would take "." for one, as its own parent.
    mounted = path.absolute().is_mount()
    if mounted or path.samefile(Path.cwd()):
        which = "a mount point" if mounted else "the current folder"
        raise InputError(
            f"{path} is {which}, which cannot be replaced: name a folder within it with --out"
        )
    if _is_empty(path):
        return
    if not all((path / mark).is_file() for mark in _MARKS):
        raise InputError(
            f"{path} exists already, is not empty and holds no earlier run "
            f"({' and '.join(_MARKS)}): {elsewhere}"
        )
    if not force:
        raise InputError(f"{path} exists already: {elsewhere}, or pass --force")


@contextmanager
def _writing(path: Path, left: str = "nothing was left there") -> Iterator[None]:
    """Turn an error of the system into an InputError, with what is left of the work."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}: {left}: mend the cause, or name "
            "another place with --out"
        ) from None
