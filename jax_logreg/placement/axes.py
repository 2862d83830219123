"""Axes of a state that lie with the examples or with the features, as its classes declare them.

A field of a named tuple declares them by its shape: `Float[Array, "k m"]` has the examples last,
`Float[Array, "n k"]` the features first; `Annotated[Params, Shape("r nk")]` says so of a w that is
laid down otherwise. A leading axis, of a ring or of models, may come before. Where nothing is
declared, an array is whole on each device.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

import jax

# The names of the axes: "nk" are n·k numbers of w in one, feature by feature.
EXAMPLES, FEATURES = ("m",), ("n", "nk")
Names = tuple[str, ...]


class Shape(NamedTuple):
    """The names of the axes of an array, or of the w of parameters, for `Annotated`."""

    text: str

    @property
    def names(self) -> Names:
        """The names, one an axis."""
        return tuple(self.text.split())


# Stands for what the `init` of the loop's solver returns, for `Annotated`.
OF_SOLVER = "of the solver"


def map_axes(f: Callable[[Any, Names], Any], tree: Any, solver: Any, hint: Any = None) -> Any:
    """Return the tree with f(leaf, names of its axes) for each leaf.

    Args:
        f: what to compute; the names may be fewer than the axes, of which they are the last ones.
        tree: a carry of a loop, or part of one.
        solver: that of the loop.
        hint: the type that is declared for the tree.
    """
    if OF_SOLVER in getattr(hint, "__metadata__", ()):
        hint = get_type_hints(type(solver).init, include_extras=True).get("return")
    names = _names(hint)
    if hasattr(tree, "_fields"):
        # The type of parameters is that of their w.
        kind: Any = type(tree)
        hints = _hints(kind) | ({"w": Shape(" ".join(names))} if names else {})
        parts = zip(tree._fields, tree, strict=True)
        return kind(*(map_axes(f, part, solver, hints[name]) for name, part in parts))
    children, structure = jax.tree.flatten(tree, is_leaf=lambda part: part is not tree)
    if len(children) == 1 and children[0] is tree:
        return f(tree, names)
    return jax.tree.unflatten(structure, [map_axes(f, child, solver, hint) for child in children])


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of the fields of a named tuple, unknown ones of another library's left out."""
    try:
        found = get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):
        found = {}
    return {name: found.get(name) for name in kind._fields}


def _names(hint: object) -> Names:
    """The names of the axes that a type declares, none where it declares no shape."""
    if isinstance(hint, Shape):
        return hint.names
    text = getattr(hint, "dim_str", None)
    if isinstance(text, str):
        return tuple(text.split())
    parts = (*getattr(hint, "__metadata__", ()), *get_args(hint))
    return next(filter(None, (_names(part) for part in parts if part is not hint)), ())
