"""Paths of this machine, and addresses of the web, which are refused."""

import re
from pathlib import Path

from jax_logreg.errors import InputError

# A scheme has two letters at least: one is a drive of Windows. A Path keeps one slash of two.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)


def check_local(path: Path) -> None:
    """Refuse an address of the web or of a store, as it is no file here (InputError)."""
    found = _ADDRESS.fullmatch(str(path))
    if found is None or path.exists():
        return
    scheme, rest = found[1].lower(), found[2]
    if scheme == "file":
        raise InputError(f"file:///{rest} is an address: expected a path: write /{rest}")
    raise InputError(
        f"{scheme}://{rest} is an address, not a file of this machine: expected a path: download "
        "the file first, and name it"
    )
