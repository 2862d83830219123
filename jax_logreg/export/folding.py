"""A model's scaling and temperature folded into its coefficients: it then takes raw features."""

from typing import NamedTuple

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.model import Model


class Answers(NamedTuple):
    """Probabilities (m, classes) of m examples, and the class (m,) predicted of each."""

    probabilities: np.ndarray
    labels: np.ndarray


class Linear(NamedTuple):
    """Z = wᵀX + b of raw features, w (n, k), b (k, 1), float64; k = 1 where two classes are."""

    w: np.ndarray
    b: np.ndarray


class Centred(NamedTuple):
    """Z = wᵀ(X − centre) + b of raw features, w (n, k), b (k, 1), centre (n, 1), float32."""

    centre: np.ndarray
    w: np.ndarray
    b: np.ndarray


def folded(model: Model) -> Linear:
    """Coefficients of raw features, w / (scale · T), and b / T less the products with the means.

    Features of levels, which come after those of numbers, are not scaled. In float64, which
    has digits enough for the difference: it loses log10(|mean| / scale) of sixteen.

    Raises:
        InputError: a coefficient that float64 cannot hold.
    """
    w, b, mean = _unscaled(model)
    with np.errstate(invalid="ignore"):
        return Linear(*_finite("float64", model, w, b - w.T @ mean))


def centred(model: Model) -> Centred:
    """The same in float32, with the difference X − mean left as an operation of its own.

    Folded, Z would be the difference of sums of the size of w·mean / scale, which float32 rounds
    to 6e-8 of that: a mean of a million deviations leaves one digit. X − centre is exact where X is
    near the centre, which is the mean in float32; what the mean has beyond that is below half a
    unit in its last place, and is folded into b without loss.

    Raises:
        InputError: a number that float32 cannot hold.
    """
    w, b, mean = _unscaled(model)
    # A key that does not fit is named below.
    with np.errstate(over="ignore", invalid="ignore"):
        centre = mean.astype(np.float32)
        return Centred(*_finite("float32", model, centre, w, b - w.T @ (mean - centre)))


def threshold_in_float32(model: Model) -> np.float32:
    """The one that float32 probabilities are above just where they are above the threshold."""
    threshold = model.threshold
    rounded = np.float32(threshold)
    return rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-1))


def as_classes(model: Model) -> np.ndarray:
    """The classes as an array, text, integers, numbers or booleans, as `predict` answers."""
    return np.asarray(model.classes)


def without_levels(model: Model, kind: str) -> None:
    """Refuse columns of categories, which the kind has no input for (InputError)."""
    if model.levels.names:
        raise InputError(
            f"the model has columns of categories, {', '.join(model.levels.names)}: {kind} takes "
            "numbers only: export to json, which has a coefficient for each level"
        )


def _unscaled(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W (n, k), b (k, 1) of unscaled features, less their means (n, 1); 0 of levels."""
    w, b = (np.asarray(part, np.float64) / model.temperature for part in model.params)
    if len(model.classes) == 2 and w.shape[1] == 2:
        # A softmax of two is the sigmoid of their difference.
        w, b = w[:, 1:] - w[:, :1], b[1:] - b[:1]
    mean, scale = (np.asarray(part, np.float64)[:, None] for part in model.scaling)
    levels = ((0, len(w) - len(mean)), (0, 0))
    with np.errstate(over="ignore"):
        w = w / np.pad(scale, levels, constant_values=1.0)
    return w, b, np.pad(mean, levels)


def _finite(dtype: str, model: Model, *arrays: np.ndarray) -> list[np.ndarray]:
    """Arrays of features, and last the intercepts, in the dtype, which must hold them."""
    with np.errstate(over="ignore"):
        *of_features, b = [array.astype(dtype) for array in arrays]
    names = (*model.features, *model.levels.features)
    for array in of_features:
        wrong = np.argwhere(~np.isfinite(array))
        if wrong.size:
            raise InputError(
                f"feature '{names[wrong[0][0]]}' is too large for {dtype}, or its deviation too "
                "small, to take it as it was measured: scale it before the run"
            )
    if not np.isfinite(b).all():
        raise InputError(f"the intercept of raw features is too large for {dtype}: scale them")
    return [*of_features, b]
