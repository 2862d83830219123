"""From the X that a user has to one that a fit computes with, on its device."""

from typing import Any

import jax
import numpy as np

from jax_logreg.matrix.chunking import from_scipy
from jax_logreg.matrix.dense import arrange_dense, arrange_rows
from jax_logreg.matrix.foreign import GivenX, check_sparse, is_scipy
from jax_logreg.matrix.operations import cast, is_array
from jax_logreg.matrix.settling import settle
from jax_logreg.matrix.stacked import Stacked
from jax_logreg.matrix.standardised import Standardised
from jax_logreg.shapes import Array, Matrix, TypeIs, X_nm


def arrange(X: object, dtype: str, device: jax.Device | None) -> Matrix | Array:
    """X (n, m), an array, a SciPy sparse matrix or a matrix, as `dtype` and ready for the device.

    A jax array stays where it is unless a device is named.

    Raises:
        InputError: a sparse matrix whose entries are no real numbers.
    """
    return _arranged(settle(X, dtype), dtype, device)


def _arranged(X: GivenX, dtype: str, device: jax.Device | None) -> Any:
    if is_scipy(X):
        return from_scipy(check_sparse(X), dtype)
    if isinstance(X, Stacked):
        return Stacked(tuple(_arranged(one, dtype, device) for one in X.matrices))
    if isinstance(X, Standardised):
        return Standardised(_arranged(X.X, dtype, device), X.mean, X.scale)
    return arrange_dense(X, dtype, device) if is_array(X) else cast(X, dtype)


def arrange_for_numpy(X: object, dtype: str) -> X_nm:
    """X (n, m), an array or a view of one, as `dtype`, in the faster order for its products."""
    X = np.asarray(settle(X, dtype))
    return arrange_rows(X, dtype)


def in_numpy(X: object) -> TypeIs[np.ndarray]:
    """Return whether X is an array of NumPy."""
    return isinstance(X, np.ndarray)


def formed_in_numpy(X: object) -> bool:
    """Return whether `arrange_for_numpy` takes X: an array that is not JAX's, or a view of one."""
    X = X.X if isinstance(X, Standardised) else X
    return is_array(X) and not isinstance(X, jax.Array)


def place(X: object, dtype: str, device: jax.Device | None = None) -> X_nm:
    """X, arranged and on the device."""
    return jax.device_put(arrange(X, dtype, device), device)
