"""Checks of the entries of X, once they are placed."""

from collections.abc import Sequence

import numpy as np

from jax_logreg import matrix
from jax_logreg.errors import InputError
from jax_logreg.shapes import NDArray

# Entries of an array that NumPy finishes before JAX has started.
FEW = 100_000


def find_extremes(X: object, placed: object, dtype: str) -> tuple[NDArray, NDArray] | None:
    """Return the least and the largest entry of each feature, (n,) or (n, 1).

    Args:
        X: (n, m) as it was given.
        placed: X in the dtype, on its device.
        dtype: "float32" or "float64".

    Returns:
        None for a user's own matrix without `extremes`.
    """
    if matrix.in_numpy(X) and X.size <= FEW:
        with np.errstate(over="ignore"):
            X = X.astype(dtype, copy=False)
        return X.min(axis=1), X.max(axis=1)
    return matrix.extremes(placed) if matrix.has_extremes(placed) else None


def check_entries(
    X: matrix.GivenX,
    found: tuple[NDArray, NDArray] | None,
    dtype: str,
    names: Sequence[str] | None = None,
    m: int | None = None,
) -> None:
    """Refuse entries that the dtype cannot compute with, given the `find_extremes` of X.

    `m` is the number of all examples where X holds only some of them. An entry that is not finite
    is refused by the host that has it.

    Raises:
        ValueError: an entry that is not finite, or a feature whose squares over- or underflow.
    """
    if found is None:
        return
    least, most = (np.asarray(end, np.float64).ravel()[: X.shape[0]] for end in found)
    largest = np.maximum(most, -least)
    wrong = np.flatnonzero(~np.isfinite(largest))
    if wrong.size:
        line = _not_finite(X, int(wrong[0]), dtype, names, here=m is None)
        if line is not None:
            raise InputError(line)
        return
    limits = np.finfo(dtype)
    high, low = np.sqrt(limits.max / (m or X.shape[1])), np.sqrt(limits.tiny)
    # An entry that float64 squares to 0 has no part in any sum of squares: its weight stays 0.
    low = 0 if dtype == "float64" else low
    wild = np.flatnonzero((largest > high) | ((largest > 0) & (largest < low)))
    if wild.size:
        more = "" if dtype == "float64" else ", or pass dtype='float64'"
        i = int(wild[0])
        raise InputError(
            f"X[{i}] has entries of at most {largest[i]:.2g} in size: expected between "
            f"{np.sqrt(limits.tiny):.1g} and {high:.1g}, so that squares stay within {dtype}: "
            f"scale {_name(i, names)}{more}"
        )


def _not_finite(
    X: matrix.GivenX, feature: int, dtype: str, names: Sequence[str] | None, here: bool
) -> str | None:
    """Return the message on the first entry that is not finite, None where another host has it."""
    row = matrix.raw_row(X, feature)
    with np.errstate(over="ignore"):
        wrong = np.flatnonzero(~np.isfinite(row.astype(dtype)))
    name = _name(feature, names)
    if not wrong.size:
        if not here:
            return None
        return (
            f"{name} is not finite once it is standardised: expected a finite mean, and a finite "
            "scale that is not 0: check the Standardised X"
        )
    example, value = int(wrong[0]), row[wrong[0]]
    mend = "leave that example out, or fill the value in"
    if np.isfinite(value):
        mend = f"too large for {dtype}: scale the feature, or pass dtype='float64'"
    return (
        f"X[{feature}, {example}] is {value} ({name}, example {example}): expected finite numbers: "
        f"{mend}"
    )


def _name(feature: int, names: Sequence[str] | None) -> str:
    return f"feature {feature}" if names is None else f"feature '{names[feature]}'"
