"""Calls of a compiled function: the arrays, and all else that its program depends on."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import jax
import numpy as np

from jax_logreg._jax.cache_key import context, digest_of

# Python's own, which JAX takes for arrays of a weak type.
_NUMBERS = (bool, int, float)


class Function:
    """A function, and how it is compiled."""

    def __init__(
        self,
        traced: Callable[..., Any],
        static: str | tuple[str, ...],
        donated: str | tuple[str, ...],
        options: Mapping[str, Any] | None,
    ) -> None:
        self.traced, self.options = traced, options
        self.static = (static,) if isinstance(static, str) else static
        self.donated = (donated,) if isinstance(donated, str) else donated
        parameters = inspect.signature(traced).parameters
        self.names = tuple(parameters)
        self.defaults = {
            name: one.default for name, one in parameters.items() if one.default is not one.empty
        }
        # Two that are made of one function share its programs.
        self.mark = traced, self.static, self.donated, repr(options)

    def called(self, args: Any, named: Any) -> "Call":
        """Return the call with these arguments, defaults filled in.

        Raises:
            Untaken: the function takes no such arguments.
        """
        # `inspect.Signature.bind` takes as long as a small program.
        given = dict(zip(self.names, args, strict=False))
        if len(args) > len(self.names) or given.keys() & named.keys():
            raise Untaken
        given = self.defaults | given | named
        if given.keys() != set(self.names):
            raise Untaken
        return Call(self, {name: given[name] for name in self.names})


class Call:
    """The arguments of a call, those that are compiled in apart from the arrays."""

    def __init__(self, f: Function, arguments: Mapping[str, Any]) -> None:
        self.f = f
        self.static = {name: arguments[name] for name in arguments if name in f.static}
        self.trees: dict[str, Any] = {}
        self.leaves: list[Any] = []
        self.donated: list[int] = []
        for name, value in arguments.items():
            if name in f.static:
                continue
            leaves, self.trees[name] = jax.tree.flatten(value)
            if name in f.donated:
                self.donated += range(len(self.leaves), len(self.leaves) + len(leaves))
            self.leaves += leaves

    @property
    def signature(self) -> Any:
        """All that JAX would compile another program for, in this process."""
        return (
            self.f.mark,
            tuple(self.static.items()),
            tuple(self.trees.items()),
            tuple(map(_kind, self.leaves)),
            context(),
            jax.config.jax_default_device,  # type: ignore[attr-defined]
            jax.config.read("jax_disable_most_optimizations"),
        )

    @property
    def key(self) -> str | None:
        """The key of the program in any process; None of one that is not to be kept."""
        parts = {
            "function": self.f.traced,
            "options": self.f.options,
            "static": self.static,
            "trees": self.trees,
            "leaves": [(jax.typeof(leaf), _place(leaf)) for leaf in self.leaves],
            "donated": self.donated,
            "devices": devices_of(self.leaves),
        }
        # Whatever cannot be described is compiled.
        with suppress(Exception):
            return digest_of(parts)
        return None

    def flat(self, found: list[Any]) -> Callable[..., Any]:
        """The function of flat arguments; it leaves the structure of what it gives in `found`."""
        # JAX may keep the function: the arrays are not to stay with it.
        traced, static, trees = self.f.traced, self.static, self.trees

        def f(*leaves: Any) -> tuple[Any, ...]:
            rest, arguments = iter(leaves), dict(static)
            for name, tree in trees.items():
                arguments[name] = jax.tree.unflatten(
                    tree, [next(rest) for _ in range(tree.num_leaves)]
                )
            given, tree = jax.tree.flatten(traced(**arguments))
            found[:] = [tree]
            return tuple(given)

        # Profiles show the name.
        f.__name__ = traced.__name__
        return f


class Untaken(Exception):
    """An argument that JAX's own function is to be called with."""


def _kind(leaf: Any) -> Any:
    """Return what a program depends on of an argument; JAX's own types would be slow to compare."""
    kind = type(leaf)
    if kind in _NUMBERS:
        return kind
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.shape, leaf.dtype
    if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
        raise Untaken
    return leaf.shape, leaf.dtype, leaf.weak_type, _place(leaf)


def _place(leaf: Any) -> jax.sharding.Sharding | None:
    """Return where an array has to stay, None where a program may take it elsewhere."""
    return leaf.sharding if isinstance(leaf, jax.Array) and leaf.committed else None


def devices_of(leaves: list[Any]) -> tuple[jax.Device, ...]:
    """Return the devices that a program of these arguments runs on, in its order."""
    places = [place for place in map(_place, leaves) if place is not None]
    if not places:
        chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
        if isinstance(chosen, jax.Device):
            return (chosen,)
        return (jax.local_devices(backend=chosen)[0],)
    widest = max(places, key=lambda place: place.num_devices)
    if isinstance(widest, jax.sharding.NamedSharding):
        return tuple(widest.mesh.devices.flat)
    return tuple(widest.device_set)
