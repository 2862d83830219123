"""Compiled functions whose programs outlive the process.

As `jax.jit`, which traces, lowers and compiles again in a second process, or traces and lowers with
JAX's own cache (https://docs.jax.dev/en/latest/persistent_compilation_cache.html). Here a key of
the arguments finds the executable, which is loaded. It takes and gives flat tuples, as functions in
pytrees cannot be pickled. Whatever fails on the way compiles.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any

import jax

from jax_logreg._jax import cache_files, cache_folder
from jax_logreg._jax.cache_key import Unnamed
from jax_logreg._jax.calls import Call, Function, Untaken, devices_of
from jax_logreg._jax.executables import compiled_with_bytes, from_bytes
from jax_logreg._jax.messages import means_out_of_memory

# Programs that this process keeps at hand, as many as JAX's own functions do.
_MOST = 4096
# The bytes of a program that does not load here: no process tries it again.
_UNLOADABLE = b""


@dataclass
class _Program:
    """An executable of flat tuples, and the structure of what it gives.

    One that was loaded has its key here until it has run once.
    """

    run: Callable[..., Any]
    tree: Any
    untried: str | None = None

    def __call__(self, leaves: list[Any]) -> Any:
        given = self.run(*leaves)
        if self.untried is not None:
            jax.block_until_ready(given)
            self.untried = None
        return jax.tree.unflatten(self.tree, given)


class _Found:
    """The programs of this process by the signatures of their calls; None of those JAX compiles."""

    def __init__(self) -> None:
        self._programs: dict[Any, _Program | None] = {}
        self._lock = threading.Lock()
        # Where JAX has no such function, its programs alone are freed.
        with suppress(Exception):
            from jax._src.util import register_cache

            register_cache(self, "programs of jax_logreg")

    def of(self, call: Call) -> _Program | None:
        """Return the program of a call, loaded or compiled at its first."""
        signature, programs = call.signature, self._programs
        with suppress(KeyError):
            return programs[signature]
        made = _make(call)
        with self._lock:
            if len(self._programs) >= _MOST:
                del self._programs[next(iter(self._programs))]
            self._programs[signature] = made
        return made

    def give_up(self, call: Call, program: _Program) -> None:
        """Leave a program that loads, but does not run, to JAX, in this process and others."""
        if program.untried is not None:
            _keep(program.untried, _UNLOADABLE)
        with self._lock:
            self._programs[call.signature] = None

    def cache_clear(self) -> None:
        """Forget all programs, as `jax.clear_caches` asks each of JAX's own caches to."""
        with self._lock:
            self._programs = {}


_found = _Found()


def program(
    f: Callable[..., Any],
    static_argnames: str | tuple[str, ...] = (),
    donate_argnames: str | tuple[str, ...] = (),
    compiler_options: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """Compile a function as `jax.jit` does, for later processes too.

    Inside a trace it is what `jax.jit` makes of it. So it is where the arguments hold code that is
    not this package's.
    """
    options: Any = compiler_options
    jitted: Any = jax.jit(
        f,
        static_argnames=static_argnames,
        donate_argnames=donate_argnames,
        compiler_options=options,
    )
    function = Function(f, static_argnames, donate_argnames, compiler_options)

    @wraps(jitted)
    def call(*args: Any, **named: Any) -> Any:
        if cache_folder.is_off() or jax.config.jax_disable_jit:  # type: ignore[attr-defined]
            return jitted(*args, **named)
        try:
            called = function.called(args, named)
            found = _found.of(called)
        except (Untaken, Unnamed, TypeError):
            found = None
        if found is None:
            return jitted(*args, **named)
        try:
            return found(called.leaves)
        except (TypeError, ValueError):
            # Arrays that lie otherwise than a program can take: JAX makes another.
            return jitted(*args, **named)
        except jax.errors.JaxRuntimeError as error:
            if found.untried is None or means_out_of_memory(error):
                raise
            _found.give_up(called, found)
            if any(_is_gone(leaf) for leaf in called.leaves):
                raise
            return jitted(*args, **named)

    def clear_cache() -> None:
        jitted.clear_cache()
        _found.cache_clear()

    call.clear_cache = clear_cache  # type: ignore[attr-defined]
    return call


def _is_gone(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and leaf.is_deleted()


def _make(call: Call) -> _Program | None:
    """Return the program of a call, loaded where it is kept, else compiled and kept."""
    key = call.key
    if key is None:
        return None
    try:
        content = cache_files.read(key)
    except cache_folder.Refused as refused:
        cache_folder.warn_once(refused)
        return None
    except OSError:
        return None
    if content:
        try:
            devices = devices_of(call.leaves)
            return _Program(*from_bytes(content, len(call.leaves), devices), key)
        except Exception as error:
            if not means_out_of_memory(error) and not isinstance(error, MemoryError):
                _keep(key, _UNLOADABLE)
    tree: list[Any] = []
    options: Any = call.f.options
    flat = jax.jit(call.flat(tree), donate_argnums=tuple(call.donated), compiler_options=options)
    lowered = flat.lower(*call.leaves)
    run, made = compiled_with_bytes(lowered, tree[0])
    if content is None and made is not None:
        _keep(key, made)
    return _Program(run, tree[0])


def _keep(key: str, content: bytes) -> None:
    """Write a program; a disk that is full or read-only leaves it out."""
    try:
        cache_files.write(key, content)
    except cache_folder.Refused as refused:
        cache_folder.warn_once(refused)
    except OSError:
        return
