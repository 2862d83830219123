"""Matrices that may stand where X stands: they offer `w.T @ X` and `X @ dZ.T`."""

from typing import TYPE_CHECKING

from jax_logreg.matrix.by_feature import part_features, part_rows
from jax_logreg.matrix.categorical import Categorical
from jax_logreg.matrix.chunking import from_scipy
from jax_logreg.matrix.compressed import Compressed, compress
from jax_logreg.matrix.dense import Transposed, aligned
from jax_logreg.matrix.encoding import encode, from_codes
from jax_logreg.matrix.foreign import GivenX, SciPySparse, is_scipy
from jax_logreg.matrix.identity import Identity, are_near, identify
from jax_logreg.matrix.operations import (
    cast,
    each_block,
    examples,
    extremes,
    features,
    gram,
    has_extremes,
    in_blocks,
    is_array,
    is_traced,
    known,
    magnitude,
    mean_absolute,
    one_by_one,
    over_blocks,
    over_parts,
    raw_row,
    read_examples,
    squares,
)
from jax_logreg.matrix.placing import (
    arrange,
    arrange_for_numpy,
    formed_in_numpy,
    in_numpy,
    place,
)
from jax_logreg.matrix.read_ahead import plain_errors
from jax_logreg.matrix.sharded import Sharded
from jax_logreg.matrix.sharding import examples_each, shard
from jax_logreg.matrix.sparse import Sparse
from jax_logreg.matrix.spread import Spread, power_of_two, spread_of_array
from jax_logreg.matrix.stacked import Stacked, stack
from jax_logreg.matrix.standardised import Standardised, standardise
from jax_logreg.matrix.streamed import Streamed, stream
from jax_logreg.shapes import Matrix

__all__ = [
    "Categorical",
    "Compressed",
    "GivenX",
    "Identity",
    "Matrix",
    "SciPySparse",
    "Sharded",
    "Sparse",
    "Spread",
    "Stacked",
    "Standardised",
    "Streamed",
    "Transposed",
    "aligned",
    "are_near",
    "arrange",
    "arrange_for_numpy",
    "cast",
    "compress",
    "each_block",
    "encode",
    "examples",
    "examples_each",
    "extremes",
    "features",
    "formed_in_numpy",
    "from_codes",
    "from_scipy",
    "gram",
    "has_extremes",
    "identify",
    "in_blocks",
    "in_numpy",
    "is_array",
    "is_scipy",
    "is_traced",
    "known",
    "magnitude",
    "mean_absolute",
    "one_by_one",
    "over_blocks",
    "over_parts",
    "part_features",
    "part_rows",
    "place",
    "plain_errors",
    "power_of_two",
    "raw_row",
    "read_examples",
    "shard",
    "spread_of_array",
    "squares",
    "stack",
    "standardise",
    "stream",
]

if TYPE_CHECKING:
    # The type checker compares each kind with the protocol here.
    _Kinds = (
        Categorical | Compressed | Sharded | Sparse | Stacked | Standardised | Streamed | Transposed
    )

    def _is_matrix(X: _Kinds) -> Matrix:
        return X
