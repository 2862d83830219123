"""Arrays of a problem, cast to a dtype and put on their devices."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jax_logreg._jax.forking import check_process
from jax_logreg._jax.programs import program
from jax_logreg.errors import InputError
from jax_logreg.matrix import arrange, arrange_for_numpy, part_features, shard
from jax_logreg.placement.devices import (
    make_mesh,
    over_hosts,
    replicate,
    shares_features,
    spread_features,
    spread_rows,
)
from jax_logreg.problem.arguments import find_device
from jax_logreg.problem.entries import FEW, check_entries, find_extremes
from jax_logreg.problem.parts import check_parts


class Place(NamedTuple):
    """Where a fit is computed: on a device, None for JAX's own choice, or over those of a mesh.

    `executor` is "numpy", "xla", or "auto", which leaves the choice to the problem.
    """

    device: jax.Device | None
    mesh: Mesh | None
    executor: str = "xla"

    @property
    def over_hosts(self) -> bool:
        """Return whether several hosts share the examples."""
        return self.mesh is not None and over_hosts(self.mesh)


def find_place(devices: Any, device: object, one_model: bool, executor: str = "xla") -> Place:
    """Return the place that the options of a fit name.

    Raises:
        InputError: no such devices, or some that many models at once cannot share.
    """
    found = find_device(device)
    mesh = None if devices is None else make_mesh(devices, found)
    if mesh is not None and shares_features(mesh) and not one_model:
        raise InputError(
            f"devices is {devices!r}, but many models at once share the examples: pass "
            f"devices={devices['features']!r}, or fit them one by one"
        )
    if mesh is not None and over_hosts(mesh) and not one_model:
        raise InputError(
            "devices is 'hosts', but many models at once are for one host: pass devices='all', or "
            "fit them one by one"
        )
    return Place(found, mesh, executor)


def hand_over(X: Any, rest: Any, dtype: str, device: jax.Device | None, names: Any) -> Any:
    """X, whose entries are looked at, and the small arrays beside it, on the device.

    Without a name for it a compiled identity takes many small arrays over in the time that
    device_put takes for one, X among them if NumPy has it and it is small.
    """
    take = _identity if device is None else partial(jax.device_put, device=device)
    check_process()
    given, X = X, arrange(X, dtype, device)
    leaves = jax.tree.leaves(X)
    few = all(isinstance(a, np.ndarray) for a in leaves) and sum(a.size for a in leaves) <= FEW
    if few and device is None:
        X, rest = take((X, rest))
    else:
        X, rest = jax.device_put(X, device), take(rest)
    check_entries(given, find_extremes(given, X, dtype), dtype, names)
    return X, rest


def keep(X: object, rest: object, dtype: str, names: Sequence[str] | None) -> tuple[Any, Any]:
    """As `hand_over`, on no device: X is in the dtype, in the faster order, and NumPy's."""
    kept = arrange_for_numpy(X, dtype)
    with np.errstate(invalid="ignore"):
        check_entries(X, find_extremes(X, kept, dtype), dtype, names)
    return kept, rest


def spread_out(X: Any, rest: Any, dtype: str, mesh: Mesh, names: Any) -> tuple[Any, Any]:
    """As `hand_over`, X and what goes with its examples, or features, in parts over the mesh.

    Raises:
        InputError: also an X that cannot be split.
    """
    check_process()
    if shares_features(mesh):
        Y, s, penalty, w, b = rest
        placed = part_features(X, dtype, mesh)
        penalty, w = spread_features(penalty, w, mesh)
        rest = (*replicate((Y, s), mesh), penalty, w, replicate(b, mesh))
    else:
        Y, s, *others = rest
        placed = shard(X, dtype, mesh)
        Y, s = spread_rows((Y, s), mesh)
        rest = (Y, s, *replicate(others, mesh))
    if over_hosts(mesh):
        check_parts(X, placed, dtype, names)
    else:
        check_entries(X, find_extremes(X, placed, dtype), dtype, names)
    return placed, rest


@program
def _identity(values: object) -> object:
    return values


def cast(name: str, tree: object, dtype: str) -> Any:
    """The numbers in the dtype; what is beyond it is an InputError."""
    with np.errstate(over="ignore"):
        cast = jax.tree.map(lambda value: np.asarray(value, dtype), tree)
    if not all(np.all(np.isfinite(part)) for part in jax.tree.leaves(cast)):
        raise InputError(
            f"{name} has a number that {dtype} cannot hold: expected smaller ones, or "
            "dtype='float64'"
        )
    return cast
