"""The connection of several hosts to one program, by JAX's own engine."""

import os
import socket
import time

import jax

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer

# Seconds that a host may be silent before the others end.
HEARTBEAT = 20
# Seconds within which all hosts have to connect.
PATIENCE = 60


def connect(
    coordinator: str | None = None,
    hosts: int | None = None,
    host_id: int | None = None,
    *,
    patience: int = PATIENCE,
    heartbeat: int = HEARTBEAT,
) -> None:
    """Become one of several hosts, before anything is computed.

    Without addresses JAX looks for them in its cluster: Slurm, Open MPI, Kubernetes, TPU pods.

    Args:
        coordinator: the address of host 0 and a free port there, "10.0.0.1:1234".
        hosts: the number of hosts.
        host_id: the number of this host, from 0.
        patience: seconds within which all hosts have to connect.
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
        raise InputError(
            f"the hosts cannot be connected: {reason}: expected the same --coordinator and --hosts "
            "on all of them, another --host-id on each, and nothing computed before"
        ) from None


def disconnect() -> None:
    """Part from the other hosts, once all of them have called this."""
    jax.distributed.shutdown()


def check_address(coordinator: object, hosts: object, host_id: object) -> tuple[str, int]:
    """Return the name and the port of the coordinator.

    Raises:
        InputError: an address or a number is missing, of another kind, or out of range.
    """
    for name, value in (("coordinator", coordinator), ("hosts", hosts), ("host-id", host_id)):
        if value is None:
            raise InputError(
                f"--{name} is missing: expected --coordinator ADDRESS:PORT --hosts N --host-id I, "
                "or --hosts auto alone"
            )
    name, _, port = str(coordinator).rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(
            f"--coordinator is {brief(coordinator)}: expected the address of host 0 and a free "
            "port there, for example 10.0.0.1:1234"
        )
    if not is_integer(hosts) or not is_integer(host_id) or not 0 <= host_id < hosts:
        raise InputError(
            f"--host-id is {brief(host_id)} and --hosts {brief(hosts)}: expected a --host-id from "
            "0 to N - 1, another for each of the N hosts"
        )
    return name.strip("[]"), int(port)


def _check_port(port: int) -> None:
    """Refuse a port that another process listens on (InputError): JAX would crash, or share it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError as error:
            raise InputError(
                f"--coordinator names port {port}, but this host cannot listen on it: "
                f"{os.strerror(error.errno or 0)}: name another port, the same on all hosts"
            ) from None


def _await(address: tuple[str, int], patience: float) -> None:
    """Wait until host 0 listens: without it JAX would abort.

    Raises:
        InputError: host 0 does not answer within `patience` seconds.
    """
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
                f"{reason}: start it there with --host-id 0, and open that port in its firewall"
            )
        time.sleep(0.1)
