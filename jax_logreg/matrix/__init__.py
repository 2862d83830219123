"""What may stand where X stands: anything that offers `w.T @ X` and `X @ dZ.T`."""

from jax_logreg.matrix.compressed import Compressed, compress
from jax_logreg.matrix.dense import Transposed, aligned
from jax_logreg.matrix.operations import (
    examples,
    features,
    gram,
    in_blocks,
    is_array,
    largest,
    mean_absolute,
    over_blocks,
    squares,
)
from jax_logreg.matrix.placing import arrange, place
from jax_logreg.matrix.sharded import Sharded, shard
from jax_logreg.matrix.sparse import Sparse, from_scipy
from jax_logreg.matrix.standardised import Standardised, standardise

__all__ = [
    "Compressed",
    "Sharded",
    "Sparse",
    "Standardised",
    "Transposed",
    "aligned",
    "arrange",
    "compress",
    "examples",
    "features",
    "from_scipy",
    "gram",
    "in_blocks",
    "is_array",
    "largest",
    "mean_absolute",
    "over_blocks",
    "place",
    "shard",
    "squares",
    "standardise",
]
