"""Single arguments of a fit, each refused with one clear line."""

from collections.abc import Sequence
from typing import TypeGuard

import jax
import numpy as np

from jax_logreg.arrays import as_array
from jax_logreg.errors import InputError, brief
from jax_logreg.matrix import GivenX, is_array
from jax_logreg.problem.penalty_arguments import real_numbers
from jax_logreg.shapes import Array

_EXTRAS = {"gpu": "cuda13", "cuda": "cuda13", "tpu": "tpu"}


def find_device(device: object) -> jax.Device | None:
    """Return the first device of that name; None stands for JAX's own choice.

    Raises:
        InputError: JAX sees no such device, or `device` is neither a name nor a jax.Device.
    """
    # Asking JAX for its own choice starts it, which takes longer than many a fit.
    if device is not None or _platforms() not in (None, "", "cpu"):
        platform = default_platform()
    if device is None or isinstance(device, jax.Device):
        return device
    try:
        if isinstance(device, str) and device:
            return jax.devices(device)[0]
        raise TypeError
    except (RuntimeError, TypeError):
        seen = sorted({platform, *(found.platform for found in jax.devices())})
        mend = "expected 'cpu', 'gpu', 'tpu' or a jax.Device"
        if isinstance(device, str) and device in _EXTRAS:
            mend = f"its JAX plugin comes with pip install 'jax_logreg[{_EXTRAS[device]}]'"
        raise InputError(
            f"device is {brief(device)}, but this JAX sees {', '.join(seen)} only: {mend}"
        ) from None


def names_within(X: object) -> list[str] | None:
    """Return the names of the rows of a data frame (n, m), None where they are numbers."""
    index = getattr(X, "index", None)
    if not (hasattr(X, "columns") and hasattr(X, "to_numpy")) or index is None:
        return None
    names = list(index)
    return [str(name) for name in names] if any(isinstance(one, str) for one in names) else None


def default_platform() -> str:
    """Return the platform of JAX's own choice.

    Raises:
        InputError: JAX finds no device of those that it was asked for.
    """
    try:
        return jax.default_backend()
    # JAX raises either where a platform that was asked for has no device.
    except (RuntimeError, AssertionError):
        raise InputError(
            f"JAX_PLATFORMS is {brief(_platforms())}, but JAX finds no such device: "
            "unset it, or set it to 'cpu'"
        ) from None


def _platforms() -> object:
    """Return the platforms that JAX was asked for."""
    return jax.config.jax_platforms  # type: ignore[attr-defined]


def look_at(X: object, fewest: int = 1) -> GivenX:
    """Return X (n, m) of numbers.

    Raises:
        InputError: no numbers, another number of axes, no feature, or too few examples.
    """
    found = read_features(X)
    if len(found.shape) != 2:
        mend = ": one feature is X.reshape(1, -1)" if len(found.shape) == 1 else ""
        raise InputError(
            f"X has shape {found.shape}: expected (n, m), features x examples in columns{mend}"
        )
    n, m = found.shape
    if n == 0 or m < fewest:
        empty = "no features" if n == 0 else "no examples"
        raise InputError(f"X has shape ({n}, {m}), {empty}: expected (n, m), both at least 1")
    return found


def read_features(X: object) -> GivenX:
    """Return X as it is used: a matrix as it is, all else as an array of real numbers.

    Raises:
        InputError: no array of real numbers, or a matrix without a shape.
    """
    if is_array(X):
        return real_numbers("X", X)
    if not _has_shape(X):
        raise InputError(
            f"X is {brief(X)}, which has no shape: expected an array (n, m), or a matrix: give its "
            "class a `shape`"
        )
    return X


def _has_shape(X: object) -> TypeGuard[GivenX]:
    return hasattr(X, "shape")


def check_names(names: object, n: int) -> Sequence[str] | None:
    """Return the names of the n features, each a text or a number that stands for one.

    Raises:
        InputError: no list of names, or another number of names.
    """
    if names is None:
        return None
    if not _are_names(names):
        raise InputError(
            f"feature_names is {brief(names)}: expected a list of names, one for each of the {n} "
            "rows of X"
        )
    if len(names) != n:
        raise InputError(
            f"feature_names has {len(names)} names: expected {n}, one for each row of X"
        )
    return names


def _are_names(names: object) -> TypeGuard[Sequence[str]]:
    """Return whether each entry of a list or an array stands for a name: a text or a number."""
    if isinstance(names, str | bytes) or getattr(names, "shape", (0,)) == ():
        return False
    listed = names.to_list() if hasattr(names, "to_list") else names
    if not isinstance(listed, Sequence | np.ndarray):
        return False
    return all(isinstance(one, str | int | float | np.integer) for one in listed)


def check_start(params: object, n: int, k: int) -> tuple[Array, Array]:
    """Return the start in NumPy, w (n, k) and b (k, 1), by default zeros.

    Raises:
        InputError: no pair of such shapes, or a number that is not finite.
    """
    if params is None:
        return as_array(np.zeros((n, k))), as_array(np.zeros((k, 1)))
    if not (isinstance(params, tuple) and len(params) == 2):
        raise InputError(
            f"params is {brief(params)}: expected Params(w, b) of shapes ({n}, {k}) and ({k}, 1)"
        )
    found = []
    for name, given, shape in zip("wb", params, ((n, k), (k, 1)), strict=True):
        part = np.asarray(real_numbers(f"params.{name}", given))
        if part.shape != shape:
            raise InputError(
                f"params.{name} has shape {part.shape}: expected {shape}, of {n} features and {k} "
                f"output{'s' * (k > 1)}"
            )
        if not np.all(np.isfinite(part)):
            raise InputError(
                f"params.{name} holds NaN or infinity: expected finite numbers: leave params out "
                "to start from zeros"
            )
        found.append(as_array(part))
    w, b = found
    return w, b
