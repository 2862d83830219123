"""X (n, m) in blocks of examples: its products, and what else is summed over the examples."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg._jax.programs import program
from jax_logreg.matrix.dense import Transposed
from jax_logreg.shapes import Array, DTypeLike, Float, T

# The examples of a block are a multiple of this: its sum is split into as many parts, for the
# cores.
PARTS = 8
# Entries of a piece of a block, which stays in a core's cache for both products.
_CACHED = 2**16


def layout(n: int, m: int, size: int) -> tuple[int, int]:
    """Return the number of blocks, and of examples in each: about `size`, in whole pieces."""
    count = -(-m // max(size, PARTS))
    pieces = _pieces(n, -(-m // count))
    piece = -(-m // (count * pieces))
    return count, pieces * -(-piece // PARTS) * PARTS


def _pieces(n: int, size: int) -> int:
    return -(-size // max(_CACHED // n, PARTS))


class Blocked:
    """An X (n, m) in blocks (count, size, n); columns past m are zero.

    A subclass names its `blocks`, scanned along their leading axis, and may load and decode them.
    Stored numbers are multiplied by `scale` (n, 1) where there is one.
    """

    blocks: Array
    scale: Array | None
    in_blocks = True
    one_by_one = True

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[int, int]:
            """(n, m)."""

        @property
        def dtype(self) -> np.dtype:
            """The dtype of the examples and features given back."""

        @property
        def block_shape(self) -> tuple[int, int, int]:
            """(count, size, n)."""

    def load(self, block: Array) -> Array:
        """The stored numbers (size, n) of an entry of `blocks`."""
        return block

    def decode(self, stored: Array, dtype: DTypeLike) -> Array:
        """Stored numbers in the dtype."""
        return stored.astype(dtype)

    @jax.default_matmul_precision("highest")
    def __rmatmul__(self, left: Float[Array, "k n"]) -> Float[Array, "k m"]:
        """`left @ X` for left (k, n): (k, m)."""
        left = left if self.scale is None else left * self.scale.T.astype(left.dtype)

        # Without the checkpoint, jax.grad would keep every converted block.
        @jax.checkpoint
        def product(left: Array, block: Array) -> Array:
            return left @ self.decode(self.load(block), left.dtype).T

        _, Z = lax.scan(lambda _, block: (None, product(left, block)), None, self.blocks)
        return jnp.moveaxis(Z, 0, 1).reshape(left.shape[0], -1)[:, : self.shape[1]]

    def __matmul__(self, right: Float[Array, "m k"]) -> Float[Array, "n k"]:
        """`X @ right` for right (m, k): (n, k)."""
        total = self._sum(lambda x: x, right.T)
        return total if self.scale is None else total * self.scale.astype(total.dtype)

    def over_blocks(self, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """Σ f(X of some examples, shared, their rows (r, b)): each number is read once."""

        def of_block(block: Array, *rows: Array) -> T:
            return self._over_pieces(self.load(block), f, shared, *rows)

        return total(of_block, self.blocks, *map(self._by_block, rows))

    def _over_pieces(self, stored: Array, f: Callable[..., T], shared: object, *rows: Array) -> T:
        """`over_blocks` of stored numbers (q, n) and rows (r, q) of whole blocks."""
        _, size, n = self.block_shape
        pieces = _pieces(n, size)
        piece = size // pieces if size % pieces == 0 else size

        def of_piece(stored: Array, *rows: Array) -> T:
            x = self._scaled(self.decode(stored, rows[0].dtype))
            return f(Transposed(x), shared, *rows)

        split = [_split(row, piece) for row in rows]
        return total(of_piece, stored.reshape(-1, piece, n), *split)

    def each_block(self, f: Callable[..., T], carry: T, *rows: Array) -> T:
        """The carry after f(carry, X of a block, its rows (r, b)) of one block after another."""

        def of_block(carry: T, entries: tuple[Array, ...]) -> tuple[T, None]:
            block, *rows = entries
            x = self._scaled(self.decode(self.load(block), rows[0].dtype))
            return f(carry, Transposed(x), *rows), None

        return lax.scan(of_block, carry, (self.blocks, *map(self._by_block, rows)))[0]

    def extremes(self) -> tuple[Array, Array]:
        """The least and the largest X of each feature, (n, 1) each, 0 being one of them."""
        return _extremes(self)

    def mean_absolute(
        self, s: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ s·|X − centre| / Σ s over the examples, (n, 1)."""
        return self._sum(lambda x: jnp.abs(self._centred(x, centre)), s) / jnp.sum(s)

    def squares(
        self, d: Float[Array, "1 m"], centre: Float[Array, "n 1"] | None = None
    ) -> Float[Array, "n 1"]:
        """Σ d·(X − centre)² over the examples, (n, 1)."""
        return self._sum(lambda x: jnp.square(self._centred(x, centre)), d)

    @jax.default_matmul_precision("highest")
    def gram(self, d: Float[Array, "1 m"]) -> Float[Array, "n n"]:
        """X diag(d) Xᵀ, (n, n)."""

        def of_block(block: Array, d: Float[Array, "1 m"]) -> Array:
            # Scaled before the squares, which could leave the range of the dtype.
            x = self._scaled(self.decode(self.load(block), d.dtype))
            return (x * d.T).T @ x

        return total(of_block, self.blocks, self._by_block(d))

    @jax.default_matmul_precision("highest")
    def _sum(self, f: Callable[[Array], Array], rows: Array) -> Array:
        """f(stored numbers) @ rows.T for rows (k, m): (n, k)."""
        n = self.block_shape[2]

        @jax.checkpoint
        def of_block(block: Array, rows: Array) -> Array:
            x = f(self.decode(self.load(block), rows.dtype)).reshape(PARTS, -1, n)
            split = rows.reshape(len(rows), PARTS, -1)
            return jnp.sum(jnp.einsum("kpb,pbn->pkn", split, x), axis=0)

        return total(of_block, self.blocks, self._by_block(rows)).T

    def _scaled(self, x: Array) -> Array:
        return x if self.scale is None else x * self.scale.T.astype(x.dtype)

    def _centred(self, x: Array, centre: Float[Array, "n 1"] | None) -> Array:
        x = self._scaled(x)
        return x if centre is None else x - centre.T

    def _by_block(self, rows: Array) -> Array:
        """Rows (r, m) of each block, (count, r, size), zero past m."""
        return _split(self._filled(rows), self.block_shape[1])

    def _filled(self, rows: Array) -> Array:
        count, size, _ = self.block_shape
        return jnp.pad(rows, ((0, 0), (0, count * size - self.shape[1])))


@program
def _extremes(X: Blocked) -> tuple[Array, Array]:
    def of_block(found: tuple[Array, Array], block: Array) -> tuple[tuple[Array, Array], None]:
        x = X._scaled(X.decode(X.load(block), X.dtype))
        least, most = jnp.min(x, axis=0), jnp.max(x, axis=0)
        return (jnp.minimum(found[0], least), jnp.maximum(found[1], most)), None

    zero = jnp.zeros(X.shape[0], X.dtype)
    least, most = lax.scan(of_block, (zero, zero), X.blocks)[0]
    return least[:, None], most[:, None]


def _split(rows: Array, size: int) -> Array:
    """Rows (r, m) as (m / size, r, size)."""
    return jnp.moveaxis(rows.reshape(len(rows), -1, size), 1, 0)


def total(f: Callable[..., T], *inputs: object) -> T:
    """Σ f(entries of the inputs) along their leading axis."""
    zero = jax.tree.map(
        lambda found: jnp.zeros(found.shape, found.dtype),
        jax.eval_shape(lambda *inputs: f(*jax.tree.map(lambda a: a[0], inputs)), *inputs),
    )

    def add(total: T, entries: tuple[object, ...]) -> tuple[T, None]:
        return jax.tree.map(jnp.add, total, f(*entries)), None

    return lax.scan(add, zero, inputs)[0]
