"""Categorical columns as codes: the one-hot X (n, m) that they stand for is never stored."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg.arrays import as_array
from jax_logreg.matrix.spread import Spread
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, DTypeLike, Float, Integer

# Float32 numbers that are added one after another lose digits over 10^6 examples. So a column with
# few levels is summed in parts: at most so many, of so many sums in all, and of so many examples at
# least. The sums, 256 KB in float32, stay in the cache.
_PARTS, _SUMS, _FEWEST = 1024, 2**16, 256


@pytree
@dataclass(frozen=True)
class Categorical:
    """One-hot X (n, m) of c columns: `codes` are c arrays (m,) of unsigned integers.

    Column j has levels[j] levels, 0 to levels[j] − 1; the code levels[j] is no level, all
    zeros. Its features follow those of the columns before, n = Σ levels.

    `left @ X` gathers, and `X @ right` sums by code: XLA:CPU does so in about 1 ns a code. Sums
    over sorted examples would take twice the time, and a second copy of the codes. On a GPU sums by
    code are atomic, and the order of their terms is not fixed.
    """

    codes: tuple[Array, ...]
    levels: tuple[int, ...] = field(metadata={"static": True})
    dense: str = field(metadata={"static": True})

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return sum(self.levels), self.codes[0].shape[0]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the examples and features given back."""
        return np.dtype(self.dense)

    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        parts = zip(self.codes, self._split(left, axis=1), strict=True)
        # The codes are taken where they are needed, and the terms fuse into one loop.
        terms = [part.at[:, _index(code)].get(mode="fill", fill_value=0) for code, part in parts]
        return sum(terms[1:], start=terms[0])

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        if right.shape[1] == 1:
            return self._sum(right[:, 0])[:, None]
        # Row by row: by code, rows of right.T are summed four times as fast as columns of right.
        return lax.map(self._sum, right.T).T

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        total = jnp.sum(s)
        if centre is None:
            return self @ s.T / total
        present, absent = self._weights(s)
        return (present * jnp.abs(1 - centre) + absent * jnp.abs(centre)) / total

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        if centre is None:
            return self @ d.T
        present, absent = self._weights(d)
        return present * jnp.square(1 - centre) + absent * jnp.square(centre)

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each: 0, and 1 where it occurs."""
        found = (self._count(jnp.ones(self.shape[1], bool)) > 0).astype(self.dtype)
        return jnp.zeros_like(found), found

    def astype(self, dtype: DTypeLike) -> "Categorical":
        """The same, whose examples and features are given back in the dtype."""
        return replace(self, dense=str(np.dtype(dtype)))

    def spread(self, s: np.ndarray) -> Spread:
        """Mean and deviation under weights s (m,), in float64: p and √(p·(1 − p))."""
        found = []
        for code, count in zip(self.codes, self.levels, strict=True):
            index = np.asarray(code)
            own = np.bincount(index, s, count + 1)[:count]
            counted = np.bincount(index[s > 0], minlength=count + 1)[:count]
            found.append(np.stack([own, counted]))
        own, counted = np.concatenate(found, axis=1)[:, :, None]
        total, everywhere = float(s.sum()), counted == np.count_nonzero(s > 0)
        p = np.where(everywhere, 1, own / total)
        deviation = np.sqrt(p * np.where(everywhere, 0, np.maximum(total - own, 0) / total))
        return Spread(total, p, deviation, everywhere.astype(float), (counted > 0).astype(float))

    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n): a table of each two columns' levels, summed by pairs of codes."""
        rows: list[list[Array]] = []
        for i, a in enumerate(self.levels):
            row = []
            for j, b in enumerate(self.levels):
                if j < i:
                    row.append(rows[j][i].T)
                elif j == i:
                    row.append(jnp.diag(_sums(d[0], _index(self.codes[i]), a)))
                else:
                    pair = _index(self.codes[i]) * (b + 1) + _index(self.codes[j])
                    table = _sums(d[0], pair, (a + 1) * (b + 1)).reshape(a + 1, b + 1)
                    row.append(table[:a, :b])
            rows.append(row)
        return jnp.block(rows)

    def examples(self, index: Integer[Array, " q"]) -> Float[Array, "n q"]:
        """The columns `index` (q,), dense (n, q)."""
        numbers = [jnp.arange(count, dtype=jnp.int32)[:, None] for count in self.levels]
        taken = [_index(code[index])[None] for code in self.codes]
        same = [a == b for a, b in zip(numbers, taken, strict=True)]
        return jnp.concatenate(same).astype(self.dtype)

    def features(self, index: Integer[Array, " q"]) -> Float[Array, "q m"]:
        """The rows `index` (q,), dense (q, m)."""
        found = jnp.zeros((index.size, self.shape[1]), bool)
        first = 0
        for code, count in zip(self.codes, self.levels, strict=True):
            level = index[:, None].astype(jnp.int32) - first
            # The code after the last level is no level, and has no feature.
            found |= (_index(code)[None] == level) & (level < count)
            first += count
        return found.astype(self.dtype)

    def cut(self, span: slice, m: int) -> "Categorical":
        """The columns of the span, and zeros up to m of them, in NumPy."""
        codes: list[Array] = []
        for code, count in zip(self.codes, self.levels, strict=True):
            filled = np.full(m, count, code.dtype)
            part = np.asarray(code)[span]
            filled[: part.size] = part
            codes.append(as_array(filled))
        return Categorical(tuple(codes), self.levels, self.dense)

    def _split(self, a: Array, axis: int) -> list[Array]:
        """The parts of `a` along an axis of n, a column's each."""
        return jnp.split(a, np.cumsum(self.levels)[:-1], axis=axis)

    def _sum(self, values: Array) -> Array:
        """Σ of the values (m,) of the examples of each level, (n,)."""
        parts = zip(self.codes, self.levels, strict=True)
        return jnp.concatenate([_sums(values, _index(code), count) for code, count in parts])

    def _count(self, which: Array) -> Array:
        """Return how many of the examples `which` (m,) have each level, (n, 1)."""
        return self._sum(which.astype(jnp.int32))[:, None]

    def _weights(self, s: Float[Array, "1 m"]) -> tuple[Array, Array]:
        """Σ s over the examples with each level, and over those without it, (n, 1) each."""
        present, counted = self @ s.T, s[0] != 0
        # Rounding must leave nothing absent where every example that counts has the level.
        everywhere = self._count(counted) == jnp.sum(counted)
        return present, jnp.where(everywhere, 0, jnp.sum(s) - present)


def _index(code: Array) -> Array:
    return code.astype(jnp.int32)


def _sums(values: Array, index: Integer[Array, " q"], count: int) -> Array:
    """Σ of the values (m,) by their index, (count,); an index of `count` is left out."""
    m, width = values.size, count + 1
    parts = max(1, min(_PARTS, _SUMS // width, m // _FEWEST))
    part = lax.iota(jnp.int32, m) // -(-m // parts)
    sums = jax.ops.segment_sum(values, part * width + index, parts * width)
    return jnp.sum(sums.reshape(parts, width), axis=0)[:count]
