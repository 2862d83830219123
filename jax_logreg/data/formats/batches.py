"""Arrow's record batches, in the lengths that a pass asks for."""

from collections.abc import Iterator
from typing import Any

from jax_logreg.errors.extras import needs

# pyarrow has no types: what it hands out is known to no checker.
Arrow = Any
Batches = Iterator[Arrow]


def arrow() -> Arrow:
    """The library, imported where it is needed."""
    # Importing it takes as long as importing JAX.
    with needs("run"):
        import pyarrow
    return pyarrow


def cut(batches: Arrow, size: int) -> Batches:
    """The same rows in batches of at most `size`."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def after(batches: Arrow, first: int) -> Batches:
    """The rows from `first` on."""
    for batch in batches:
        if first < batch.num_rows:
            yield batch.slice(first)
        first = max(first - batch.num_rows, 0)
