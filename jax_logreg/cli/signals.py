"""Ctrl-C and SIGTERM, which end a command at once, or after its run is saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jax_logreg.checkpoint import Checkpoint, Stopped

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The end of a command by a signal; the message names what is left of its work."""

    def __init__(self, number: int, left: str = "no folder was written") -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(f"stopped by {name}: {left}")
        self.number = number


class Saved(Interrupted):
    """The end of a run that a signal stopped, and that is saved, on all hosts at once."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted at a signal."""

    def interrupt(number: int, _: object) -> None:
        raise Interrupted(number)

    try:
        with _handled_by(interrupt):
            yield
    except KeyboardInterrupt:
        raise Interrupted(signal.SIGINT) from None


@contextmanager
def stopping(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Let a run save itself at a signal, and end it; a second signal does not wait for that.

    Raises:
        Interrupted: the run is saved, or a second signal came.
    """
    if checkpoint is None:
        yield
        return
    asked: list[int] = []

    def stop(number: int, _: object) -> None:
        if asked:
            raise Interrupted(number, _left(checkpoint, "not saved once more"))
        asked.append(number)
        checkpoint.stop(number)

    try:
        with _handled_by(stop):
            yield
    except Stopped as stopped:
        raise Saved(stopped.signal, _left(checkpoint, f"saved after {stopped.where}")) from None


def _left(checkpoint: Checkpoint, how: str) -> str:
    return f"{how}: resume with --resume, from {checkpoint.folder}"


@contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Send signals to a handler; threads other than the first cannot have one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
