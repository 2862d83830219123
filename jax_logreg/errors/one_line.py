"""Messages of one line, whatever characters the names and values of a file have."""

from collections.abc import Iterator
from contextlib import contextmanager

from jax_logreg.errors import InputError

_HEAD, _TAIL = 600, 200


@contextmanager
def one_line() -> Iterator[None]:
    """Escape and shorten the message of an InputError; also a decorator.

    Raises:
        InputError: the same, without line breaks or control characters, 800 characters at most.
    """
    try:
        yield
    except InputError as error:
        raise type(error)(printable(str(error))) from None


def printable(message: str) -> str:
    """Return the message escaped; one of over 800 characters loses its middle."""
    if len(message) > 2 * (_HEAD + _TAIL):
        message = message[: _HEAD + _TAIL] + message[-_HEAD - _TAIL :]
    message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
    if len(message) > _HEAD + _TAIL:
        # The end holds the mend.
        message = f"{message[: _HEAD - 5]} ... {message[-_TAIL:]}"
    return message
