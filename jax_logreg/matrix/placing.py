"""From what people have to what may stand where X stands, on its device."""

from typing import Any

import jax

from jax_logreg.errors import InputError
from jax_logreg.matrix.dense import arrange_dense
from jax_logreg.matrix.sparse import from_scipy


def arrange(X: Any, dtype: str, device: jax.Device | None) -> Any:
    """X (n, m), an array or a SciPy sparse matrix, as `dtype` and ready for the device.

    A jax array stays where it is unless a device is named.

    Raises:
        ValueError: a sparse matrix of anything but real numbers.
    """
    if not hasattr(X, "tocsr"):
        return arrange_dense(X, dtype, device)
    return from_scipy(check_sparse(X), dtype)


def check_sparse(X: Any) -> Any:
    """X, a sparse matrix of real numbers; of anything else is a ValueError."""
    if X.dtype.kind not in "biuf":
        raise InputError(f"X is a sparse matrix of dtype {X.dtype}: expected real numbers")
    return X


def place(X: Any, dtype: str, device: jax.Device | None = None) -> Any:
    """X, arranged and on the device."""
    return jax.device_put(arrange(X, dtype, device), device)
