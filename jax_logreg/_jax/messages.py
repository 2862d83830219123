"""Errors of XLA that only their texts distinguish, and its log of them.

All are of one class, without a code: https://github.com/openxla/xla/issues/23
Errors that a callback raises are too: https://github.com/jax-ml/jax/issues/26102
"""

import logging
import re

# JAX has no MemoryError: the memory of a device is exhausted.
_EXHAUSTED = ("RESOURCE_EXHAUSTED", "Out of memory")
# A collective failed because a host is gone.
_LOSSES = ("Gloo", "gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "oordination")
# The first line of an error of JAX's C++; then its words for hosts that are gone, or never came.
_CRASH = re.compile(rb"[EF]\d{4} \d\d:\d\d:\d\d|\*\*\* |Fatal Python error")
_GONE = (b"distributed service", b"coordination service", b"CoordinationService", b"Gloo")
_NEVER = (b"RegisterTask", b"Wait_for_all_tasks_to_register")


def means_out_of_memory(error: Exception) -> bool:
    """Return whether the memory of a device has run out."""
    return any(mark in str(error) for mark in _EXHAUSTED)


def means_lost_host(error: Exception) -> bool:
    """Return whether a collective failed because another host is gone."""
    return any(mark in str(error) for mark in _LOSSES)


def begins_crash(line: bytes) -> bool:
    """Return whether a line of stderr is the first of an error in C++."""
    return _CRASH.match(line) is not None


def says_gone(stderr: bytes) -> bool:
    """Return whether hosts were lost, by the stderr of C++."""
    return any(mark in stderr for mark in _GONE)


def says_never_came(stderr: bytes) -> bool:
    """Return whether hosts never came, by the stderr of C++."""
    return any(mark in stderr for mark in _NEVER)


def hide_errors_of_callbacks(kind: type[Exception]) -> None:
    """Keep JAX from logging a traceback of a callback that raises an error of this kind."""

    def unknown(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], kind))

    logging.getLogger("jax._src.callback").addFilter(unknown)
