"""Messages between hosts: all of them call each function here at the same point."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jax_logreg._jax.messages import means_lost_host
from jax_logreg.errors import InputError
from jax_logreg.shapes import T

# Bytes that are exchanged at once; a longer message takes a second exchange.
_SHORT = 4096
_ERROR = "error"
# Arrays, numbers and texts by name.
Message = Mapping[str, object]


class Agreed(InputError):
    """An InputError that all hosts raise at the same point."""


def count() -> int:
    """Return the number of connected hosts; 1 for a process alone."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def index() -> int:
    """Return the number of this host, from 0."""
    return jax.process_index() if jax.distributed.is_initialized() else 0


def share(make: Callable[[], Message]) -> list[dict[str, np.ndarray]]:
    """Return the messages of all hosts, arrays and texts by name; all hosts have to call this.

    Raises:
        InputError: `make` raised it on some host; all hosts raise that of the first such host.
    """
    try:
        own = dict(make())
    except InputError as error:
        if count() == 1:
            raise
        own = {_ERROR: str(error)}
    if count() == 1:
        return [{name: np.asarray(value) for name, value in own.items()}]
    heard = [_unpack(content) for content in _exchange(_pack(own))]
    errors = {host: str(one[_ERROR]) for host, one in enumerate(heard) if _ERROR in one}
    if errors:
        host, line = next(iter(errors.items()))
        alike = len(errors) == len(heard) and len(set(errors.values())) == 1
        raise Agreed(line if alike else f"host {host}: {line}")
    return heard


def together(act: Callable[[], T]) -> T:
    """Return what `act` returns on this host; if one host refuses, all refuse with its line.

    Raises:
        InputError: as of `share`.
    """
    made: list[T] = []

    def make() -> Message:
        made.append(act())
        return {}

    share(make)
    return made[0]


def most(*numbers: int) -> tuple[int, ...]:
    """Return the largest value over all hosts of each number; numbers are below 2**31."""
    if count() == 1:
        return numbers
    own = np.array(numbers, np.int32)
    everyone = np.asarray(multihost_utils.process_allgather(own)).reshape(-1, len(numbers))
    return tuple(int(number) for number in everyone.max(axis=0))


def add_up(numbers: object) -> np.ndarray:
    """Return the sums of an array over all hosts."""
    own = np.asarray(numbers)
    return np.sum([one["sums"] for one in share(lambda: {"sums": own})], axis=0)


def spans(array: object) -> bool:
    """Return whether parts of an array, or of the outline of one, lie on other hosts."""
    place = getattr(array, "sharding", None)
    return place is not None and not place.is_fully_addressable


def agree(**settings: object) -> None:
    """Refuse settings that differ between the hosts (InputError)."""
    heard = share(lambda: {name: str(value) for name, value in settings.items()})
    for name in settings:
        for host, one in enumerate(heard):
            if str(one[name]) != str(heard[0][name]):
                raise Agreed(
                    f"{name} is {str(one[name])[:60]} on host {host}, but "
                    f"{str(heard[0][name])[:60]} on host 0: expected the same on all hosts"
                )


def is_loss(error: Exception) -> bool:
    """Return whether JAX raised an error because another host is gone."""
    failed = isinstance(error, RuntimeError | ValueError) and not isinstance(error, InputError)
    return count() > 1 and failed and means_lost_host(error)


def _pack(own: Message) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in own.items()}
    np.savez(file, **arrays)
    return file.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _exchange(own: bytes) -> list[bytes]:
    """Return the bytes of all hosts."""
    head = len(own).to_bytes(8, "little")
    short = _gathered((head + own)[:_SHORT], _SHORT)
    sizes = [int.from_bytes(one[:8].tobytes(), "little") for one in short]
    longest = max(sizes)
    if longest <= _SHORT - 8:
        everyone = [one[8:] for one in short]
    else:
        # Powers of 2: each length of its own would compile a program of its own.
        everyone = list(_gathered(own, 1 << (longest - 1).bit_length()))
    return [one[:size].tobytes() for one, size in zip(everyone, sizes, strict=True)]


def _gathered(own: bytes, size: int) -> np.ndarray:
    padded = np.zeros(size, np.uint8)
    padded[: len(own)] = np.frombuffer(own, np.uint8)
    return np.asarray(multihost_utils.process_allgather(padded)).reshape(-1, size)
