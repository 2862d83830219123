"""One text for the arrays of NumPy and of JAX: each function is of the arrays' own library."""

from jax_logreg.arrays.control import cond, fold, map_over, scan, vmap
from jax_logreg.arrays.kind import all_numpy, is_numpy
from jax_logreg.arrays.namespace import (
    arange_like,
    as_array,
    cho_solve,
    eye_like,
    of_kind,
    opaque,
    put_in,
    scalar,
    set_at,
    sigmoid,
    slice_of,
    solve_triangular,
    stop_gradient,
    top_k,
)
from jax_logreg.arrays.namespace import xp as xp

__all__ = [
    "all_numpy",
    "arange_like",
    "as_array",
    "cho_solve",
    "cond",
    "eye_like",
    "fold",
    "is_numpy",
    "map_over",
    "of_kind",
    "opaque",
    "put_in",
    "scalar",
    "scan",
    "set_at",
    "sigmoid",
    "slice_of",
    "solve_triangular",
    "stop_gradient",
    "top_k",
    "vmap",
    "xp",
]
