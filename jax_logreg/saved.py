"""The file of a saved run: its name, what it holds, and how it is known to be whole."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jax_logreg.extras import needs
from jax_logreg.memory import check_room

with needs("run"):
    import safetensors.numpy

_FORMAT = "jax_logreg checkpoint 2"
# As many numbers are shown by themselves, more by their digest.
_FEW = 10
NAME = re.compile(
    r"(?P<part>\w+?)(?:_host(?P<host>\d+)of(?P<hosts>\d+))?"
    r"-(?P<number>\d+)-(?P<digest>[0-9a-f]{32})\.safetensors"
)


class Saved(NamedTuple):
    """What a file holds: arrays by name, and what is computed."""

    arrays: dict[str, Any]
    name: str


def pack(saved: Saved) -> bytes:
    """The content of the file."""
    texts = {"format": _FORMAT, "name": saved.name}
    arrays = {key: np.asarray(value, order="C") for key, value in saved.arrays.items()}
    return safetensors.numpy.save(arrays, texts)


def file_name(part: str, number: int, content: bytes) -> str:
    """Its name: which part of a run, the number of the save, and the digest of the bytes."""
    return f"{part}-{number:06d}-{digest(content)}.safetensors"


def number_of(path: Path) -> int:
    """How many states of its part were saved before it."""
    return int(path.name.split("-")[1])


def digest(content: bytes) -> str:
    """BLAKE2 of the bytes, in hexadecimal."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def describe(given: Any) -> str:
    """What a run is told, in one line: texts and numbers as they are, else a digest."""
    if isinstance(given, type):
        return given.__name__
    leaves = jax.tree.leaves(given)
    if all(isinstance(leaf, str | int | float | bool | None) for leaf in leaves):
        return repr(given)
    kind, arrays = type(given).__name__, [np.asarray(leaf) for leaf in leaves]
    if sum(array.size for array in arrays) <= _FEW:
        return f"{kind} of " + ", ".join(str(array.tolist()) for array in arrays)
    shapes = " and ".join(str(array.shape) for array in arrays)
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return f"{kind} of shape {shapes} and digest {digest(content)}"


def read_saved(path: Path) -> Saved:
    """What a whole file holds; a ValueError says what is wrong with another."""
    check_room(str(path), path.stat().st_size)
    content = path.read_bytes()
    matched = NAME.fullmatch(path.name)
    if matched is None or digest(content) != matched["digest"]:
        raise ValueError("its bytes are not those that were written")
    try:
        size = int.from_bytes(content[:8], "little")
        texts = json.loads(content[8 : 8 + size])["__metadata__"]
        saved = Saved(safetensors.numpy.load(content), texts["name"])
    # Its digest fits, but what made it was not this class.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"it is no saved state: {reason}") from None
    if texts.get("format") != _FORMAT:
        raise ValueError(f"its format is another: expected {_FORMAT}")
    if not saved.arrays:
        raise ValueError("it is no saved state: it holds no arrays")
    return saved
