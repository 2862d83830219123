"""The folder of compiled programs, which only its user can write.

Whoever writes a program there runs code as whoever loads it. So the folder and each file belong to
this user. None is a symbolic link, and nobody else can write them. The folder is opened once for
each use, and checked as opened: it cannot be exchanged between the check and the use.
"""

import errno
import os
import stat
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "JAX_LOGREG_CACHE"
OFF = "off"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
# Windows has neither the owners nor the flags by which a folder is checked.
_CHECKABLE = hasattr(os, "geteuid") and hasattr(os, "O_NOFOLLOW")

_warned: set[str] = set()


class Refused(Exception):
    """A folder or file that somebody else may have written, in one line with its mend."""


def is_off() -> bool:
    """Return whether compiled programs are neither kept nor looked for."""
    return not _CHECKABLE or os.environ.get(VARIABLE, "").strip().lower() == OFF


def folder() -> Path | None:
    """Return where compiled programs are kept, None where they are not."""
    if is_off():
        return None
    given = os.environ.get(VARIABLE, "").strip()
    with suppress(RuntimeError):  # Of a user without a home.
        if given:
            return Path(given).expanduser().absolute()
        return _users_own() / "jax_logreg"
    return None


def _users_own() -> Path:
    """Return the folder of this user's caches: that of the system, else by the XDG rules."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")
    # Relative paths are to be ignored, as the rules say.
    return Path(given) if Path(given).is_absolute() else Path.home() / ".cache"


def warn_once(refused: Refused) -> None:
    """Warn that programs are compiled each time, once a process for each reason."""
    line = f"{refused}; until then programs are compiled in each process"
    if line not in _warned:
        _warned.add(line)
        warnings.warn(line, RuntimeWarning, stacklevel=2)


@contextmanager
def opened(create: bool) -> Iterator[int | None]:
    """The folder, opened and found to be this user's; None where it does not exist."""
    path = folder()
    if path is None:
        yield None
        return
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
    try:
        place = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise _no_folder(path, error) from None
    try:
        check(os.fstat(place), path, f"run chmod go-w {path}")
        yield place
    finally:
        os.close(place)


def _no_folder(path: Path, error: OSError) -> Exception:
    """Return the error of a path that does not open as a folder."""
    mend = f"set {VARIABLE} to a folder of your own, or to {OFF}"
    # Linux says of a link that it is no folder, other systems that it is a link.
    if path.is_symlink():
        return Refused(f"{path} is a symbolic link: expected a folder of your own: {mend}")
    if error.errno == errno.ENOTDIR:
        return Refused(f"{path} is no folder: expected one of your own: {mend}")
    return error


def check(found: os.stat_result, path: Path, mend: str) -> None:
    """Refuse what belongs to somebody else, or can be written by others."""
    mine = os.geteuid()
    if found.st_uid != mine:
        raise Refused(
            f"{path} belongs to user {found.st_uid}, not to user {mine}, who runs this: expected "
            f"compiled programs of your own: set {VARIABLE} to a folder of yours, or to {OFF}"
        )
    if found.st_mode & _OTHERS:
        raise Refused(
            f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o}): expected "
            f"compiled programs that you alone can write: {mend}, or set {VARIABLE}={OFF}"
        )
