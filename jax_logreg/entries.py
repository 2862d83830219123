"""What the entries of X may be, looked at once they are placed."""

from typing import Any

import jax
import numpy as np

from jax_logreg import matrix
from jax_logreg.errors import InputError

_largest = jax.jit(matrix.largest)
# Entries of an array that NumPy is through with before JAX has begun.
FEW = 100_000


def largest_entries(X: Any, placed: Any, dtype: str) -> Any:
    """The largest absolute entry of each feature, begun: `placed` is X (n, m) in the dtype."""
    if not isinstance(X, np.ndarray) or X.size > FEW:
        return _largest(placed)
    with np.errstate(over="ignore"):
        return np.max(np.abs(X.astype(dtype, copy=False)), axis=1)


def check_entries(X: Any, largest: Any, dtype: str, m: int | None = None) -> None:
    """Refuse what computing in the dtype cannot do, given its `largest_entries`.

    `m` is the number of examples, where X holds only some of them.

    Raises:
        ValueError: an entry that is not finite, or a feature whose squares over- or underflow.
    """
    largest = np.asarray(largest).ravel()
    if not np.all(np.isfinite(largest)):
        raise InputError(_not_finite(X, dtype))
    limits = np.finfo(dtype)
    high, low = np.sqrt(limits.max / (m or X.shape[1])), np.sqrt(limits.tiny)
    wild = np.flatnonzero((largest > high) | ((largest > 0) & (largest < low)))
    if wild.size:
        more = "" if dtype == "float64" else ", or pass dtype='float64'"
        raise InputError(
            f"X[{wild[0]}] has entries of at most {largest[wild[0]]:.2g} in size: expected between "
            f"{low:.1g} and {high:.1g}, so that squares stay within {dtype}: scale feature "
            f"{wild[0]}{more}"
        )


def _not_finite(X: Any, dtype: str) -> str:
    with np.errstate(over="ignore"):
        if hasattr(X, "tocsr"):
            entries = X.astype(np.float64).tocsr().tocoo()
            wrong = np.flatnonzero(~np.isfinite(entries.data.astype(dtype)))[0]
            feature, example = int(entries.row[wrong]), int(entries.col[wrong])
            value = entries.data[wrong]
        else:
            X = np.asarray(X)
            feature, example = np.argwhere(~np.isfinite(X.astype(dtype)))[0]
            value = X[feature, example]
    mend = "leave that example out, or fill the value in"
    if np.isfinite(value):
        mend = f"too large for {dtype}: scale the feature, or pass dtype='float64'"
    return (
        f"X[{feature}, {example}] is {value} (feature {feature}, example {example}): "
        f"expected finite numbers: {mend}"
    )
