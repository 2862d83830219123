"""The file of a saved run: its name, what it holds, and how it is known to be whole."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.extras import needs
from jax_logreg.memory import check_room
from jax_logreg.status import Status

with needs("run"):
    import safetensors.numpy

_FORMAT = "jax_logreg checkpoint 1"
NAME = re.compile(r"(?P<part>\w+)-(?P<number>\d+)-(?P<digest>[0-9a-f]{32})\.safetensors")
WHERE = ("before", "restarts", "step", "status")


class Saved(NamedTuple):
    """What a file holds: arrays by name, what is computed, and where the run is."""

    arrays: dict[str, Any]
    name: str
    where: dict[str, int]


def pack(saved: Saved) -> bytes:
    """The content of the file."""
    texts = {"format": _FORMAT, "name": saved.name}
    texts |= {key: str(number) for key, number in saved.where.items()}
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
        saved = Saved(
            safetensors.numpy.load(content),
            texts["name"],
            {key: int(texts[key]) for key in WHERE},
        )
        history = saved.arrays["history"]
        Status(saved.where["status"])
    # Its digest fits, but what made it was not this class.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"it is no saved state: {reason}") from None
    if texts.get("format") != _FORMAT:
        raise ValueError(f"its format is another: expected {_FORMAT}")
    if history.ndim != 2 or len(history) != 4 or min(saved.where.values()) < 0:
        raise ValueError(f"its history of shape {history.shape} is none")
    return saved
