"""The file of a saved run: its name, its content, and the digest that proves it whole."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from jax_logreg.errors.describing import digest
from jax_logreg.errors.extras import needs
from jax_logreg.placement.devices import own_shape
from jax_logreg.placement.memory import check_room
from jax_logreg.shapes import T

with needs("run"):
    import safetensors.numpy

_FORMAT = "jax_logreg checkpoint 3"
# Leaves of L-BFGS that earlier files name otherwise.
_RENAMED = {
    "metric": "preconditioner",
    "divided": "preconditioned",
    "last_divided": "last_preconditioned",
    "changes_divided": "changes_preconditioned",
}
NAME = re.compile(
    r"(?P<part>\w+?)(?:_host(?P<host>\d+)of(?P<hosts>\d+))?"
    r"-(?P<number>\d+)-(?P<digest>[0-9a-f]{32})\.safetensors"
)


class Saved(NamedTuple):
    """The content of a file: arrays by name, and the problem that they belong to."""

    arrays: dict[str, np.ndarray]
    name: str


def pack(saved: Saved) -> bytes:
    """Return the bytes of the file."""
    texts = {"format": _FORMAT, "name": saved.name}
    return safetensors.numpy.save(saved.arrays, texts)


def file_name(part: str, number: int, content: bytes) -> str:
    """Return its name: the part of a run, the number of the save, the digest of the bytes."""
    return f"{part}-{number:06d}-{digest(content)}.safetensors"


def number_of(path: Path) -> int:
    """Return the number of a saved state in its part."""
    return int(path.name.split("-")[1])


def read_saved(path: Path) -> Saved:
    """Return the content of a whole file; a ValueError says why a file is damaged."""
    check_room(str(path), path.stat().st_size)
    content = path.read_bytes()
    matched = NAME.fullmatch(path.name)
    if matched is None or digest(content) != matched["digest"]:
        raise ValueError("its bytes are not those that were written")
    try:
        size = int.from_bytes(content[:8], "little")
        texts = json.loads(content[8 : 8 + size])["__metadata__"]
        saved = Saved(safetensors.numpy.load(content), texts["name"])
    # Another program may have written a file whose digest fits.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"it is no saved state: {reason}") from None
    if texts.get("format") != _FORMAT:
        raise ValueError(f"its format is another: expected {_FORMAT}")
    if not saved.arrays:
        raise ValueError("it is no saved state: it holds no arrays")
    return saved


def by_name(state: object) -> dict[str, object]:
    """The leaves of a state by their place in it."""
    return {keystr(place): leaf for place, leaf in tree_flatten_with_path(state)[0]}


def rebuild(arrays: dict[str, np.ndarray], like: T) -> T | None:
    """The state of these leaves, in NumPy, of the shapes of another; None where it has others."""
    names = by_name(like)
    if set(arrays) != set(names):
        arrays = {_renamed(key): value for key, value in arrays.items()}
    if set(arrays) != set(names) or not all(_fits(arrays[key], names[key]) for key in names):
        return None
    # Python's own numbers stay Python's.
    leaves = (
        int(arrays[key]) if isinstance(leaf, int) else arrays[key] for key, leaf in names.items()
    )
    state: T = jax.tree.unflatten(jax.tree.structure(like), leaves)
    return state


def _renamed(key: str) -> str:
    return re.sub(r"(?<=\.)\w+", lambda name: _RENAMED.get(name[0], name[0]), key)


def _fits(found: np.ndarray, like: object) -> bool:
    """Return whether an array has the other's dtype and shape, an axis of length 0 being free."""
    shape = own_shape(like)
    return (
        found.dtype == getattr(like, "dtype", np.dtype(int))
        and found.ndim == len(shape)
        and all(size in (0, new) for size, new in zip(shape, found.shape, strict=True))
    )


def in_order(content: bytes) -> bytes:
    """A safetensors file whose texts are sorted: safetensors saves them in no fixed order."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]
