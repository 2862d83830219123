"""One line that names the missing extra, wherever an optional library is imported."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtra(ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Guard the imports of an optional library.

    Raises:
        MissingExtra: a module is not installed; the one line has the command of pip.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("jax_logreg"):
            raise
        raise MissingExtra(
            f"{error.name} is not installed: it comes with the [{extra}] extra: "
            f"pip install 'jax_logreg[{extra}]'"
        ) from None
