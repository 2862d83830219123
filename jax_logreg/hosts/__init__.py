"""Several hosts as one program: connected by JAX's own engine, and what they tell each other.

Each host, a process with devices of its own, runs the same program on its part of the examples.
"""

import io
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jax_logreg._jax.messages import means_lost_host
from jax_logreg.errors import InputError

# Seconds that a host may be silent before the others end.
HEARTBEAT = 20
# Seconds that all hosts have to come.
PATIENCE = 60
# Bytes that are exchanged at once; what is longer takes a second exchange.
_SHORT = 4096
_ERROR = "error"
Told = Mapping[str, Any]


class Agreed(InputError):
    """An InputError that all hosts raise at the same point."""


def connect(
    coordinator: str | None = None,
    hosts: int | None = None,
    host_id: int | None = None,
    *,
    patience: int = PATIENCE,
    heartbeat: int = HEARTBEAT,
) -> None:
    """Become one of several hosts, before anything is computed; without addresses JAX looks for
    them in its cluster: Slurm, Open MPI, Kubernetes, TPU pods.

    Args:
        coordinator: the address of host 0 and a free port there, "10.0.0.1:1234".
        hosts: how many.
        host_id: which of them this is, from 0.
        patience: seconds that all hosts have to come.
        heartbeat: seconds of silence after which a host counts as lost, which ends the others.

    Raises:
        InputError: addresses that are incomplete, a port in use, a host that does not answer.
    """
    waiting = time.monotonic() + patience
    if (coordinator, hosts, host_id) != (None, None, None):
        address = check_address(coordinator, hosts, host_id)
        if host_id == 0:
            _check_port(address[1])
        else:
            _await(address, patience)
    # Its handler of SIGTERM would take the place of the caller's.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            hosts,
            host_id,
            initialization_timeout=max(1, int(waiting - time.monotonic())),
            heartbeat_timeout_seconds=heartbeat,
            shutdown_timeout_seconds=heartbeat,
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        if coordinator is None and isinstance(error, ValueError):
            raise InputError(
                "no cluster was detected (Slurm, Open MPI, Kubernetes, TPU pods): name its hosts: "
                "--coordinator ADDRESS:PORT --hosts N --host-id I"
            ) from None
        raise InputError(f"the hosts cannot be connected: {reason}") from None


def disconnect() -> None:
    """Part from the other hosts, once all of them are at this point."""
    jax.distributed.shutdown()


def check_address(coordinator: Any, hosts: Any, host_id: Any) -> tuple[str, int]:
    """Name and port of the coordinator; what is incomplete or out of range is an InputError."""
    for name, value in (("coordinator", coordinator), ("hosts", hosts), ("host-id", host_id)):
        if value is None:
            raise InputError(
                f"--{name} is missing: expected --coordinator ADDRESS:PORT --hosts N --host-id I, "
                "or --hosts auto alone"
            )
    name, _, port = coordinator.rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(
            f"--coordinator is {coordinator!r}: expected the address of host 0 and a free port "
            "there, for example 10.0.0.1:1234"
        )
    if hosts < 1 or not 0 <= host_id < hosts:
        raise InputError(
            f"--host-id is {host_id} and --hosts {hosts}: expected one from 0 to N - 1 for each"
        )
    return name.strip("[]"), int(port)


def count() -> int:
    """How many hosts are connected; 1 where none are."""
    return jax.process_count() if jax.distributed.is_initialized() else 1


def index() -> int:
    """Which of them this is, from 0."""
    return jax.process_index() if jax.distributed.is_initialized() else 0


def share(tell: Callable[[], Told]) -> list[dict[str, np.ndarray]]:
    """What each host tells the others, arrays and texts by name; all have to call this.

    Raises:
        InputError: that of the first host whose `tell` raised one, on all of them.
    """
    try:
        told = dict(tell())
    except InputError as error:
        if count() == 1:
            raise
        told = {_ERROR: str(error)}
    if count() == 1:
        return [{name: np.asarray(value) for name, value in told.items()}]
    heard = [_unpack(content) for content in _exchange(_pack(told))]
    errors = {host: str(one[_ERROR]) for host, one in enumerate(heard) if _ERROR in one}
    if errors:
        host, line = next(iter(errors.items()))
        alike = len(errors) == len(heard) and len(set(errors.values())) == 1
        raise Agreed(line if alike else f"host {host}: {line}")
    return heard


def together(act: Callable[[], Any]) -> Any:
    """What `act` returns; what one host refuses, all refuse, with the same line."""
    made = []

    def tell() -> Told:
        made.append(act())
        return {}

    share(tell)
    return made[0]


def most(*numbers: int) -> tuple[int, ...]:
    """The largest of each number, which are below 2**31, that some host has."""
    if count() == 1:
        return numbers
    own = np.array(numbers, np.int32)
    everyone = np.asarray(multihost_utils.process_allgather(own)).reshape(-1, len(numbers))
    return tuple(int(number) for number in everyone.max(axis=0))


def add_up(numbers: Any) -> np.ndarray:
    """The sums over all hosts."""
    own = np.asarray(numbers)
    return np.sum([one["sums"] for one in share(lambda: {"sums": own})], axis=0)


def spans(array: Any) -> bool:
    """Whether parts of an array, or of one that is outlined, lie on other hosts."""
    place = getattr(array, "sharding", None)
    return place is not None and not place.is_fully_addressable


def agree(**settings: Any) -> None:
    """Refuse settings that are not the same on all hosts (InputError)."""
    heard = share(lambda: {name: str(value) for name, value in settings.items()})
    for name in settings:
        for host, one in enumerate(heard):
            if str(one[name]) != str(heard[0][name]):
                raise Agreed(
                    f"{name} is {str(one[name])[:60]} on host {host}, but "
                    f"{str(heard[0][name])[:60]} on host 0: expected the same on all hosts"
                )


def is_loss(error: Exception) -> bool:
    """Whether JAX raised it because another host is gone."""
    failed = isinstance(error, RuntimeError | ValueError) and not isinstance(error, InputError)
    return count() > 1 and failed and means_lost_host(error)


def _pack(told: Told) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in told.items()}
    np.savez(file, **arrays)
    return file.getvalue()


def _unpack(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _exchange(own: bytes) -> list[bytes]:
    """The bytes of all hosts."""
    head = len(own).to_bytes(8, "little")
    short = _gathered((head + own)[:_SHORT], _SHORT)
    sizes = [int.from_bytes(one[:8].tobytes(), "little") for one in short]
    longest = max(sizes)
    if longest <= _SHORT - 8:
        everyone = [one[8:] for one in short]
    else:
        # Lengths of few kinds make few programs.
        everyone = list(_gathered(own, 1 << (longest - 1).bit_length()))
    return [one[:size].tobytes() for one, size in zip(everyone, sizes, strict=True)]


def _gathered(own: bytes, size: int) -> np.ndarray:
    padded = np.zeros(size, np.uint8)
    padded[: len(own)] = np.frombuffer(own, np.uint8)
    return np.asarray(multihost_utils.process_allgather(padded)).reshape(-1, size)


def _check_port(port: int) -> None:
    """Refuse a port that someone listens at: JAX would crash, or share it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError as error:
            raise InputError(
                f"port {port} of this host cannot be listened at: {os.strerror(error.errno or 0)}: "
                "name another with --coordinator, the same on all hosts"
            ) from None


def _await(address: tuple[str, int], patience: float) -> None:
    """Wait until host 0 listens: JAX would abort where it does not come."""
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(address, timeout=max(0.1, until - time.monotonic())).close()
            return
        except OSError as error:
            reason = error.strerror or str(error)
        if time.monotonic() >= until:
            raise InputError(
                f"host 0 does not answer at {address[0]}:{address[1]} within {patience:g} s: "
                f"{reason}: start it there with --host-id 0, and let that port through"
            )
        time.sleep(0.1)
