"""Forks of a process in which JAX has computed, where a program would wait for ever.

JAX has threads then, which a fork does not: https://github.com/jax-ml/jax/pull/18989 warns of it.
"""

import os

from jax._src import xla_bridge

from jax_logreg.errors import InputError

_MEND = (
    "start processes by 'spawn' or 'forkserver', with joblib by backend='loky', or fork before "
    "anything is fitted"
)


class _Fork:
    """The state of JAX at the last fork, in the parent, and whether this process is its child."""

    computed = False
    stranded = False

    @classmethod
    def look(cls) -> None:
        cls.computed = xla_bridge.backends_are_initialized()

    @classmethod
    def begin(cls) -> None:
        cls.stranded = cls.stranded or cls.computed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Fork.look, after_in_child=_Fork.begin)


def check_process() -> None:
    """Refuse to compute in a fork of a process in which JAX has computed.

    Raises:
        InputError: it would wait for ever for threads that it does not have.
    """
    if _Fork.stranded:
        raise InputError(
            f"this process is a fork of one in which JAX has computed, without its threads: {_MEND}"
        )
