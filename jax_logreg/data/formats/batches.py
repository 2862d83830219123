"""Arrow's record batches, in the lengths that a pass asks for."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from jax_logreg.errors.extras import needs

if TYPE_CHECKING:
    from pyarrow import RecordBatch

    Batches: TypeAlias = Iterator[RecordBatch]


def arrow() -> ModuleType:
    """Return pyarrow, imported where it is needed."""
    # Its import takes as long as that of JAX.
    with needs("run"):
        import pyarrow
    return pyarrow


def cut(batches: "Iterable[RecordBatch]", size: int) -> "Batches":
    """Yield the same rows in batches of at most `size`."""
    for batch in batches:
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


def after(batches: "Iterable[RecordBatch]", first: int) -> "Batches":
    """Yield the rows from `first` on."""
    for batch in batches:
        if first < batch.num_rows:
            yield batch.slice(first)
        first = max(first - batch.num_rows, 0)
