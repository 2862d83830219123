"""Arrays of a problem, cast to a dtype and put on their devices."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jax_logreg._jax.forking import check_process
from jax_logreg.errors import InputError
from jax_logreg.matrix import GivenX, arrange, part_features, shard
from jax_logreg.penalty import Penalty
from jax_logreg.placement.devices import (
    make_mesh,
    over_hosts,
    replicate,
    shares_features,
    spread_features,
    spread_rows,
)
from jax_logreg.problem.arguments import find_device
from jax_logreg.shapes import Array, Float, T, X_nm


class Beside(NamedTuple):
    """The small arrays of a fit beside X, in one dtype."""

    Y: Float[Array, "k m"]
    s: Float[Array, "1 m"]
    penalty: Penalty | None
    w: Float[Array, "n k"]
    b: Float[Array, "k 1"]


class Place(NamedTuple):
    """The place where a fit is computed: a device, or those of a mesh.

    Without a device it is JAX's own choice.

    `executor` is "numpy", "xla", or "auto", which leaves the choice to the problem.
    """

    device: jax.Device | None
    mesh: Mesh | None
    executor: str = "xla"

    @property
    def over_hosts(self) -> bool:
        """Return whether several hosts share the examples."""
        return self.mesh is not None and over_hosts(self.mesh)


def find_place(devices: object, device: object, one_model: bool, executor: str = "xla") -> Place:
    """Return the place that the options of a fit name.

    Raises:
        InputError: no such devices, or some that many models at once cannot share.
    """
    found = find_device(device)
    mesh = None if devices is None else make_mesh(devices, found)
    if isinstance(devices, Mapping) and not one_model:
        raise InputError(
            f"devices is {devices!r}, but many models at once share the examples: pass "
            f"devices={devices['features']!r}, or fit them one by one"
        )
    if mesh is not None and over_hosts(mesh) and not one_model:
        raise InputError(
            "devices is 'hosts', but many models at once run on one host: pass devices='all', or "
            "fit them one by one"
        )
    return Place(found, mesh, executor)


def hand_over(
    X: GivenX, rest: Beside, dtype: str, device: jax.Device | None
) -> tuple[X_nm, Beside]:
    """Return X (n, m), and the small arrays beside it, on the device."""
    check_process()
    placed, rest = jax.device_put((arrange(X, dtype, device), rest), device)
    return placed, rest


def spread_out(X: GivenX, rest: Beside, dtype: str, mesh: Mesh) -> tuple[X_nm, Beside]:
    """Return X and the arrays beside it over the devices of a mesh.

    The devices share the examples, or the features. An array without such an axis is on each.

    Raises:
        InputError: an X that cannot be split.
    """
    check_process()
    placed: X_nm
    if shares_features(mesh):
        Y, s, b = replicate((rest.Y, rest.s, rest.b), mesh)
        placed = part_features(X, dtype, mesh)
        penalty, w = spread_features(rest.penalty, rest.w, mesh)
    else:
        placed = shard(X, dtype, mesh)
        Y, s = spread_rows((rest.Y, rest.s), mesh)
        penalty, w, b = replicate((rest.penalty, rest.w, rest.b), mesh)
    return placed, Beside(Y, s, penalty, w, b)


def cast(name: str, tree: T, dtype: str) -> T:
    """Return numbers in the dtype; a number beyond its range is an InputError."""
    with np.errstate(over="ignore"):
        cast: T = jax.tree.map(lambda value: np.asarray(value, dtype), tree)
    if not all(np.all(np.isfinite(part)) for part in jax.tree.leaves(cast)):
        raise InputError(
            f"{name} has a number that {dtype} cannot hold: expected smaller ones, or "
            "dtype='float64'"
        )
    return cast
