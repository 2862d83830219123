"""Several hosts as one program: their connection by JAX's own engine, and their messages.

A host is a process with devices of its own. Each runs the same program on its part of the examples.
"""

from jax_logreg.hosts.connecting import HEARTBEAT, PATIENCE, check_address, connect, disconnect
from jax_logreg.hosts.exchange import (
    Agreed,
    add_up,
    agree,
    count,
    index,
    is_loss,
    most,
    share,
    spans,
    together,
)

__all__ = [
    "HEARTBEAT",
    "PATIENCE",
    "Agreed",
    "add_up",
    "agree",
    "check_address",
    "connect",
    "count",
    "disconnect",
    "index",
    "is_loss",
    "most",
    "share",
    "spans",
    "together",
]
