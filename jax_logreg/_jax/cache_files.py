"""The files of compiled programs: each whole or not there, under its key, with its digest."""

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from jax_logreg._jax.cache_folder import OFF, VARIABLE, Refused, check, folder, opened

# Bytes that all programs may have; the least recently used are removed beyond.
LARGEST = 512 * 2**20
_FORMAT = b"jax_logreg program 1\n"
_PROGRAM = re.compile(r"[0-9a-f]{64}\.program")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]+\.unfinished")
# Seconds after which nobody writes an unfinished file any more.
_ABANDONED = 3600


def read(key: str) -> bytes | None:
    """Return what is kept under a key, None where nothing is; a damaged file is removed.

    Raises:
        Refused: a folder or a file that somebody else may have written.
        OSError: the file cannot be read.
    """
    name = _name(key)
    with opened(create=False) as place:
        if place is None:
            return None
        try:
            content = _read_file(place, name)
        except FileNotFoundError:
            return None
        head = _header(key)
        whole = content[len(head) + 32 :]
        digest = content[len(head) : len(head) + 32]
        if not content.startswith(head) or hashlib.sha256(whole).digest() != digest:
            _remove(place, name)
            return None
        return whole


def write(key: str, content: bytes) -> None:
    """Keep the content under a key, whole or not at all, and remove what is too much.

    Raises:
        Refused: a folder that somebody else may have written.
        OSError: the content cannot be written.
    """
    unfinished = f".{key}.{secrets.token_hex(8)}.unfinished"
    with opened(create=True) as place:
        if place is None:
            return
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(unfinished, flags, 0o600, dir_fd=place), "wb") as file:
                file.write(_header(key) + hashlib.sha256(content).digest())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, _name(key), src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            _remove(place, unfinished)
            raise
        _keep_small(place)


def usage() -> tuple[int, int]:
    """Return how many programs are kept, and how many bytes they have.

    Raises:
        Refused: a folder that somebody else may have written.
    """
    with opened(create=False) as place:
        found = [] if place is None else [one for _, one in _entries(place, _PROGRAM)]
    return len(found), sum(one.st_size for one in found)


def clear() -> tuple[int, int]:
    """Remove all programs, and return how many these were, and how many bytes they had.

    Other files stay: the folder may be one that holds more.

    Raises:
        Refused: a folder that somebody else may have written.
    """
    number = size = 0
    with opened(create=False) as place:
        if place is None:
            return 0, 0
        for pattern in (_PROGRAM, _UNFINISHED):
            for name, found in _entries(place, pattern):
                os.unlink(name, dir_fd=place)
                number, size = number + 1, size + found.st_size
    return number, size


def _read_file(place: int, name: str) -> bytes:
    path = (folder() or Path()) / name
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=place)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise Refused(
                f"{path} is a symbolic link: expected a file: run rm {path}, or set "
                f"{VARIABLE}={OFF}"
            ) from None
        raise
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(
                f"{path} is no file: expected a compiled program: run rm {path}, or set "
                f"{VARIABLE}={OFF}"
            )
        check(found, path, f"run rm {path}")
        # The least recently used are removed first.
        with suppress(OSError):
            os.utime(file)
        with os.fdopen(os.dup(file), "rb") as whole:
            return whole.read()
    finally:
        os.close(file)


def _keep_small(place: int) -> None:
    """Remove the least recently used programs beyond the limit, and what was never finished."""
    programs = sorted(_entries(place, _PROGRAM), key=lambda one: one[1].st_mtime)
    total = sum(found.st_size for _, found in programs)
    for name, found in programs:
        if total <= LARGEST:
            break
        _remove(place, name)
        total -= found.st_size
    for name, found in _entries(place, _UNFINISHED):
        if found.st_mtime < time.time() - _ABANDONED:
            _remove(place, name)


def _entries(place: int, pattern: re.Pattern[str]) -> list[tuple[str, os.stat_result]]:
    """Return the files of such names; others may remove some meanwhile."""
    found = []
    with os.scandir(place) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found


def _remove(place: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=place)


def _name(key: str) -> str:
    return f"{key}.program"


def _header(key: str) -> bytes:
    return _FORMAT + key.encode() + b"\n"
