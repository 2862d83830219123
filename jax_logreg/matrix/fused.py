"""A dense X (n, m) on a GPU, of which one kernel reads each number once for both products."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg.errors import InputError
from jax_logreg.matrix import operations
from jax_logreg.pytree import pytree

# Numbers of X that a program of the grid holds in its registers at a time, programs, and examples
# of a tile: 2 to the power of at least 4, as Triton's arrays are.
_TILE, _PROGRAMS, _FEWEST = 2**15, 512, 16
_MOST_FEATURES = _TILE // _FEWEST


class _Tile(NamedTuple):
    """Columns x (n, b) of X in a kernel: for one output both products are sums, not dots."""

    x: Array

    def __rmatmul__(self, left: Array) -> Array:
        if left.shape[0] > 1:
            return left @ self.x
        return jnp.sum(left.T * self.x, axis=0, keepdims=True)

    def __matmul__(self, right: Array) -> Array:
        if right.shape[1] > 1:
            return self.x @ right
        return jnp.sum(self.x * right.T, axis=1, keepdims=True)


@pytree
@dataclass(frozen=True)
class Fused:
    """X (n, m) with zeros up to a power of two features and up to whole tiles of examples.

    Off an NVIDIA GPU the sums over it are XLA's two products, unless `interpret` runs the kernel
    step by step, for tests.
    """

    padded: Any
    n: int = field(metadata={"static": True})
    m: int = field(metadata={"static": True})
    interpret: bool = field(default=False, metadata={"static": True})
    in_blocks = True
    fills_up = True

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.n, self.m

    @property
    def dtype(self) -> Any:
        """The dtype of the entries."""
        return self.padded.dtype

    def __rmatmul__(self, left: Array) -> Array:
        """`left @ X` for left (k, n): (k, m)."""
        return (self._as_features(left.T).T @ self.padded)[:, : self.m]

    def __matmul__(self, right: Array) -> Array:
        """`X @ right` for right (m, k): (n, k)."""
        return (self.padded @ self._as_rows(right.T).T)[: self.n]

    def over_blocks(self, f: Callable[..., Any], shared: Any, *rows: Array) -> Any:
        """Σ f(X of some examples, shared, their rows (r, b)): each number is read but once.

        What is shared and has n rows, such as w, is filled up with zeros, as X is.
        """
        size = min(max(_TILE // len(self.padded), _FEWEST), self.padded.shape[1])
        wanted = jax.eval_shape(lambda *rows: f(self, shared, *rows), *rows)
        shared = jax.tree.map(self._filled, shared)
        rows = tuple(self._as_rows(row) for row in rows)

        def by_xla(padded: Array, shared: Any, *rows: Array) -> Any:
            return f(padded, shared, *rows)

        def by_kernel(padded: Array, shared: Any, *rows: Array) -> Any:
            return _sum_tiles(f, size, self.interpret, padded, shared, *rows)

        if self.interpret:
            found = by_kernel(self.padded, shared, *rows)
        else:
            found = lax.platform_dependent(
                self.padded, shared, *rows, cuda=by_kernel, default=by_xla
            )
        return jax.tree.map(lambda a, like: a[tuple(map(slice, like.shape))], found, wanted)

    def mean_absolute(self, s: Array, centre: Array | None = None) -> Array:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        return self._of_features(operations.mean_absolute, s, centre)

    def squares(self, d: Array, centre: Array | None = None) -> Array:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._of_features(operations.squares, d, centre)

    def largest(self) -> Array:
        """The largest |X| of each feature, (n, 1)."""
        return operations.largest(self.padded)[: self.n]

    def gram(self, d: Array) -> Array:
        """X diag(d) Xᵀ, (n, n)."""
        return operations.gram(self.padded, self._as_rows(d))[: self.n, : self.n]

    def examples(self, index: Array) -> Array:
        """The columns `index` (q,), dense (n, q)."""
        return self.padded[: self.n, index]

    def features(self, index: Array) -> Array:
        """The rows `index` (q,), dense (q, m)."""
        return self.padded[index, : self.m]

    def _of_features(self, f: Callable[..., Array], s: Array, centre: Array | None) -> Array:
        centre = None if centre is None else self._as_features(centre)
        return f(self.padded, self._as_rows(s), centre)[: self.n]

    def _as_rows(self, rows: Array) -> Array:
        return jnp.pad(rows, ((0, 0), (0, self.padded.shape[1] - self.m)))

    def _as_features(self, columns: Array) -> Array:
        return jnp.pad(columns, ((0, len(self.padded) - self.n), (0, 0)))

    def _filled(self, leaf: Array) -> Array:
        return self._as_features(leaf) if leaf.ndim == 2 and len(leaf) == self.n else leaf


def fuse(X: Any, dtype: str = "float32", interpret: bool = False) -> Fused:
    """X (n, m) for the kernel, n at most 2048, on the default device.

    Raises:
        InputError: too many features for one tile.
    """
    X = np.asarray(X)
    n, m = X.shape
    if n > _MOST_FEATURES:
        raise InputError(
            f"X has {n} features: expected at most {_MOST_FEATURES} in a kernel: pass X as it is"
        )
    features = _power_of_two(n)
    size = min(max(_TILE // features, _FEWEST), _power_of_two(m))
    padded = np.zeros((features, -(-m // size) * size), dtype)
    padded[:n, :m] = X
    return Fused(jnp.asarray(padded), n, m, interpret)


def _power_of_two(count: int) -> int:
    return max(1 << (count - 1).bit_length(), _FEWEST)


def _sum_tiles(
    f: Callable[..., Any], size: int, interpret: bool, X: Array, shared: Any, *rows: Array
) -> Any:
    """Σ f(tile of X, shared, its rows) by one kernel; a program keeps its own sums."""
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    tiles = X.shape[1] // size
    programs = min(tiles, _PROGRAMS)
    structure: Any  # JAX leaves its tree structures untyped.
    outputs: Any
    leaves, structure = jax.tree.flatten(shared)
    first = [jax.ShapeDtypeStruct((len(a), size), a.dtype) for a in (X, *rows)]
    sums = jax.eval_shape(lambda x, *rows: f(_Tile(x), shared, *rows), *first)
    shapes, outputs = jax.tree.flatten(sums)

    def kernel(*refs: Any) -> None:
        data, given, found = (
            refs[: 1 + len(rows)],
            refs[1 + len(rows) : len(refs) - len(shapes)],
            refs[len(refs) - len(shapes) :],
        )
        shared = structure.unflatten([ref[...] for ref in given])
        program = pl.program_id(0)

        def add(i: Array, total: list[Array]) -> list[Array]:
            columns = pl.ds((program + i * programs) * size, size)
            x, *rows = (ref[:, columns] for ref in data)
            of_tile = jax.tree.leaves(f(_Tile(x), shared, *rows))
            return [a + b for a, b in zip(total, of_tile, strict=True)]

        zero = [jnp.zeros(a.shape, a.dtype) for a in shapes]
        mine = (tiles - program + programs - 1) // programs
        for ref, a in zip(found, lax.fori_loop(0, mine, add, zero), strict=True):
            ref[program] = a

    by_program = pl.pallas_call(
        kernel,
        grid=(programs,),
        out_shape=[jax.ShapeDtypeStruct((programs, *a.shape), a.dtype) for a in shapes],
        compiler_params=triton.CompilerParams(num_warps=8),
        interpret=interpret,
    )(X, *rows, *leaves)
    return outputs.unflatten([jnp.sum(a, axis=0) for a in by_program])
