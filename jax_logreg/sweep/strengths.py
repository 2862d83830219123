"""The strengths of a penalty that a sweep tries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.penalty import Penalty
from jax_logreg.settings import is_integer


def with_strength(penalty: Any) -> Penalty:
    """The penalty with a strength of 1; what has none is a ValueError."""
    try:
        return penalty(1.0) if isinstance(penalty, type) else replace(penalty, strength=1.0)
    except TypeError:
        raise InputError(
            f"penalty is {brief(penalty)}: expected L1, L2, or one that says more, "
            "for example ElasticNet(1.0, l1_ratio=0.5)"
        ) from None


def grid(strengths: Any, smallest: Any, find_largest: Callable[[], float]) -> np.ndarray:
    """The strengths, or that many in a geometric grid from the largest down to a share of it.

    Raises:
        ValueError: neither, or a share that is none.
    """
    if is_integer(strengths):
        share = isinstance(smallest, int | float | np.number) and 0 < smallest < 1
        if strengths < 1 or not share:
            raise InputError(
                f"strengths is {strengths!r} and smallest {smallest!r}: expected how many, "
                "at least 1, and the last as a share of the first, between 0 and 1"
            )
        largest = find_largest()
        if largest == 0:
            raise InputError(
                "strengths is a number of them, but no feature enters at any: all are "
                "unpenalised or constant: pass their values"
            )
        return largest * np.geomspace(1, smallest, int(strengths))
    try:
        grid = np.asarray(strengths, np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.isfinite(grid) & (grid >= 0)):
        shown = " ".join(repr(strengths).split())[:80]
        raise InputError(
            f"strengths is {shown}: expected how many, or finite numbers of at least 0"
        )
    return grid
