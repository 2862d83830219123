"""From what people have to what may stand where X stands, on its device."""

from typing import Any

import jax

from jax_logreg.errors import InputError
from jax_logreg.matrix.dense import arrange_dense
from jax_logreg.matrix.operations import is_array
from jax_logreg.matrix.sparse import from_scipy
from jax_logreg.matrix.stacked import Stacked


def arrange(X: Any, dtype: str, device: jax.Device | None) -> Any:
    """X (n, m), an array or a SciPy sparse matrix, as `dtype` and ready for the device.

    A jax array stays where it is unless a device is named. So are the matrices of a stack; others
    are as they should be.

    Raises:
        ValueError: a sparse matrix of anything but real numbers.
    """
    if hasattr(X, "tocsr"):
        return from_scipy(check_sparse(X), dtype)
    if isinstance(X, Stacked):
        return Stacked(tuple(arrange(one, dtype, device) for one in X.matrices))
    return arrange_dense(X, dtype, device) if is_array(X) else X


def check_sparse(X: Any) -> Any:
    """X, a sparse matrix of real numbers; of anything else is a ValueError."""
    if X.dtype.kind not in "biuf":
        raise InputError(f"X is a sparse matrix of dtype {X.dtype}: expected real numbers")
    return X


def place(X: Any, dtype: str, device: jax.Device | None = None) -> Any:
    """X, arranged and on the device."""
    return jax.device_put(arrange(X, dtype, device), device)
