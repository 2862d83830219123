"""Classes without weight: with a free intercept their probability is 0.

The cost falls for ever as the intercept of such a class falls, while its coefficients tend to 0.
The limit is the optimum of the other classes, and is fitted as such. Without an intercept a
penalised fit has a finite optimum over all classes, and needs no function of this module.
"""

import jax
import numpy as np

from jax_logreg.arrays import as_array
from jax_logreg.logistic import Params
from jax_logreg.proof.certificate import Certificate
from jax_logreg.status import Status
from jax_logreg.sweep import Fits

# The distance of such a class's intercept below the mean of the others. Beside 1, exp(-37) is lost
# in the rounding of float64; infinity would make means over folds NaN.
_NEVER = 37.0


def present(weights: np.ndarray, number: np.ndarray, classes: int) -> np.ndarray:
    """Return the numbers of the classes with an example of weight > 0."""
    return np.flatnonzero(np.bincount(number, weights, classes) > 0)


def one_hot(number: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return labels (len(which), m) of 0 and 1; examples of other classes count as the first."""
    rows = (number == which[:, None]).astype(np.uint8)
    rows[0] |= ~rows.any(axis=0)
    return rows


def completed(params: Params, which: np.ndarray, classes: int) -> Params:
    """Return the parameters of all classes, w (..., n, k), from those of some, w (..., n, k').

    Of two classes only one is present here: k is 1, and the given parameters are those of a softmax
    of one class.
    """
    w, b = (np.asarray(part) for part in params)
    whole = np.zeros((*w.shape[:-1], 1 if classes == 2 else classes), w.dtype)
    if classes == 2:
        sign = 1.0 if which[0] == 1 else -1.0
        return Params(as_array(whole), as_array(whole[..., :1, :] + sign * _NEVER))
    whole[..., which] = w
    intercepts = np.repeat(b.mean(axis=-2, keepdims=True) - _NEVER, classes, axis=-2)
    intercepts[..., which, :] = b
    return centred(Params(as_array(whole), as_array(intercepts)))


def centred(params: Params) -> Params:
    """Return the parameters with intercepts (..., k, 1) that sum to 0, as scikit-learn's do.

    Of several classes only differences of intercepts are determined.
    """
    b = np.asarray(params.b)
    if b.shape[-2] == 1:
        return params
    return params._replace(b=as_array(b - b.mean(axis=-2, keepdims=True)))


def completed_fits(fits: Fits, which: np.ndarray, classes: int) -> Fits:
    """Return the models with the parameters of all classes."""
    return fits._replace(params=completed(fits.params, which, classes))


def single(models: int, n: int, dtype: str) -> Fits:
    """Return models (models,) of one class: nothing is left to fit, and the cost is 0."""
    w, zero = as_array(np.zeros((models, n, 1), dtype)), as_array(np.zeros(models, dtype))
    return Fits(
        Params(w, w[:, :1]),
        Certificate(*(zero,) * len(Certificate._fields)),
        (Status.CONVERGED,) * models,
        np.zeros(models, np.int32),
        (),
        "none: one class alone has weight",
        ((),) * models,
    )


def joined(parts: list[tuple[np.ndarray, Fits]]) -> Fits:
    """Return the models of several sweeps as one, each at its given place."""
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    fits = [fits for _, fits in parts if len(fits.steps)]
    status = [one for fit in fits for one in fit.status]
    notes = [one for fit in fits for one in fit.notes]
    params, certificate, steps = jax.tree.map(
        lambda *arrays: np.concatenate(arrays)[order],
        *((fit.params, fit.certificate, fit.steps) for fit in fits),
    )
    return fits[0]._replace(
        params=params,
        certificate=certificate,
        status=tuple(status[i] for i in order),
        steps=steps,
        notes=tuple(notes[i] for i in order),
    )
