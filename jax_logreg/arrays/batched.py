"""Arrays of many models under one name: for NumPy, what `jax.vmap` is for JAX.

A text written for one model computes with them for all models at once. A product with an array that
all models share is one product. A function without a rule is called once for each model.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import jax
import numpy as np

# An array of one model or of many, a number, or what NumPy takes beside them.
Value: TypeAlias = Any
Rule = Callable[..., Value]
# The rules of NumPy's functions for arrays of many models: `rules.py` fills them in.
RULES: dict[Rule, Rule] = {}


def _operator(f: np.ufunc, reflected: bool = False) -> Rule:
    def call(self: "Batched", other: Value) -> Value:
        # A matrix that is no array takes the product itself.
        if getattr(other, "__array_ufunc__", f) is None:
            return NotImplemented
        return _of_two(f, other, self) if reflected else _of_two(f, self, other)

    return call


def _of_two(f: np.ufunc, a: Value, b: Value) -> Value:
    """Return f(a, b) of entries, or their product."""
    if f is np.matmul:
        return RULES[f](a, b)
    # This stands in a loop's innermost place: most arrays have as many axes.
    first = a.each if type(a) is Batched else a
    second = b.each if type(b) is Batched else b
    if type(a) is type(b) and first.ndim == second.ndim:
        return Batched(f(first, second))
    rank = max(getattr(a, "ndim", 0), getattr(b, "ndim", 0))
    return Batched(f(aligned(a, rank), aligned(b, rank)))


class Batched:
    """An array of each of r models, (r, ...), which shows the shape (...) of one model.

    It has no truth value: control flow asks for any or all of the models.
    """

    __slots__ = ("each",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, each: np.ndarray) -> None:
        self.each = each

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one model's array."""
        return self.each.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes of one model's array."""
        return self.each.ndim - 1

    @property
    def size(self) -> int:
        """The number of entries of one model's array."""
        return self.each[0].size

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""
        return self.each.dtype

    @property
    def T(self) -> "Batched":  # noqa: N802
        """The array with its axes in reverse."""
        return Batched(self.each.transpose(0, *range(self.ndim, 0, -1)))

    def __len__(self) -> int:
        return self.each.shape[1]

    def __bool__(self) -> bool:
        raise TypeError("the arrays of many models have no truth value: use any or all of them")

    def __repr__(self) -> str:
        return f"Batched({self.each!r})"

    def __getitem__(self, index: Value) -> Value:
        return RULES[operator.getitem](self, index)

    def reshape(self, *shape: Value) -> "Batched":
        """The entries in another shape, an argument or several."""
        new = shape[0] if isinstance(shape[0], tuple) else shape
        return Batched(self.each.reshape(len(self.each), *new))

    def ravel(self) -> "Batched":
        """The entries in one row."""
        return self.reshape(-1)

    def swapaxes(self, first: int, second: int) -> "Batched":
        """The array with two axes exchanged."""
        return Batched(self.each.swapaxes(behind(first), behind(second)))

    def astype(self, dtype: Value) -> "Batched":
        """The entries in a dtype."""
        return Batched(self.each.astype(dtype))

    def take(self, number: int, axis: int) -> "Batched":
        """The part of a number along an axis."""
        return Batched(self.each.take(number, behind(axis)))

    def __array_ufunc__(self, f: np.ufunc, method: str, *values: Value, **named: Value) -> Value:
        if method != "__call__":
            return NotImplemented
        return RULES.get(f, elementwise(f))(*values, **named)

    def __array_function__(self, f: Rule, _: object, values: Value, named: Value) -> Value:
        rule = RULES.get(f)
        return (one_by_one(f) if rule is None else rule)(*values, **named)

    __add__, __radd__ = _operator(np.add), _operator(np.add, True)
    __sub__, __rsub__ = _operator(np.subtract), _operator(np.subtract, True)
    __mul__, __rmul__ = _operator(np.multiply), _operator(np.multiply, True)
    __truediv__, __rtruediv__ = _operator(np.divide), _operator(np.divide, True)
    __matmul__, __rmatmul__ = _operator(np.matmul), _operator(np.matmul, True)
    __pow__, __mod__ = _operator(np.power), _operator(np.mod)
    __and__, __rand__ = _operator(np.logical_and), _operator(np.logical_and, True)
    __or__, __ror__ = _operator(np.logical_or), _operator(np.logical_or, True)
    __lt__, __le__ = _operator(np.less), _operator(np.less_equal)
    __gt__, __ge__ = _operator(np.greater), _operator(np.greater_equal)
    __eq__, __ne__ = _operator(np.equal), _operator(np.not_equal)

    def __neg__(self) -> "Batched":
        return Batched(-self.each)

    def __abs__(self) -> "Batched":
        return Batched(np.abs(self.each))

    def __invert__(self) -> "Batched":
        return Batched(~self.each)


# The type itself, which a checker of types does not compare with others.
MANY: type = Batched


def of_many(*values: object) -> bool:
    """Return whether a value, or one within a list or tuple of them, is of many models."""
    for value in values:
        if type(value) is Batched:
            return True
        if isinstance(value, list | tuple):
            kinds = set(map(type, value))
            if Batched in kinds or (kinds & {list, tuple} and of_many(*value)):
                return True
    return False


def holds_for_any(condition: Value) -> bool:
    """Return whether a condition () holds, for any of many models."""
    return bool(condition.each.any() if isinstance(condition, Batched) else condition)


def distinct(numbers: object) -> list[int]:
    """Return the different numbers () of many models, or the number itself, in order."""
    found: list[int] = np.unique(unbatched(numbers, 1)).tolist()
    return found


def one_by_one(f: Rule) -> Rule:
    """Return f, called for each model where an argument is of many, with stacked results."""

    def call(*values: Value, **named: Value) -> Value:
        leaves, kind = jax.tree.flatten((values, named))
        models = count_of(leaves)
        if models is None:
            return f(*values, **named)
        found = []
        for i in range(models):
            own = [leaf.each[i] if isinstance(leaf, Batched) else leaf for leaf in leaves]
            values, named = jax.tree.unflatten(kind, own)
            found.append(f(*values, **named))
        return jax.tree.map(lambda *parts: Batched(np.stack(parts)), *found)

    return call


def unbatched(leaf: Value, models: int) -> np.ndarray:
    """Return the array (r, ...) of all models, which share a leaf that is not of many."""
    if isinstance(leaf, Batched):
        return leaf.each
    return np.broadcast_to(leaf, (models, *np.shape(leaf)))


def count_of(leaves: Iterable[Value]) -> int | None:
    return next((len(leaf.each) for leaf in leaves if isinstance(leaf, Batched)), None)


def behind(axis: int) -> int:
    """Return the axis of all models' array for an axis of one."""
    return axis if axis < 0 else axis + 1


def aligned(value: Value, rank: int) -> Value:
    """Return what broadcasts with the arrays of all models, for one of so many axes or fewer."""
    if not isinstance(value, Batched):
        return value
    r, *shape = value.each.shape
    missing = rank - len(shape)
    return value.each.reshape(r, *(1,) * missing, *shape) if missing > 0 else value.each


def elementwise(f: Rule) -> Rule:
    def call(*values: Value, **named: Value) -> Batched:
        rank = max([getattr(value, "ndim", 0) for value in values])
        return Batched(f(*[aligned(value, rank) for value in values], **named))

    return call
