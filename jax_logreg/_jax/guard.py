"""A host's guard: it watches the process that computes, and reports its end in one line.

JAX aborts a process whose coordinator or neighbour is gone, from C++, with a stack trace. No
handler inside that process can stop it: https://github.com/jax-ml/jax/pull/39095 documents it. So a
child does the work, and the parent waits. It forks before JAX has threads, as a fork beside them
may deadlock: https://github.com/jax-ml/jax/pull/18989
"""

import os
import signal
import sys
import threading
import warnings
from types import FrameType

from jax_logreg._jax.messages import begins_crash, says_gone, says_never_came
from jax_logreg.errors import InputError

# sysexits.h calls it a temporary failure: the user is invited to try again.
LOST = 75
_OURS = b"jax-logreg: "
_FORWARDED = (signal.SIGINT, signal.SIGTERM)
_RELAUNCH = "start all hosts again, with --resume to continue from the last saved state"
LOST_LINE = f"another host was lost: {_RELAUNCH}"


def guard(patience: float) -> None:
    """Continue in a child process; the parent stays here, and exits as the child did.

    `patience` is the number of seconds within which all hosts had to connect.

    Raises:
        InputError: a system without fork.
    """
    if not hasattr(os, "fork"):
        raise InputError(
            f"--hosts is given on {sys.platform}: expected a POSIX system, such as Linux or macOS"
        )
    alive, living = os.pipe()
    errors, written = os.pipe()
    with warnings.catch_warnings():
        # JAX has threads only once it has computed.
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(living)
        os.close(errors)
        os.dup2(written, 2)
        os.close(written)
        # Ctrl-C in a terminal is for the guard, which hands it on once.
        os.setpgid(0, 0)
        threading.Thread(target=_end_with_guard, args=(alive,), daemon=True).start()
        return
    os.close(alive)
    os.close(written)
    _hand_on_signals(child)
    held = _relay(errors)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    line, code = _ending(code, held, patience)
    if line is not None:
        os.write(2, _OURS + line.encode() + b"\n")
    elif code not in (0, LOST):
        os.write(2, held)
    sys.stdout.flush()
    os._exit(code)


def _end_with_guard(alive: int) -> None:
    """A killed guard closes its end of the pipe."""
    os.read(alive, 1)
    os._exit(LOST)


def _hand_on_signals(child: int) -> None:
    def hand_on(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, hand_on)


def _relay(errors: int) -> bytes:
    """Pass on the child's lines to stderr; return those from an error of JAX's C++ on."""
    held, crashed = b"", False
    with os.fdopen(errors, "rb") as lines:
        for line in lines:
            if line.startswith(_OURS):
                os.write(2, line)
                continue
            crashed = crashed or begins_crash(line)
            if crashed:
                held += line
            else:
                os.write(2, line)
    return held


def _ending(code: int, held: bytes, patience: float) -> tuple[str | None, int]:
    """Return a line on the child's end, or None, and the guard's exit code."""
    if code >= 0 and code != 1:
        return None, code
    if says_never_came(held):
        return (
            f"the other hosts did not connect within {patience:g} s: start all of them again",
            2,
        )
    if says_gone(held):
        return LOST_LINE, LOST
    if code == -signal.SIGKILL:
        return f"this host's process was killed (out of memory?): {_RELAUNCH}", 128 - code
    return None, code if code > 0 else 128 - code
