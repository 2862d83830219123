"""The rules of NumPy's functions for the arrays of many models."""

import operator
from collections.abc import Iterable

import jax
import numpy as np

from jax_logreg.arrays.batched import (
    RULES,
    Batched,
    Rule,
    Value,
    aligned,
    behind,
    count_of,
    elementwise,
    of_many,
    one_by_one,
    unbatched,
)


def rule_of(f: Rule) -> Rule | None:
    """Return the rule of a function of NumPy; None where each model calls it."""
    return elementwise(f) if isinstance(f, np.ufunc) and f is not np.matmul else RULES.get(f)


def select(wanted: object, new: Value, old: Value) -> Value:
    """Return the trees of `new` for the models that are wanted, of `old` for the others."""
    return jax.tree.map(lambda new, old: _where(wanted, new, old), new, old)


def in_order(tree: Value) -> Value:
    """Return a tree whose arrays of many models lie in the order of their axes.

    NumPy sums in the order of memory. So the sums of one model would depend on whether the others
    took the same branch.
    """

    def laid_out(leaf: Value) -> Value:
        return Batched(np.ascontiguousarray(leaf.each)) if isinstance(leaf, Batched) else leaf

    return jax.tree.map(laid_out, tree)


def take_at(a: Value, index: Value) -> Value:
    """Return a[index], where a number of the index may be a model's own."""
    at, models = _at(index)
    if at is None:
        return one_by_one(lambda a, index: a[index])(a, index)
    return Batched((a.each if models is None else unbatched(a, models))[at])


def put_at(a: Value, index: Value, value: Value) -> Value:
    """Return a with `value` at an index, a number of which may be a model's own."""
    at, models = _at(index)
    if at is None:
        return one_by_one(_put)(a, index, value)
    models = count_of((a, value)) if models is None else models
    assert models is not None
    changed = np.array(unbatched(a, models))
    changed[at] = aligned(value, changed[at].ndim - 1)
    return Batched(changed)


def _put(a: np.ndarray, index: Value, value: Value) -> np.ndarray:
    changed = np.array(a)
    changed[index] = value
    return changed


def _at(index: Value) -> tuple[Value, int | None]:
    """Return an index of all models' array, and their number where the index has their own.

    It is None where an index of arrays is a model's own.
    """
    parts = index if isinstance(index, tuple) else (index,)
    models = count_of(parts)
    if models is None:
        return (slice(None), *parts), None
    if not all(isinstance(one, slice) or (one is not None and np.ndim(one) == 0) for one in parts):
        return None, models
    return (np.arange(models), *(getattr(one, "each", one) for one in parts)), models


_where = elementwise(np.where)


def _matmul(a: Value, b: Value, precision: object = None) -> Value:
    if min(a.ndim, b.ndim) < 2:
        return one_by_one(np.matmul)(a, b)
    if isinstance(a, Batched) and isinstance(b, Batched):
        rank = max(a.ndim, b.ndim)
        return Batched(np.matmul(aligned(a, rank), aligned(b, rank)))
    if max(a.ndim, b.ndim) > 2:
        return one_by_one(np.matmul)(a, b)
    # One product for all models, whose rows lie one below the other.
    if isinstance(a, Batched):
        r, p, q = a.each.shape
        return Batched((a.each.reshape(r * p, q) @ b).reshape(r, p, -1))
    r, q, p = b.each.shape
    rows = b.each.swapaxes(1, 2).reshape(r * p, q)
    return Batched((rows @ a.T).reshape(r, p, -1).swapaxes(1, 2))


def _vdot(a: Value, b: Value, precision: object = None) -> Batched:
    models = count_of((a, b))
    assert models is not None
    first, second = (unbatched(one, models).reshape(models, -1) for one in (a, b))
    return Batched(np.einsum("ri,ri->r", first, second))


def _reduction(f: Rule) -> Rule:
    def call(a: Batched, axis: Value = None, **named: Value) -> Batched:
        whole = tuple(range(1, a.each.ndim))
        return Batched(f(a.each, axis=whole if axis is None else behind(axis), **named))

    return call


def _joined(f: Rule) -> Rule:
    def call(arrays: Iterable[Value], axis: int = 0) -> Batched:
        arrays = list(arrays)
        models = count_of(arrays)
        assert models is not None
        return Batched(f([unbatched(one, models) for one in arrays], axis=behind(axis)))

    return call


def _select(conditions: list[Value], choices: list[Value], default: Value = 0) -> Value:
    found = default
    # The first condition that holds decides.
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        found = _where(condition, choice, found)
    return found


def _append(a: Value, values: Value) -> Value:
    # NumPy would take a number of Python for an int64 or a float64.
    added = values.astype(a.dtype) if of_many(values) else np.asarray(values, a.dtype)
    return _joined(np.concatenate)([a.ravel(), added.ravel()])


def _filled(value: Value) -> Rule:
    def call(a: Batched, dtype: Value = None, shape: Value = None) -> np.ndarray:
        return np.full(a.shape if shape is None else shape, value, dtype or a.dtype)

    return call


def _along(f: Rule) -> Rule:
    def call(a: Batched, axis: int = -1) -> Batched:
        return Batched(f(a.each, axis=behind(axis)))

    return call


def _repeat(a: Batched, times: int, axis: int) -> Batched:
    return Batched(np.repeat(a.each, times, axis=behind(axis)))


def _full_like(a: Value, value: Value, dtype: Value = None, shape: Value = None) -> Value:
    shape, dtype = a.shape if shape is None else shape, a.dtype if dtype is None else dtype
    return _full(value, shape, dtype) if of_many(value) else np.full(shape, value, dtype)


def _full(value: Value, shape: tuple[int, ...], dtype: Value) -> Batched:
    each = aligned(value, len(shape))
    return Batched(np.broadcast_to(each, (len(each), *shape)).astype(dtype))


_OWN: dict[Rule, Rule] = {
    operator.getitem: take_at,
    np.matmul: _matmul,
    np.append: _append,
    np.argsort: _along(np.argsort),
    np.asarray: lambda a, dtype=None: a if dtype is None else a.astype(dtype),
    np.broadcast_to: lambda a, shape: _full(a, shape, a.dtype),
    np.clip: elementwise(np.clip),
    np.concatenate: _joined(np.concatenate),
    np.copy: lambda a: Batched(a.each.copy()),
    np.full_like: _full_like,
    np.ndim: lambda a: a.ndim,
    np.ones_like: _filled(1),
    np.repeat: _repeat,
    np.select: _select,
    np.shape: lambda a: a.shape,
    np.sort: _along(np.sort),
    np.stack: _joined(np.stack),
    np.vdot: _vdot,
    np.where: _where,
    np.zeros_like: _filled(0),
}
RULES |= _OWN | {
    f: _reduction(f) for f in (np.all, np.any, np.max, np.mean, np.median, np.min, np.sum)
}
