"""Axes of a state that lie with the examples or with the features, as its classes declare them.

A field of a named tuple declares them by its shape: `Float[Array, "k m"]` has the examples last,
`Float[Array, "n k"]` the features first. `Annotated[Params, Shape("r nk")]` declares them for a w
of another layout. A leading axis, of a ring or of models, may come before. Where nothing is
declared, an array is whole on each device.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import (
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeGuard,
    get_args,
    get_type_hints,
)

import jax
from jax import Array

# The names of the axes: "nk" are n·k numbers of w in one, feature by feature.
EXAMPLES, FEATURES = ("m",), ("n", "nk")
Names: TypeAlias = tuple[str, ...]
# An array, or its outline.
Leaf: TypeAlias = Array | jax.ShapeDtypeStruct


class Shape(NamedTuple):
    """The names of the axes of an array, or of the w of parameters, for `Annotated`."""

    text: str

    @property
    def names(self) -> Names:
        """The names, one an axis."""
        return tuple(self.text.split())


# Stands for what the `init` of the loop's solver returns, for `Annotated`.
OF_SOLVER = "of the solver"


class _Named(Protocol):
    """A named tuple."""

    _fields: ClassVar[tuple[str, ...]]

    def __iter__(self) -> Iterator[object]: ...

    def _replace(self, **parts: object) -> object: ...


def map_axes(
    f: Callable[[Leaf, Names], object], tree: object, solver: object, hint: object = None
) -> Any:
    """Return the tree with f(leaf, names of its axes) for each leaf.

    Args:
        f: the function; where it gets fewer names than axes, they are those of the last axes.
        tree: a carry of a loop, or part of one.
        solver: that of the loop.
        hint: the type that is declared for the tree.
    """
    if OF_SOLVER in getattr(hint, "__metadata__", ()):
        init = getattr(type(solver), "init", None)
        hint = get_type_hints(init, include_extras=True).get("return")
    names = _names(hint)
    if _is_named(tree):
        # The type of parameters is that of their w.
        hints = _hints(type(tree)) | ({"w": Shape(" ".join(names))} if names else {})
        parts = zip(tree._fields, tree, strict=True)
        return tree._replace(
            **{name: map_axes(f, part, solver, hints[name]) for name, part in parts}
        )
    children, structure = jax.tree.flatten(tree, is_leaf=lambda part: part is not tree)
    is_leaf = len(children) == 1 and children[0] is tree
    if is_leaf:
        return f(children[0], names)
    return jax.tree.unflatten(structure, [map_axes(f, child, solver, hint) for child in children])


def _is_named(tree: object) -> TypeGuard[_Named]:
    return hasattr(tree, "_fields")


@cache
def _hints(kind: type[_Named]) -> dict[str, object]:
    """Return the types of the fields of a named tuple, None where another library's is unknown."""
    try:
        found = get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):
        found = {}
    return {name: found.get(name) for name in kind._fields}


def _names(hint: object) -> Names:
    """Return the names of the axes that a type declares, empty where it declares no shape."""
    if isinstance(hint, Shape):
        return hint.names
    text = getattr(hint, "dim_str", None)
    if isinstance(text, str):
        return tuple(text.split())
    parts = (*getattr(hint, "__metadata__", ()), *get_args(hint))
    return next(filter(None, (_names(part) for part in parts if part is not hint)), ())
