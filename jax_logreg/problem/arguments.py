"""Single arguments of a fit, each refused with one clear line."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.matrix import is_array
from jax_logreg.problem.penalty_arguments import real_numbers

_EXTRAS = {"gpu": "cuda13", "cuda": "cuda13", "tpu": "tpu"}


def find_device(device: object) -> jax.Device | None:
    """The device of that name, the first if there are several; None stands for JAX's own choice."""
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
    """The platform of JAX's own choice.

    Raises:
        InputError: JAX finds no device of those that it was asked for.
    """
    try:
        return jax.default_backend()
    # Where a platform that was asked for has no device, JAX raises either.
    except (RuntimeError, AssertionError):
        raise InputError(
            f"JAX_PLATFORMS is {brief(_platforms())}, but JAX finds no such device: "
            "unset it, or set it to 'cpu'"
        ) from None


def _platforms() -> object:
    """Return the platforms that JAX was asked for."""
    config: Any = jax.config
    return config.jax_platforms


def look_at(X: Any, fewest: int = 1) -> tuple[Any, tuple[int, int]]:
    """Return X of numbers, and its shape (n, m).

    Raises:
        InputError: no numbers, another number of axes, no feature, or too few examples.
    """
    X = read_features(X)
    if len(X.shape) != 2:
        mend = ": one feature is X.reshape(1, -1)" if len(X.shape) == 1 else ""
        raise InputError(
            f"X has shape {X.shape}: expected (n, m), features x examples in columns{mend}"
        )
    n, m = X.shape
    if n == 0 or m < fewest:
        empty = "no features" if n == 0 else "no examples"
        raise InputError(f"X has shape ({n}, {m}), {empty}: expected (n, m), both at least 1")
    return X, (n, m)


def read_features(X: Any) -> Any:
    """Return X as it is used: a matrix as it is, all else as an array of real numbers."""
    return real_numbers("X", X) if is_array(X) else X


def check_names(names: Any, n: int) -> None:
    if names is None:
        return
    if not _are_names(names):
        raise InputError(f"feature_names is {brief(names)}: expected a list of names")
    if len(names) != n:
        raise InputError(
            f"feature_names has {len(names)} names: expected {n}, one for each row of X"
        )


def _are_names(names: Any) -> bool:
    """Return whether each entry of a list or an array stands for a name: a text or a number."""
    if isinstance(names, str | bytes) or getattr(names, "shape", (0,)) == ():
        return False
    if not isinstance(names, Sequence | np.ndarray) and not hasattr(names, "to_list"):
        return False
    return all(isinstance(one, str | int | float | np.integer) for one in names)


def check_start(params: object, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    if params is None:
        return np.zeros((n, k)), np.zeros((k, 1))
    if not (isinstance(params, tuple) and len(params) == 2):
        raise InputError(
            f"params is {brief(params)}: expected Params(w, b) of shapes ({n}, {k}) and ({k}, 1)"
        )
    for name, part, shape in zip("wb", params, ((n, k), (k, 1)), strict=True):
        part = np.asarray(real_numbers(f"params.{name}", part))
        if part.shape != shape:
            raise InputError(f"params.{name} has shape {part.shape}: expected {shape}")
        if not np.all(np.isfinite(part)):
            raise InputError(f"params.{name} holds NaN or infinity: expected finite numbers")
    return params
