"""The protocol of a matrix X (n, m): n features, m examples in columns."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from jax import Array


# The tests' checker of shapes looks whether an object has these names; nothing else does.
@runtime_checkable
class Matrix(Protocol):
    """A matrix X (n, m) by its two products, and by the sums and parts that solvers ask for.

    It is a JAX pytree. `matrix/operations.py` has each method as a function, for arrays too, and
    lists what a matrix may offer beside these.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""

    @property
    def dtype(self) -> "np.dtype":
        """The dtype of the entries that it gives back."""

    def __rmatmul__(self, left: "Array", /) -> "Array":
        """`left @ X` for left (k, n): (k, m)."""

    def __matmul__(self, right: "Array", /) -> "Array":
        """`X @ right` for right (m, k): (n, k)."""

    def mean_absolute(self, s: "Array", centre: "Array | None" = None) -> "Array":
        """Σ s·|X − centre| / Σ s over the examples for s (1, m), centre (n, 1): (n, 1)."""

    if TYPE_CHECKING:
        # Some solvers ask for them, so that a user's own matrix may leave them out.
        def extremes(self) -> "tuple[Array, Array]":
            """The least and the largest X of each feature: (n, 1) each."""

        def squares(self, d: "Array", centre: "Array | None" = None) -> "Array":
            """Σ d·(X − centre)² over the examples for d (1, m), centre (n, 1): (n, 1)."""

        def gram(self, d: "Array") -> "Array":
            """X diag(d) Xᵀ for d (1, m): (n, n)."""

        def examples(self, index: "Array") -> "Array":
            """The columns `index` (q,), dense (n, q)."""

        def features(self, index: "Array") -> "Array | Matrix":
            """The rows `index` (q,), (q, m): dense, or a matrix."""
