"""A command as one of several hosts: how it joins them, and how it parts."""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from jax_logreg._jax.guard import LOST, LOST_LINE, guard
from jax_logreg.cli.signals import Interrupted, Saved
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import MissingExtra
from jax_logreg.hosts import (
    PATIENCE,
    Agreed,
    check_address,
    connect,
    count,
    disconnect,
    index,
    is_loss,
    most,
)

# The other hosts end with host 0. It waits so many seconds for them to print their own line.
_GRACE = 1


@contextmanager
def join(hosts: str | None, coordinator: str | None, host_id: int | None) -> Iterator[None]:
    """Connect to the hosts that the options name, if any, and part at the end.

    Raises:
        InputError: options that do not go together, hosts that cannot be reached.
    """
    options = _addresses(hosts, coordinator, host_id)
    if options is None:
        yield
        return
    guard(PATIENCE)
    try:
        connect(*options)
        _meet()
        yield
        disconnect()
    except (Agreed, Saved):
        # All hosts are here.
        disconnect()
        raise
    except (InputError, MissingExtra) as error:
        _leave(str(error), 2)
    except Interrupted as signal:
        _leave(str(signal), 128 + signal.number)
    except Exception as error:
        if is_loss(error):
            _leave(LOST_LINE, LOST)
        traceback.print_exc()
        _leave("", 1)


def _addresses(
    hosts: str | None, coordinator: str | None, host_id: int | None
) -> tuple[str | None, int | None, int | None] | None:
    if hosts is None:
        if coordinator is not None or host_id is not None:
            check_address(coordinator, None, host_id)
        return None
    if hosts == "auto":
        if coordinator is not None or host_id is not None:
            raise InputError(
                "--hosts auto asks the cluster for the addresses: leave --coordinator and "
                "--host-id out, or pass --hosts N"
            )
        return None, None, None
    if not hosts.isdecimal():
        raise InputError(f"--hosts is {hosts!r}: expected auto, or the number of hosts")
    check_address(coordinator, int(hosts), host_id)
    return coordinator, int(hosts), host_id


def _meet() -> None:
    """Exchange a first message, with stdout closed: Gloo prints a line about it."""
    sys.stdout.flush()
    stdout, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        most(0)
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)


def _leave(message: str, code: int) -> None:
    """Print a message and end this host at once: an ordinary exit would wait for the others."""
    for line in message.splitlines():
        print(f"jax-logreg: {line}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    if count() > 1 and index() == 0 and code != LOST:
        time.sleep(_GRACE)
    os._exit(code)
