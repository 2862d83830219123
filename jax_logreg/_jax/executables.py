"""Executables as bytes, and back: by pickle, as JAX has them.

Only bytes that this user wrote may come here (`cache_folder`): to read them is to run code.
"""

import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import jax

# Where a program calls functions that are not XLA's.
_CALLED = re.compile(r"custom_call @([\w.]+)")


def compiled_with_bytes(lowered: Any, tree: Any) -> tuple[Callable[..., Any], bytes | None]:
    """Compile a program of flat tuples, and return it with its bytes; None where it has none.

    None has a program that calls back to Python, or holds an array; nor one that was not compiled.
    """
    from jax.experimental.serialize_executable import serialize

    with _asked_jax() as asked:
        run = lowered.compile()
    if asked.compiled:
        # JAX raises errors of many kinds for what it makes no bytes of.
        with suppress(Exception):
            called = set(_CALLED.findall(lowered.as_text()))
            if not any("callback" in name for name in called):
                executable, _, outputs = serialize(run)
                calls_lapack = any(name.startswith("lapack") for name in called)
                return run, pickle.dumps((executable, tree, outputs.num_leaves, calls_lapack))
    return run, None


def from_bytes(
    content: bytes, inputs: int, devices: tuple[jax.Device, ...]
) -> tuple[Callable[..., Any], Any]:
    """Return a program of so many inputs, and the structure of its outputs, from its bytes."""
    executable, tree, outputs, calls_lapack = pickle.loads(content)
    if calls_lapack:
        from jaxlib import lapack

        # JAX does so while it lowers a call of it.
        lapack._lapack.initialize()  # type: ignore[attr-defined]
    run = deserialize(
        executable,
        jax.tree.structure(((0,) * inputs, {})),
        jax.tree.structure((0,) * outputs),
        backend=devices[0].client,
        execution_devices=devices,
    )
    return run, tree


def deserialize(*args: Any, **named: Any) -> Callable[..., Any]:
    """Call JAX's function of that name, whose module is imported where it is needed."""
    from jax.experimental.serialize_executable import deserialize_and_load

    found: Callable[..., Any] = deserialize_and_load(*args, **named)
    return found


@dataclass
class _Asked:
    """The events of JAX's own cache while a program was compiled."""

    events: list[str]

    @property
    def compiled(self) -> bool:
        """Return whether XLA compiled the program, rather than JAX's cache having had it.

        The bytes of an executable that was loaded lack functions, and fail once it runs.
        """
        if any(event.endswith("cache_hits") for event in self.events):
            return False
        config: Any = jax.config
        used = config.jax_compilation_cache_dir and config.jax_enable_compilation_cache
        # Where JAX's cache is in use and says nothing, it is not known what it did.
        return not used or any("compilation_cache" in event for event in self.events)


@contextmanager
def _asked_jax() -> Iterator[_Asked]:
    asked = _Asked([])

    def listen(event: str, **_: object) -> None:
        asked.events.append(event)

    jax.monitoring.register_event_listener(listen)
    try:
        yield asked
    finally:
        jax.monitoring.unregister_event_listener(listen)
