"""The strengths of a penalty that a sweep tries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer, is_number, read_array
from jax_logreg.penalty import Penalty
from jax_logreg.placement.memory import check_room


def with_strength(penalty: Any) -> Penalty:
    """The penalty with a strength of 1; what has none is a ValueError."""
    try:
        if not hasattr(penalty, "smooth"):
            raise TypeError
        return penalty(1.0) if isinstance(penalty, type) else replace(penalty, strength=1.0)
    except TypeError:
        raise InputError(
            f"penalty is {brief(penalty)}: expected L1, L2, or one that says more, "
            "for example ElasticNet(1.0, l1_ratio=0.5)"
        ) from None


def grid(strengths: Any, smallest: Any, find_largest: Callable[[], float]) -> np.ndarray:
    """The strengths, or that many in a geometric grid from the largest down to a share of it.

    Raises:
        ValueError: as of `check_grid`; or a grid of what has no largest strength.
    """
    values = check_grid(strengths, smallest)
    if values is not None:
        return values
    largest = find_largest()
    if largest == 0:
        raise InputError(
            "strengths is a number of them, but no feature enters at any: all are "
            "unpenalised or constant: pass their values"
        )
    return largest * np.geomspace(1, smallest, int(strengths))


def check_grid(strengths: Any, smallest: Any) -> np.ndarray | None:
    """The strengths that are given; None where it is how many.

    Raises:
        ValueError: neither, or a bad smallest share.
    """
    if is_integer(strengths):
        if not 1 <= strengths < 2**31 or not (is_number(smallest) and 0 < smallest < 1):
            raise InputError(
                f"strengths is {brief(strengths)} and smallest {brief(smallest)}: expected how "
                "many, at least 1, and the last as a share of the first, between 0 and 1"
            )
        check_room(f"a grid of {strengths} strengths", 8 * int(strengths))
        return None
    values = read_array("strengths", strengths)
    real = values.dtype.kind in "iuf" and values.ndim == 1 and values.size > 0
    if not real or not np.all(np.isfinite(values) & (values >= 0)):
        raise InputError(
            f"strengths is {brief(strengths)}: expected how many, or finite numbers of at least 0"
        )
    return values.astype(np.float64)
