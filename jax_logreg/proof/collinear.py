"""Features that are linear combinations of earlier ones, up to the rounding of their dtype.

Gram-Schmidt in the order of the features, done twice, leaves only rounding of a dependent x_j:
|x_j − Σ c_i x_i| <= 8 eps·(max |x_j| + Σ |c_i| max |x_i|), i over the independent ones before j.

Source: Giraud, Langou and Rozloznik 2005, Computers and Mathematics with Applications 50,
1069-1075.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jax_logreg.matrix import is_array, read_examples
from jax_logreg.proof.design import Vector
from jax_logreg.shapes import Matrix, NDArray


class Collinear(NamedTuple):
    """A feature that is a combination of `others`, and if `intercept`, of the intercept too."""

    feature: int
    others: tuple[int, ...]
    intercept: bool


# Entries of X in one block.
_BLOCK = 1 << 18
# Features orthogonalised together.
_PANEL = 64
# The rounding of this module's own sums, in units of the scaled features.
_OWN = 1e-14
# A combination names a feature whose coefficient is this many times the rounding of the whole.
_NAMED = 1e3


def collinear_features(
    X: Matrix | NDArray,
    s: NDArray | None = None,
    *,
    intercept: bool = True,
    columns: Sequence[int] | Vector | None = None,
) -> tuple[Collinear, ...]:
    """The features of X (n, m) that are combinations of earlier ones and the intercept, in float64.

    Of two equal features it is the later. A constant feature is a multiple of the intercept, if
    there is one. X without these features has the same rank. It takes O(n³), for n up to a few
    thousand.

    Args:
        X: an array, or a matrix whose columns `matrix.examples` gives.
        s: (1, m) weights; examples with s = 0 do not count.
        intercept: whether the model has an intercept.
        columns: the numbers of the features to examine; by default all.
    """
    X = np.asarray(X) if is_array(X) else X
    columns = np.arange(X.shape[0]) if columns is None else np.asarray(columns)
    n, m = len(columns), X.shape[1]
    index = np.arange(m) if s is None else np.flatnonzero(np.asarray(s).reshape(-1) > 0)
    if not (n and len(index)):
        return tuple(Collinear(j, (), False) for j in columns.tolist())
    # A dependence in all examples is one in some. Examples that break a dependence are added to
    # these.
    count = min(len(index), 2 * n + 100)
    some = np.unique(index[np.linspace(0, len(index) - 1, count).astype(int)])
    scaled = _Scaled(X, index, some, columns, intercept)
    while True:
        C, limit = _dependences(scaled.read(some), scaled.noise)
        dependent = np.flatnonzero(np.any(C, axis=1))
        worst = scaled.worst(C[dependent], limit[dependent])
        more = np.union1d(some, worst)
        if len(more) == len(some):
            return tuple(scaled.combination(j, C[j], limit[j]) for j in dependent.tolist())
        some = more


class _Scaled:
    """The intercept's ones, then the features, each less one of its values, over its range."""

    def __init__(
        self,
        X: Matrix | Vector,
        index: Vector,
        some: Vector,
        columns: Vector,
        intercept: bool,
    ) -> None:
        self.X, self.index, self.columns = X, index, columns
        self.all = len(columns) == X.shape[0]
        self.centre, self.size = np.zeros((len(columns), 1)), np.ones((len(columns), 1))
        self.ones = 0
        if intercept:
            self.centre = np.sort(self.read(some), axis=1)[:, [len(some) // 2]]
        dtype = np.dtype(X.dtype)
        eps = 0.0 if dtype.kind in "biu" else float(jnp.finfo(dtype).eps)
        size = np.max([np.abs(x).max(axis=1) for _, x in self.blocks()], axis=0)[:, None]
        largest = np.abs(self.centre) + size
        # Features that are constant up to rounding become zeros.
        self.size = np.where(size > 4 * eps * largest, size, np.inf)
        self.noise = np.pad((8 * eps * largest / self.size)[:, 0], (int(intercept), 0)) + _OWN
        self.ones = int(intercept)

    def read(self, at: Vector) -> Vector:
        """The scaled features of these examples."""
        if is_array(self.X):
            run = at[-1] - at[0] == len(at) - 1  # A view where nothing lies between.
            x = np.asarray(self.X[:, at[0] : at[-1] + 1] if run else self.X[:, at])
        else:
            x = read_examples(self.X, at)
        scaled = (
            np.asarray(x if self.all else x[self.columns], np.float64) - self.centre
        ) / self.size
        return np.vstack([np.ones((self.ones, len(at))), scaled])

    def blocks(self) -> Iterator[tuple[Vector, Vector]]:
        """All examples that count, block by block: their numbers, and their scaled features."""
        size = max(1, _BLOCK // len(self.columns))
        parts = (self.index[i : i + size] for i in range(0, len(self.index), size))
        return ((part, self.read(part)) for part in parts)

    def combination(self, row: int, c: Vector, limit: float) -> Collinear:
        """The feature of this row of dependences c (n + 1 or n,), and the features it combines.

        x_j − centre_j = −size_j · (c_0 + Σ c_i·(x_i − centre_i) / size_i), i before j.
        """
        j, c_0, c = row - self.ones, c[: self.ones].sum(), c[self.ones :]
        centre, size = self.centre[:, 0], self.size[:, 0]
        number = int(self.columns[j])
        if np.isinf(size[j]):
            return Collinear(number, (), bool(self.ones))
        named = np.abs(c) > _NAMED * limit
        named[j] = False
        terms = np.append(size[j] * c[named] * centre[named] / size[named], -size[j] * c_0)
        terms = np.append(terms, centre[j])
        rounding = _NAMED * (limit * size[j] + _OWN * np.abs(terms).sum())
        intercept = bool(self.ones and np.abs(terms.sum()) > rounding)
        return Collinear(number, tuple(self.columns[named].tolist()), intercept)

    def worst(self, C: Vector, limit: Vector) -> Vector:
        """The examples that break the dependences C (count, n) most, one for each broken one."""
        most, at = limit.copy(), np.full(len(C), -1)
        for part, x in self.blocks() if len(C) else ():
            gap = np.abs(C @ x)
            here = gap.argmax(axis=1)
            gap = gap[np.arange(len(C)), here]
            at, most = np.where(gap > most, part[here], at), np.maximum(gap, most)
        return np.unique(at[at >= 0])


def _dependences(x: Vector, noise: Vector) -> tuple[Vector, Vector]:
    """C (n, n), C x = 0 up to `limit` (n,): rows (−c, 1) where dependent, 0 where independent."""
    from scipy.linalg import solve_triangular  # type: ignore[import-untyped, unused-ignore]

    n = len(x)
    scale, most = np.sqrt(x.shape[1]), min(x.shape)
    # x.T = Q T, stored by columns, in the order of reading.
    Q, T = np.zeros((x.shape[1], most), order="F"), np.zeros((most, n), order="F")
    C, limit, basis = np.zeros((n, n)), np.zeros(n), np.zeros(0, int)
    for start in range(0, n, _PANEL):
        panel = slice(start, start + _PANEL)
        done = len(basis)
        V, V0 = x.T[:, panel].copy(order="F"), Q[:, :done]
        for _ in range(2):
            T[:done, panel] += (more := V0.T @ V)
            V -= V0 @ more
        for j in range(start, min(start + _PANEL, n)):
            r = len(basis)
            v, new = V[:, j - start], Q[:, done:r]
            for _ in range(2):
                T[done:r, j] += (one := new.T @ v)
                v -= new @ one
            left = np.linalg.norm(v)
            c = np.zeros(0)
            if r and (r == most or left < 1e-2 * scale):
                c = solve_triangular(T[:r, basis], T[:r, j])
            limit[j] = noise[j] + np.abs(c) @ noise[basis[: len(c)]]
            if r == most or left <= limit[j] * scale:
                C[j, basis[: len(c)]], C[j, j] = -c, 1
            else:
                Q[:, r], T[r, j] = v / left, left
                basis = np.append(basis, j)
    return C, limit
