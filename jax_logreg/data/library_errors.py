"""Errors of the libraries that read files, in one line that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jax_logreg.errors import InputError
from jax_logreg.errors.extras import MissingExtra


@contextmanager
def library_errors(path: Path) -> Iterator[None]:
    """Turn any error that a library raises at a file into an InputError of one line.

    InputError and MissingExtra pass as they are.

    Raises:
        InputError: the file cannot be read, is damaged, or does not fit into memory.
    """
    try:
        yield
    except (InputError, MissingExtra):
        raise
    except MemoryError:
        raise InputError(f"{path} does not fit into memory, or is damaged") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or _first_line(error)}") from None
    # A damaged file makes the libraries raise errors of nearly any class.
    except Exception as error:
        kind = path.suffix or "folder of pictures"
        raise InputError(f"{path} is damaged, or no {kind}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
