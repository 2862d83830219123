"""The strengths of a penalty that a sweep tries."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer, is_number, read_array
from jax_logreg.penalty import L1, L2, Penalty
from jax_logreg.placement.memory import check_room


def with_strength(penalty: Penalty | type[L1] | type[L2]) -> Penalty:
    """Return the penalty with a strength of 1; one without a strength is refused (InputError)."""
    try:
        if not hasattr(penalty, "smooth"):
            raise TypeError
        return penalty(1.0) if isinstance(penalty, type) else replace(penalty, strength=1.0)
    except TypeError:
        raise InputError(
            f"penalty is {brief(penalty)}: expected L1, L2, or one that says more, "
            "for example ElasticNet(1.0, l1_ratio=0.5)"
        ) from None


def grid(strengths: object, smallest: float, find_largest: Callable[[], float]) -> np.ndarray:
    """Return the strengths, or so many in a geometric grid from the largest to a share of it.

    Raises:
        ValueError: as of `check_grid`; or a grid without a largest strength.
    """
    values = check_grid(strengths, smallest)
    if isinstance(values, np.ndarray):
        return values
    largest = find_largest()
    if largest == 0:
        raise InputError(
            f"strengths is {values}, but a grid has no largest strength where every feature is "
            "unpenalised or constant: expected the strengths themselves"
        )
    return largest * np.geomspace(1, smallest, values)


def check_grid(strengths: object, smallest: float) -> np.ndarray | int:
    """Return the strengths, or how many of them are asked for.

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
        return int(strengths)
    values = read_array("strengths", strengths)
    real = values.dtype.kind in "iuf" and values.ndim == 1 and values.size > 0
    if not real or not np.all(np.isfinite(values) & (values >= 0)):
        raise InputError(
            f"strengths is {brief(strengths)}: expected how many, or finite numbers of at least 0"
        )
    return values.astype(np.float64)
