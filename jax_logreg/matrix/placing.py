"""From what people have to what may stand where X stands, on its device."""

from typing import Any

import jax
import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.matrix.chunking import from_scipy
from jax_logreg.matrix.dense import arrange_dense, arrange_rows
from jax_logreg.matrix.operations import cast, is_array
from jax_logreg.matrix.settling import settle
from jax_logreg.matrix.stacked import Stacked
from jax_logreg.matrix.standardised import Standardised


def arrange(X: object, dtype: str, device: jax.Device | None) -> object:
    """X (n, m), an array, a SciPy sparse matrix or a matrix, as `dtype` and ready for the device.

    A jax array stays where it is unless a device is named.

    Raises:
        ValueError: a sparse matrix of anything but real numbers.
    """
    return _arranged(settle(X, dtype), dtype, device)


def _arranged(X: object, dtype: str, device: jax.Device | None) -> Any:
    if hasattr(X, "tocsr"):
        return from_scipy(check_sparse(X), dtype)
    if isinstance(X, Stacked):
        return Stacked(tuple(_arranged(one, dtype, device) for one in X.matrices))
    if isinstance(X, Standardised):
        return Standardised(_arranged(X.X, dtype, device), X.mean, X.scale)
    return arrange_dense(X, dtype, device) if is_array(X) else cast(X, dtype)


def arrange_for_numpy(X: object, dtype: str) -> object:
    """X (n, m), an array or a view of one, as `dtype` in the order in which its products are fast.

    An array that is so already is taken as it is.
    """
    X = np.asarray(settle(X, dtype))
    return arrange_rows(X, dtype)


def check_sparse(X: Any) -> Any:
    """X, a sparse matrix of real numbers; of anything else is a ValueError."""
    if X.dtype.kind not in "biuf":
        raise InputError(f"X is a sparse matrix of dtype {X.dtype}: expected real numbers")
    return X


def place(X: object, dtype: str, device: jax.Device | None = None) -> Any:
    """X, arranged and on the device."""
    return jax.device_put(arrange(X, dtype, device), device)
