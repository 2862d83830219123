"""Logits and probabilities of any X by given parameters, in the dtype of these."""

import jax
import numpy as np

from jax_logreg import logistic
from jax_logreg._jax.compiling import compiled
from jax_logreg._jax.forking import check_process
from jax_logreg.arrays import is_numpy
from jax_logreg.errors import InputError
from jax_logreg.logistic import BINOMIAL, Family, Params
from jax_logreg.matrix import (
    GivenX,
    arrange_for_numpy,
    cast,
    formed_in_numpy,
    is_traced,
    place,
    plain_errors,
)
from jax_logreg.problem.arguments import read_features
from jax_logreg.problem.entries import check_entries, find_extremes
from jax_logreg.shapes import Array, Float

_linear = compiled(logistic.linear)


def _activated(family: Family, Z: Float[Array, "k m"]) -> Float[Array, "k m"]:
    return family.activation(Z)


_activate = compiled(_activated, first_static=("family",))


@plain_errors()
def logits(params: Params, X: object) -> Float[Array, "k m"]:
    """Z = wᵀX + b, (k, m), in the dtype of the parameters, whatever JAX's default.

    NumPy computes it where the parameters, and a dense X, are NumPy's: nothing is compiled.

    Args:
        params: w (n, k), b (k, 1).
        X: (n, m): an array, a SciPy sparse matrix, or one of matrix/; in a trace an array of JAX.

    Raises:
        InputError: another number of features, or an entry that is not finite.
    """
    if is_traced(X, params):
        return logistic.linear(params, cast(X, params.w.dtype))
    dtype = str(np.dtype(params.w.dtype))
    features = read_features(X)
    _check_shape(features, params)
    with jax.enable_x64(dtype == "float64"):
        if is_numpy(*params) and formed_in_numpy(features):
            placed = arrange_for_numpy(features, dtype)
        else:
            check_process()
            placed = place(features, dtype)
        # The parameters of a fit over several devices lie on all of them, and X on one.
        whole = jax.tree.map(lambda part: np.asarray(part, dtype), params)
        Z = _linear(whole, placed)
        if not np.all(np.isfinite(Z)):
            check_entries(features, find_extremes(features, placed, dtype), dtype)
    return Z


def forward(params: Params, X: object, family: Family = BINOMIAL) -> Float[Array, "k m"]:
    """Probabilities A = σ(wᵀX + b), (k, m), of examples X (n, m), in the dtype of the parameters.

    The k outputs are independent unless `family` is `logistic.MULTINOMIAL`, a softmax. A Result
    knows its own family: `result.predict_proba(X)` asks for none.

    Args:
        params: w (n, k), b (k, 1).
        X: (n, m), as in `logits`.
        family: logistic.BINOMIAL or logistic.MULTINOMIAL.

    Raises:
        InputError: as of `logits`.
    """
    Z = logits(params, X)
    if isinstance(Z, jax.core.Tracer):
        return family.activation(Z)
    with jax.enable_x64(Z.dtype == np.float64):
        return _activate(family, Z)


def _check_shape(X: GivenX, params: Params) -> None:
    n, shape = params.w.shape[0], tuple(X.shape)
    if len(shape) != 2 or shape[0] != n:
        mend = ": did you mean X.T?" if shape[-1:] == (n,) and len(shape) == 2 else ""
        mend = ": one example is X.reshape(-1, 1)" if shape == (n,) else mend
        raise InputError(
            f"X has shape {shape}: expected ({n}, m), the features of the fit x examples in "
            f"columns{mend}"
        )
