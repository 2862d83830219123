"""A model's scaling and temperature folded into its coefficients, so that it takes raw features."""

from typing import NamedTuple

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.model import Model


class Answers(NamedTuple):
    """Probabilities (m, classes) of m examples, and the class (m,) predicted of each."""

    probabilities: np.ndarray
    labels: np.ndarray


class Linear(NamedTuple):
    """Z = wᵀX + b of raw features, w (n, k), b (k, 1), float64; k = 1 for two classes."""

    w: np.ndarray
    b: np.ndarray


class Centred(NamedTuple):
    """Z = wᵀ(X − centre) + b of raw features, w (n, k), b (k, 1), centre (n, 1), float32."""

    centre: np.ndarray
    w: np.ndarray
    b: np.ndarray


def folded(model: Model) -> Linear:
    """Coefficients of raw features, w / (scale · T), and b / T less the products with the means.

    Features of levels come after those of numbers, and are not scaled. The dtype is float64, with
    digits enough for the difference: it loses log10(|mean| / scale) of sixteen.

    Raises:
        InputError: a coefficient that float64 cannot hold.
    """
    w, b, mean = _unscaled(model)
    with np.errstate(invalid="ignore"):
        return Linear(*_finite("float64", model, w, b - w.T @ mean))


def centred(model: Model) -> Centred:
    """Coefficients in float32, with the difference X − mean left as an operation of its own.

    Folded, Z would be the difference of sums of the size of w·mean / scale. float32 rounds these to
    6e-8 of their size: a mean of a million deviations leaves one digit. The centre is the mean
    rounded to float32, and X − centre is exact where X is near it. The rest of the mean is below
    half a unit in its last place, and is folded into b without loss.

    Raises:
        InputError: a number that float32 cannot hold.
    """
    w, b, mean = _unscaled(model)
    # A feature whose numbers do not fit is named by `_finite`.
    with np.errstate(over="ignore", invalid="ignore"):
        centre = mean.astype(np.float32)
        return Centred(*_finite("float32", model, centre, w, b - w.T @ (mean - centre)))


def threshold_in_float32(model: Model) -> np.float32:
    """The number in float32 that divides float32 probabilities as the threshold does."""
    threshold = model.threshold
    rounded = np.float32(threshold)
    return rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-1))


def as_classes(model: Model) -> np.ndarray:
    """The classes as an array of text, integers, numbers or booleans, as `predict` returns them."""
    return np.asarray(model.classes)


def without_levels(model: Model, kind: str) -> None:
    """Refuse columns of categories, for which the kind has no input (InputError)."""
    if model.levels.names:
        raise InputError(
            f"the model has columns of categories, {', '.join(model.levels.names)}: {kind} takes "
            "numbers only: export to json, which has a coefficient for each level"
        )


def _unscaled(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return w (n, k), b (k, 1) of unscaled X − mean, and the mean (n, 1), 0 of levels."""
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
    """Return arrays of features, and last the intercepts, in a dtype that has to hold them."""
    with np.errstate(over="ignore"):
        *of_features, b = [array.astype(dtype) for array in arrays]
    names = (*model.features, *model.levels.features)
    for array in of_features:
        wrong = np.argwhere(~np.isfinite(array))
        if wrong.size:
            raise InputError(
                f"feature '{names[wrong[0][0]]}' has a mean too large for {dtype}, or a deviation "
                "too small: expected a coefficient of raw features within its range: scale the "
                "feature before the run"
            )
    if not np.isfinite(b).all():
        raise InputError(
            f"the intercept of raw features is beyond {dtype}: expected one within its range: "
            "scale the features before the run"
        )
    return [*of_features, b]
