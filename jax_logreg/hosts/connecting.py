"""Several hosts connected to one program, by JAX's own engine."""

import os
import socket
import time
from typing import Any

import jax

from jax_logreg.errors import InputError

# Seconds that a host may be silent before the others end.
HEARTBEAT = 20
# Seconds that all hosts have to come.
PATIENCE = 60


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
