"""Compiled functions whose programs outlive the process.

As `jax.jit`, which traces, lowers and compiles again in a second process, or traces and lowers with
JAX's own cache (https://docs.jax.dev/en/latest/persistent_compilation_cache.html). Here a key of
the arguments finds the executable, which is loaded. It takes and gives flat tuples, as functions in
pytrees cannot be pickled. Whatever fails on the way compiles.
"""

import pickle
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, NamedTuple

import jax

from jax_logreg._jax import cache_files, cache_folder
from jax_logreg._jax.calls import Call, Function, Untaken, devices_of
from jax_logreg._jax.messages import means_out_of_memory

# Programs that this process keeps at hand, as many as JAX's own functions do.
_MOST = 4096
# Where a program calls what is not XLA's.
_CALLED = re.compile(r"custom_call @([\w.]+)")
# The bytes of a program that does not load here: no process tries it again.
_UNLOADABLE = b""


class _Program(NamedTuple):
    """An executable of flat tuples, and the structure of what it gives."""

    run: Callable[..., Any]
    tree: Any

    def __call__(self, leaves: list[Any]) -> Any:
        return jax.tree.unflatten(self.tree, self.run(*leaves))


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
        except (Untaken, TypeError):
            found = None
        if found is None:
            return jitted(*args, **named)
        try:
            return found(called.leaves)
        except (TypeError, ValueError):
            # Arrays that lie otherwise than a program can take: JAX makes another.
            return jitted(*args, **named)

    def clear_cache() -> None:
        jitted.clear_cache()
        _found.cache_clear()

    call.clear_cache = clear_cache  # type: ignore[attr-defined]
    return call


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
            return _loaded(content, call)
        except Exception as error:
            if not means_out_of_memory(error) and not isinstance(error, MemoryError):
                _keep(key, _UNLOADABLE)
    made, content_made = _compiled(call)
    if content is None and content_made is not None:
        _keep(key, content_made)
    return made


def _loaded(content: bytes, call: Call) -> _Program:
    """Return a program from its bytes, which pickle reads: they are this user's own."""
    from jax.experimental.serialize_executable import deserialize_and_load

    executable, tree, outputs, calls_lapack = pickle.loads(content)
    if calls_lapack:
        from jaxlib import lapack

        # JAX does so while it lowers what calls it.
        lapack._lapack.initialize()  # type: ignore[attr-defined]
    devices = devices_of(call.leaves)
    run = deserialize_and_load(
        executable,
        jax.tree.structure(((0,) * len(call.leaves), {})),
        jax.tree.structure((0,) * outputs),
        backend=devices[0].client,
        execution_devices=devices,
    )
    return _Program(run, tree)


def _compiled(call: Call) -> tuple[_Program, bytes | None]:
    """Return the program of a call, compiled, and its bytes; None of one that is not to be kept."""
    from jax.experimental.serialize_executable import serialize

    tree: list[Any] = []
    options: Any = call.f.options
    flat = jax.jit(call.flat(tree), donate_argnums=tuple(call.donated), compiler_options=options)
    lowered = flat.lower(*call.leaves)
    run = lowered.compile()
    made = _Program(run, tree[0])
    # Of a program with an array in it, or of one that calls back, JAX makes no bytes.
    with suppress(Exception):
        called = set(_CALLED.findall(lowered.as_text()))
        if not any("callback" in name for name in called):
            executable, _, outputs = serialize(run)
            calls_lapack = any(name.startswith("lapack") for name in called)
            parts = (executable, tree[0], outputs.num_leaves, calls_lapack)
            return made, pickle.dumps(parts)
    return made, None


def _keep(key: str, content: bytes) -> None:
    """Write a program; a disk that is full or read-only leaves it out."""
    try:
        cache_files.write(key, content)
    except cache_folder.Refused as refused:
        cache_folder.warn_once(refused)
    except OSError:
        return
