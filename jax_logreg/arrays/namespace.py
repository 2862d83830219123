"""`xp`: the functions of `jax.numpy`, computed by NumPy where no argument is JAX's."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import ArrayLike, DTypeLike

from jax_logreg.arrays.batched import MANY, Rule, elementwise, of_many, one_by_one
from jax_logreg.arrays.kind import is_numpy, numpys
from jax_logreg.arrays.lean import OWN
from jax_logreg.arrays.rules import put_at, rule_of

_F = TypeVar("_F", bound=Callable[..., object])


def _cholesky(a: np.ndarray) -> np.ndarray:
    """The factor; NaN where a matrix is not positive definite, as in JAX."""
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return np.tril(np.full_like(a, np.nan))


# Up to this side of a triangular matrix, NumPy solves it as any other.
_SMALL = 64


def _either(mine: _F, theirs: Callable[..., object], many: Rule | None = None) -> _F:
    """Return NumPy's function or JAX's, and for arrays of many models the rule of NumPy's."""
    many = one_by_one(mine) if many is None else many

    def call(*args: object, **named: object) -> object:
        # Nearly all arguments are seen to be NumPy's here, without another call of Python.
        if numpys(map(type, args)):
            return mine(*args, **named)
        if not is_numpy(*args):
            return theirs(*args, **named)
        return (many if of_many(*args) else mine)(*args, **named)

    return cast(_F, call)


class _Linalg:
    cholesky = staticmethod(_either(_cholesky, jnp.linalg.cholesky))
    eigh = staticmethod(_either(np.linalg.eigh, jnp.linalg.eigh))
    solve = staticmethod(_either(np.linalg.solve, jnp.linalg.solve, elementwise(np.linalg.solve)))
    qr = staticmethod(_either(np.linalg.qr, jnp.linalg.qr))


class _Namespace:
    """Each function is looked up once; types and constants are NumPy's."""

    linalg = _Linalg()
    # JAX's knows the dtypes that NumPy does not have.
    finfo = staticmethod(cache(jnp.finfo))

    def __getattr__(self, name: str) -> object:
        of_numpy = getattr(np, name)
        mine = OWN.get(name) or of_numpy
        if not isinstance(mine, type) and callable(mine):
            mine = _either(mine, getattr(jnp, name), rule_of(of_numpy))
        setattr(self, name, mine)
        return mine


if TYPE_CHECKING:
    import jax.numpy

    xp = jax.numpy
else:
    xp = _Namespace()


def sigmoid(Z: Array) -> Array:
    """1 / (1 + exp(−Z)), (k, m) for Z (k, m): 0 to 1, for the largest Z too."""
    if not is_numpy(Z):
        return jax.nn.sigmoid(Z)
    # An overflow is infinity, whose reciprocal is what the sigmoid rounds to.
    with np.errstate(over="ignore"):
        return cast(Array, 1 / (1 + np.exp(-Z)))


def scalar(value: object, dtype: DTypeLike) -> Array:
    """A number () of a dtype, which combines with the arrays of either library."""
    return cast(Array, np.asarray(value, dtype)[()])


def as_array(a: np.ndarray) -> Array:
    """An array of NumPy as it is, where functions take the arrays of either library."""
    return cast(Array, a)


def eye_like(a: Array, size: int) -> Array:
    """The identity (size, size) in the dtype of a."""
    return (np if is_numpy(a) else jnp).eye(size, dtype=a.dtype)


def arange_like(a: Array, size: int) -> Array:
    """0 to size − 1, in int32."""
    return (np if is_numpy(a) else jnp).arange(size, dtype=np.int32)


def one_hot(number: Array, size: int, dtype: DTypeLike) -> Array:
    """1 where a row's place (size, m) is the number (m,), else 0."""
    places = np.arange(size, dtype=np.int32)[:, None]
    return (places == number[None].astype(np.int32)).astype(dtype)


def normal_like(a: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers in the dtype of a, the same at each call."""
    if not is_numpy(a):
        return jax.random.normal(jax.random.key(0), shape, a.dtype)
    return cast(Array, np.random.default_rng(0).standard_normal(shape).astype(a.dtype))


def of_kind(value: np.ndarray, like: Array) -> Array:
    """An array of NumPy as one of the library that `like` is of."""
    # `jnp.asarray` would compile a program of each shape.
    return as_array(value) if is_numpy(like) else jax.device_put(value)


def opaque(index: np.ndarray, like: Array) -> Array:
    """An index whose values XLA does not know."""
    if is_numpy(like):
        return index  # type: ignore[return-value]
    return lax.optimization_barrier(jnp.asarray(index))


def set_at(a: Array, index: object, value: ArrayLike) -> Array:
    """The array with `value` at an index."""
    if not is_numpy(a):
        return a.at[index].set(value)
    parts = index if isinstance(index, tuple) else (index,)
    if MANY in {type(a), type(value), *map(type, parts)}:
        return put_at(a, index, value)
    changed = np.array(a)
    changed[index] = value  # type: ignore[call-overload]
    return cast(Array, changed)


def put_in(a: Array, row: Array, slot: int | Array, axis: int) -> Array:
    """The array with `row` at a slot of an axis."""
    if not is_numpy(a, slot):
        return lax.dynamic_update_index_in_dim(a, row, slot, axis)
    if MANY in {type(a), type(row), type(slot)}:
        return put_at(a, (slice(None),) * axis + (slot,), row)
    changed = np.array(a)
    changed[(slice(None),) * axis + (int(slot),)] = row
    return cast(Array, changed)


def slice_of(a: Array, first: int | Array, size: int, axis: int) -> Array:
    """`size` entries of an axis, from `first` on."""
    if not is_numpy(a, first):
        return lax.dynamic_slice_in_dim(a, first, size, axis)
    return a[(slice(None),) * axis + (slice(int(first), int(first) + size),)]


def nonzero(mask: Array, size: int, fill: int) -> Array:
    """The places where a mask (q,) holds, so many; filled up where they are fewer."""
    if type(mask) is MANY:
        return one_by_one(nonzero)(mask, size, fill)
    if not is_numpy(mask):
        return jnp.nonzero(mask, size=size, fill_value=fill)[0]
    found = np.flatnonzero(mask)[:size]
    return cast(Array, np.concatenate([found, np.full(size - len(found), fill)]))


def top_k(a: Array, k: int) -> tuple[Array, Array]:
    """The k largest of a row (m,), the largest first, and their numbers."""
    if type(a) is MANY:
        return one_by_one(top_k)(a, k)
    if not is_numpy(a):
        largest, where = lax.top_k(a, k)
        return largest, where
    found = np.argpartition(a, len(a) - k)[len(a) - k :]
    found = found[np.argsort(-np.asarray(a)[found], kind="stable")].astype(np.int32)
    return a[found], cast(Array, found)


def cho_solve(factor: Array, v: Array) -> Array:
    """(L Lᵀ)⁻¹ v of a lower factor L."""
    if type(factor) is MANY:
        return one_by_one(cho_solve)(factor, v)
    if not is_numpy(factor, v):
        return jax.scipy.linalg.cho_solve((factor, True), v)
    return cast(Array, _back(np.asarray(factor), _forward(np.asarray(factor), np.asarray(v))))


def solve_triangular(factor: Array, v: Array) -> Array:
    """L⁻¹ v of a lower factor L."""
    if type(factor) is MANY:
        return one_by_one(solve_triangular)(factor, v)
    if not is_numpy(factor, v):
        return jax.scipy.linalg.solve_triangular(factor, v, lower=True)
    return cast(Array, _forward(np.asarray(factor), np.asarray(v)))


def _forward(factor: np.ndarray, v: np.ndarray) -> np.ndarray:
    """L⁻¹ v of a lower factor L, by halves.

    SciPy has a BLAS of its own, whose threads wait for those of NumPy's: 257 x 257 with 50 columns
    took 32 ms, by halves 1 ms. A path of L1 on 2,000 x 5,000 took about twice as long.
    """
    half = len(factor) // 2
    if len(factor) <= _SMALL:
        return np.linalg.solve(factor, v)
    first = _forward(factor[:half, :half], v[:half])
    rest = _forward(factor[half:, half:], v[half:] - factor[half:, :half] @ first)
    return np.concatenate([first, rest])


def _back(factor: np.ndarray, v: np.ndarray) -> np.ndarray:
    """L⁻ᵀ v of a lower factor L, by halves."""
    half = len(factor) // 2
    if len(factor) <= _SMALL:
        return np.linalg.solve(factor.T, v)
    rest = _back(factor[half:, half:], v[half:])
    first = _back(factor[:half, :half], v[:half] - factor[half:, :half].T @ rest)
    return np.concatenate([first, rest])


def stop_gradient(a: Array) -> Array:
    """The array as a constant: no derivative goes through it."""
    return a if is_numpy(a) else lax.stop_gradient(a)
