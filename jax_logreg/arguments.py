"""The arguments of a fit: refused with one clear line, or placed on their device."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import is_array, place

_MODES = ("every", "ends", "off")
_EXTRAS = {"gpu": "cuda13", "cuda": "cuda13", "tpu": "tpu"}


def check_dtype(dtype: Any) -> str:
    """The name of the dtype, "float32" or "float64"; anything else is a ValueError."""
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in ("float32", "float64"):
        raise InputError(f"dtype is {dtype!r}: expected 'float32' or 'float64'")
    return name


def check_settings(steps: Any, tolerance: Any, gradient_check: Any) -> int | None:
    """Refuse numbers out of range (ValueError); how often the loop checks, None for never."""
    if not _is_integer(steps) or not 0 <= steps < 2**31:
        raise InputError(f"steps is {steps!r}: expected an integer, at least 0 and below 2**31")
    if not isinstance(tolerance, int | float | np.number) or not 0 <= tolerance < math.inf:
        raise InputError(
            f"tolerance is {tolerance!r}: expected a finite number, 0 (never stop early) or more"
        )
    if isinstance(gradient_check, str) and gradient_check in _MODES:
        return 1 if gradient_check == "every" else None
    if _is_integer(gradient_check) and 0 < gradient_check < 2**31:
        return int(gradient_check)
    raise InputError(
        f"gradient_check is {gradient_check!r}: expected 'every', 'ends', 'off', "
        "or an integer N of at least 1 to check every N steps"
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def find_device(device: Any) -> jax.Device | None:
    """The device of that name, the first if there are several; None stands for JAX's own choice."""
    if device is None or isinstance(device, jax.Device):
        return device
    try:
        return jax.devices(device)[0]
    except (RuntimeError, TypeError):
        seen = sorted({found.platform for found in jax.devices()})
        mend = "expected 'cpu', 'gpu', 'tpu' or a jax.Device"
        if isinstance(device, str) and device in _EXTRAS:
            mend = f"its JAX plugin comes with pip install 'jax_logreg[{_EXTRAS[device]}]'"
        raise InputError(
            f"device is {device!r}, but this JAX sees {', '.join(seen)} only: {mend}"
        ) from None


def place_arguments(
    X: Any, Y: Any, s: Any, params: Any, dtype: str, device: Any
) -> tuple[Batch, Params]:
    """X, labels, weights and start parameters, valid and on the device in the dtype.

    Raises:
        ValueError: the argument, what came, what was expected, and the likely mend.
    """
    target = find_device(device)
    if is_array(X):
        X = _numbers("X", X)
    n, m = _check_shape(X)
    Y = _labels(Y, n, m)
    s = _weights(s, m)
    _check_classes(Y, s)
    w, b = _start(params, n)
    if is_array(X):
        placed = place(X, dtype, target)
        _check_finite(X, placed, dtype)
        X = placed
    Y, s, w, b = (jax.device_put(np.asarray(a, dtype), target) for a in (Y, s, w, b))
    return Batch(X, Y, s), Params(w, b)


def _numbers(name: str, value: Any) -> Any:
    array = value if isinstance(value, jax.Array) else np.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.bool_) or (
        jnp.issubdtype(array.dtype, jnp.number)
        and not jnp.issubdtype(array.dtype, jnp.complexfloating)
    ):
        return array
    mend = ""
    if hasattr(value, "toarray"):
        mend = f"; a sparse matrix is not taken yet: pass {name}.toarray()"
    elif name == "Y":
        mend = "; name the class that counts as 1: Y = labels == 'that class'"
    raise InputError(
        f"{name} is {brief(value)} of dtype {array.dtype}: expected real numbers{mend}"
    )


def _check_shape(X: Any) -> tuple[int, int]:
    if len(X.shape) != 2:
        mend = ": one feature is X.reshape(1, -1)" if len(X.shape) == 1 else ""
        raise InputError(
            f"X has shape {X.shape}: expected (n, m), features x examples in columns{mend}"
        )
    n, m = X.shape
    if n == 0 or m == 0:
        empty = "no features" if n == 0 else "no examples"
        raise InputError(f"X has shape ({n}, {m}), {empty}: expected (n, m), both at least 1")
    return n, m


def _labels(Y: Any, n: int, m: int) -> np.ndarray:
    Y = np.asarray(_numbers("Y", Y))
    if Y.shape not in ((m,), (1, m)):
        if Y.shape in ((n,), (1, n), (n, 1)):
            mend = f"X is ({n}, {m}), examples in columns: did you mean X.T?"
        elif Y.shape == (m, 1):
            mend = "did you mean Y.T?"
        else:
            mend = f"one label for each of the {m} columns of X"
        raise InputError(f"Y has shape {Y.shape}: expected ({m},) or (1, {m}): {mend}")
    Y = Y.reshape(1, m)
    wrong = np.flatnonzero((Y != 0) & (Y != 1))
    if wrong.size:
        raise InputError(_wrong_labels(Y, wrong[0]))
    return Y


def _wrong_labels(Y: np.ndarray, first: int) -> str:
    value = Y[0, first]
    if not np.isfinite(value):
        return f"Y[0, {first}] is {value}: expected 0 or 1: leave that example out, or mend it"
    classes = np.unique(Y)
    shown = ", ".join(f"{c:g}" for c in classes[:5]) + (", ..." if classes.size > 5 else "")
    if classes.size == 2:
        mend = f"did you mean Y == {classes[1]:g}?"
    else:
        mend = f"one class against the rest is Y == {classes[-1]:g}"
    return f"Y holds {classes.size} values, {shown}: expected the two classes 0 and 1: {mend}"


def _weights(s: Any, m: int) -> np.ndarray:
    if s is None:
        return np.ones((1, m))
    s = np.asarray(_numbers("s", s))
    if s.shape not in ((m,), (1, m)):
        raise InputError(
            f"s has shape {s.shape}: expected ({m},) or (1, {m}), one weight for each column of X"
        )
    s = s.reshape(1, m)
    wrong = np.flatnonzero(~(np.isfinite(s) & (s >= 0)))
    if wrong.size:
        raise InputError(
            f"s[0, {wrong[0]}] is {s[0, wrong[0]]}: expected finite weights, 0 or larger"
        )
    return s


def _check_classes(Y: np.ndarray, s: np.ndarray) -> None:
    present = np.unique(Y[s > 0])
    if present.size == 0:
        raise InputError("s is 0 everywhere: expected a positive weight for both classes")
    if present.size == 1:
        where = "" if np.all(s > 0) else " where s > 0"
        raise InputError(
            f"Y is {present[0]:g} for every example{where}: expected both classes, 0 and 1; "
            "with one class there is no finite optimum"
        )


def _start(params: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    if params is None:
        return np.zeros((n, 1)), np.zeros((1, 1))
    if not (isinstance(params, tuple) and len(params) == 2):
        raise InputError(
            f"params is {brief(params)}: expected Params(w, b) of shapes ({n}, 1) and (1, 1)"
        )
    for name, part, shape in zip("wb", params, ((n, 1), (1, 1)), strict=True):
        part = np.asarray(_numbers(f"params.{name}", part))
        if part.shape != shape:
            raise InputError(f"params.{name} has shape {part.shape}: expected {shape}")
        if not np.all(np.isfinite(part)):
            raise InputError(f"params.{name} holds NaN or infinity: expected finite numbers")
    return params


def _check_finite(X: Any, placed: Any, dtype: str) -> None:
    # Two reductions write nothing out; only a culprit is worth a search.
    (entries,) = jax.tree.leaves(placed)
    if jnp.isfinite(jnp.min(entries)) & jnp.isfinite(jnp.max(entries)):
        return
    X = np.asarray(X)
    with np.errstate(over="ignore"):
        feature, example = np.argwhere(~np.isfinite(X.astype(dtype)))[0]
    value = X[feature, example]
    mend = "leave that example out, or fill the value in"
    if np.isfinite(value):
        mend = f"too large for {dtype}: scale the feature, or pass dtype='float64'"
    raise InputError(
        f"X[{feature}, {example}] is {value} (feature {feature}, example {example}): "
        f"expected finite numbers: {mend}"
    )


def brief(value: Any) -> str:
    """The value where it is short, else its type."""
    if isinstance(value, str | int | float | bool | None):
        return repr(value)
    return f"a {value.__name__} class" if isinstance(value, type) else f"a {type(value).__name__}"
