"""Arrays of a problem, cast to a dtype and put on their devices."""

from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from jax_logreg.errors import InputError
from jax_logreg.matrix import arrange
from jax_logreg.placement.devices import (
    over_hosts,
    replicate,
    shares_features,
    spread,
    spread_features,
)
from jax_logreg.problem.entries import FEW, check_entries, find_extremes
from jax_logreg.problem.parts import check_parts


def hand_over(X: Any, rest: Any, dtype: str, device: jax.Device | None, names: Any) -> Any:
    """X, whose entries are looked at, and the small arrays beside it, on the device.

    Without a name for it a compiled identity takes many small arrays over in the time that
    device_put takes for one, X among them if NumPy has it and it is small.
    """
    take = _identity if device is None else partial(jax.device_put, device=device)
    given, X = X, arrange(X, dtype, device)
    leaves = jax.tree.leaves(X)
    few = all(isinstance(a, np.ndarray) for a in leaves) and sum(a.size for a in leaves) <= FEW
    if few and device is None:
        X, rest = take((X, rest))
    else:
        X, rest = jax.device_put(X, device), take(rest)
    check_entries(given, find_extremes(given, X, dtype), dtype, names)
    return X, rest


def spread_out(X: Any, rest: Any, dtype: str, mesh: Mesh, names: Any) -> tuple[Any, Any]:
    """As `hand_over`, X and what goes with its examples, or features, in parts over the mesh."""
    if shares_features(mesh):
        Y, s, penalty, w, b = rest
        placed, penalty, w = spread_features(X, penalty, w, dtype, mesh)
        rest = (*replicate((Y, s), mesh), penalty, w, replicate(b, mesh))
    else:
        Y, s, *others = rest
        placed, Y, s = spread(X, Y, s, dtype, mesh)
        rest = (Y, s, *replicate(others, mesh))
    if over_hosts(mesh):
        check_parts(X, placed, dtype, names)
    else:
        check_entries(X, find_extremes(X, placed, dtype), dtype, names)
    return placed, rest


@jax.jit
def _identity(values: Any) -> Any:
    return values


def cast(name: str, tree: Any, dtype: str) -> Any:
    """The numbers in the dtype; what is beyond it is an InputError."""
    with np.errstate(over="ignore"):
        cast = jax.tree.map(lambda value: np.asarray(value, dtype), tree)
    if not all(np.all(np.isfinite(part)) for part in jax.tree.leaves(cast)):
        raise InputError(
            f"{name} has a number that {dtype} cannot hold: expected smaller ones, or "
            "dtype='float64'"
        )
    return cast
