"""Dataclasses as pytrees that no compiled program takes for one another."""

from collections.abc import Iterable
from dataclasses import fields
from typing import TypeVar

from jax.tree_util import GetAttrKey, register_pytree_with_keys

T = TypeVar("T", bound=type)


def pytree(cls: T) -> T:
    """Register a dataclass as a pytree; fields with `metadata={"static": True}` are no leaves.

    The structures of `jax.tree_util.register_dataclass` compare equal for two classes with the same
    fields (jax 0.10 to 0.12). Where their hashes meet, `jax.jit` runs the program of one class on
    the other: L1 for L2.
    """
    static = [field.name for field in fields(cls) if field.metadata.get("static")]
    leaves = [field.name for field in fields(cls) if field.name not in static]
    keys = [GetAttrKey(name) for name in leaves]

    def flatten(node: object) -> tuple[list[object], tuple[object, ...]]:
        return [getattr(node, name) for name in leaves], tuple(getattr(node, s) for s in static)

    def flatten_with_keys(node: object) -> tuple[list[tuple[object, object]], tuple[object, ...]]:
        values, kept = flatten(node)
        return list(zip(keys, values, strict=True)), kept

    def unflatten(kept: tuple[object, ...], values: Iterable[object]) -> object:
        return cls(**dict(zip(static, kept, strict=True)), **dict(zip(leaves, values, strict=True)))

    register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls
