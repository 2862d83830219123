"""The memory of the machine, and one line for an array that would not fit."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from jax_logreg._jax.messages import means_out_of_memory
from jax_logreg.errors import InputError

# Bytes that any process has room for: finding out how much memory there is reads files.
_NOTHING = 2**20
# The limit of a container, by either version of its control groups.
_CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory() -> float:
    """Return the memory in bytes, the least of machine, container and process; inf if unknown."""
    limits = [math.inf]
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _CONTAINER:
        try:
            limits.append(int(Path(path).read_text()))
        # Not there, or "max".
        except (OSError, ValueError):
            continue
    try:
        import resource
    except ModuleNotFoundError:
        return min(limits)
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min([*limits, *([] if limit == resource.RLIM_INFINITY else [limit])])


def check_room(what: str, size: int) -> None:
    """Refuse to allocate more than half of the memory: a copy has to fit beside it.

    Args:
        what: the words for what a file or a config declares.
        size: its bytes.

    Raises:
        InputError: it is larger than that; nothing has been allocated yet.
    """
    if size <= _NOTHING:
        return
    there = machine_memory()
    if 2 * size > there:
        raise InputError(
            f"{what} would take {min(size, 10**99) / 1e9:.3g} GB of memory: "
            f"expected at most half of the {there / 1e9:.3g} GB there are: take fewer or smaller"
        )


@contextmanager
def within_memory() -> Iterator[None]:
    """Turn an error of memory that has run out, here or on a device, into an InputError."""
    try:
        yield
    except MemoryError as error:
        raise InputError(_exhausted(error)) from None
    except jax.errors.JaxRuntimeError as error:
        if not means_out_of_memory(error):
            raise
        raise InputError(_exhausted(error)) from None


def _exhausted(error: Exception) -> str:
    reason = (str(error).splitlines() or ["no more is available"])[0]
    return f"out of memory: {reason}: take fewer examples, features, models or steps kept"
