"""Loops and branches: of XLA where their values are JAX's, of Python where they are NumPy's.

Each does as its namesake in `jax.lax`. A branch of Python runs one side alone.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from typing import TypeVar, cast

import jax
import numpy as np
from jax import Array, lax

from jax_logreg.arrays.batched import (
    MANY,
    Batched,
    Value,
    distinct,
    holds_for_any,
    of_many,
    unbatched,
)
from jax_logreg.arrays.kind import all_numpy, is_numpy
from jax_logreg.arrays.namespace import xp
from jax_logreg.arrays.rules import in_order, select

_T = TypeVar("_T")
_X = TypeVar("_X")
_Carry = TypeVar("_Carry")


def cond(wanted: Value, then: Callable[..., _T], other: Callable[..., _T], *operands: object) -> _T:
    """Return then(*operands) where wanted (), else other(*operands)."""
    if isinstance(wanted, Batched):
        return switch(1 - wanted.astype(int), (then, other), *operands)
    if is_numpy(wanted):
        return (then if wanted else other)(*operands)
    found: _T = lax.cond(wanted, then, other, *operands)
    return found


def scan(
    f: Callable[[_Carry, _X], tuple[_Carry, _T]],
    carry: _Carry,
    xs: _X | None = None,
    length: int | None = None,
    ended: Callable[[_Carry], Value] = lambda carry: False,
) -> tuple[_Carry, _T]:
    """Return the carry after f(carry, x) for each x of the leading axis, and the results, stacked.

    A loop of Python stops where a carry has `ended`: f no longer changes such a carry.
    """
    if not all_numpy((carry, xs)):
        return lax.scan(f, carry, xs, length)
    found = []
    for x in _each(cast(_X, xs), length):
        end = ended(carry)
        if end.each.all() if isinstance(end, Batched) else end:
            break
        carry, one = f(carry, x)
        found.append(one)
    return carry, _stacked(found)


def repeat(times: int | Array, f: Callable[[Array, _T], _T], carry: _T) -> _T:
    """Return the carry after f(i, carry) for i from 0 to times − 1."""
    if not all_numpy((times, carry)):
        return lax.fori_loop(0, times, f, carry)
    if type(times) is not MANY:
        return reduce(lambda carry, i: f(cast(Array, i), carry), range(int(times)), carry)

    def turn(carry: _T, i: int) -> _T:
        return select(times > i, f(cast(Array, i), carry), carry)

    return reduce(turn, range(max(distinct(times))), carry)


def repeat_while(unfinished: Callable[[_T], object], f: Callable[[_T], _T], carry: _T) -> _T:
    """Return the first of carry, f(carry), f(f(carry)) and so on that is not unfinished."""
    if not all_numpy(carry):
        return lax.while_loop(unfinished, f, carry)
    while holds_for_any(goes_on := unfinished(carry)):
        carry = select(goes_on, f(carry), carry) if of_many(goes_on) else f(carry)
    return carry


def choose(wanted: object, new: _T, old: _T) -> _T:
    """Return a tree with the leaves of `new` where wanted (), else those of `old`."""
    if type(wanted) is MANY:
        return select(wanted, new, old)
    if is_numpy(wanted):
        return new if wanted else old
    return jax.tree.map(partial(xp.where, wanted), new, old)


def both(first: _T, second: Callable[[], _T]) -> _T:
    """Return first & second(), which Python computes only where the first () holds."""
    if is_numpy(first) and not holds_for_any(first):
        return first
    return cast(_T, cast(Array, first) & cast(Array, second()))


def unless(finished: Value, f: Callable[[_T], _T], value: _T) -> _T:
    """Return f(value); Python leaves the value where all are finished, and nothing reads more."""
    if not is_numpy(finished):
        return f(value)
    all_finished = np.all(getattr(finished, "each", finished))
    return value if all_finished else f(value)


def switch(which: Array, branches: Sequence[Callable[..., _T]], *operands: object) -> _T:
    """Return what the branch of a number gives of the operands; beyond the last, the last."""
    if not is_numpy(which):
        found: _T = lax.switch(which, branches, *operands)
        return found
    number_of = np.minimum(cast(np.ndarray, which), len(branches) - 1)
    if type(which) is not MANY:
        return branches[int(number_of)](*operands)
    # Of many models' branches, those that some of them take.
    first, *others = distinct(number_of)
    found = branches[first](*operands)
    for number in others:
        found = select(number_of == number, branches[number](*operands), found)
    return in_order(found)


def substitute(N: Array, v: Array, order: Array) -> Array:
    """Return the x (r, q) with x + N x = v, for N (r, q, q) and an order (q,) of its rows.

    A row counts only those before it: N is triangular, in this order of its rows.
    """
    if not is_numpy(N, v, order):

        def row(x: Array, i: Array) -> tuple[Array, None]:
            return x.at[:, i].set(v[:, i] - jax.numpy.sum(N[:, i] * x, axis=1)), None

        return lax.scan(row, jax.numpy.zeros_like(v), order)[0]
    place = xp.argsort(order)
    triangular = xp.where(place[:, None] > place[None], N, 0) + np.eye(N.shape[-1], dtype=N.dtype)
    return xp.linalg.solve(triangular, v[..., None])[..., 0]


def map_over(f: Callable[[_X], _T], xs: _X) -> _T:
    """Return f of each x of the leading axis, stacked."""
    return _stacked([f(x) for x in _each(xs)]) if all_numpy(xs) else lax.map(f, xs)


def fold(f: Callable[[_X], _T], xs: _X) -> _T:
    """Return the sum of f(x) over the leading axis of xs."""
    if not all_numpy(xs):
        first = jax.tree.map(lambda a: a[0], xs)
        zero = jax.tree.map(
            lambda like: jax.numpy.zeros(like.shape, like.dtype), jax.eval_shape(f, first)
        )

        def add(total: _T, x: _X) -> tuple[_T, None]:
            return jax.tree.map(jax.numpy.add, total, f(x)), None

        return lax.scan(add, zero, xs)[0]
    return reduce(lambda total, one: jax.tree.map(np.add, total, one), map(f, _each(xs)))


def vmap(f: Callable[[_T], _T], axis: int) -> Callable[[_T], _T]:
    """Return `jax.vmap` of f along an axis of its only argument and of its result."""

    def call(values: _T) -> _T:
        if not all_numpy(values):
            return jax.vmap(f, axis, axis)(values)
        size = jax.tree.leaves(values)[0].shape[axis]
        found = [f(jax.tree.map(lambda a, i=i: a.take(i, axis), values)) for i in range(size)]
        return jax.tree.map(lambda *parts: np.stack(parts, axis), *found)

    return call


def over_models(f: Callable[..., _T], at_once: bool = False) -> Callable[..., _T]:
    """Return `jax.vmap` of f along the leading axes of its arguments.

    NumPy computes the models `at_once`, or one after the other.
    """

    def call(*trees: object) -> _T:
        found: _T
        if not all_numpy(trees):
            found = jax.vmap(f)(*trees)
            return found
        models = len(jax.tree.leaves(trees)[0])
        if not at_once or models == 1:
            return _stacked([f(*one) for one in _each(trees)])
        return _at_once(f, trees, models)

    return call


def _at_once(f: Callable[..., _T], trees: object, models: int) -> _T:
    found = f(*jax.tree.map(lambda leaf: Batched(np.ascontiguousarray(leaf)), trees))
    return jax.tree.map(lambda leaf: unbatched(leaf, models), found)


def _each(xs: _X, length: int | None = None) -> Iterator[_X]:
    """Return an iterator over the leading axis of NumPy arrays; over None, `length` times."""
    if xs is None:
        return itertools.repeat(xs, length or 0)
    if isinstance(xs, np.ndarray):
        return iter(xs)
    leaves, kind = jax.tree.flatten(xs)
    size = len(leaves[0]) if leaves else length or 0
    return (jax.tree.unflatten(kind, [leaf[i] for leaf in leaves]) for i in range(size))


def _stacked(found: list[_T]) -> _T:
    if not found or found[0] is None:
        return cast(_T, None)
    if isinstance(found[0], np.ndarray):
        return cast(_T, np.stack(cast(list[np.ndarray], found)))
    return jax.tree.map(lambda *parts: np.stack(parts), *found)
