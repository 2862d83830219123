"""The comparison of an exported model with `predict`, on a few examples made from the scaling."""

from collections.abc import Callable

import numpy as np

from jax_logreg.data import Examples
from jax_logreg.data.categories import Column
from jax_logreg.errors import InputError
from jax_logreg.export.folding import Answers, as_classes
from jax_logreg.model import Model

_ROWS = 8


def check(model: Model, answers: Callable[..., Answers], kind: str, numbered: bool) -> None:
    """Compare the predictions of an export with `predict` on means ± deviations.

    Where the kind is `numbered` its labels are numbers of classes.

    Raises:
        InputError: probabilities differ by more than `rounding`, or a class differs whose
            probability is further than that from the border.
    """
    examples = sample(model)
    expected, allowed = predictions(model, examples), rounding(model, examples)
    texts = [np.array(column.levels)[column.codes] for column in examples.categories]
    found = answers(examples.X.T, *texts)
    labels = as_classes(model)[found.labels] if numbered else found.labels
    error = np.max(np.abs(found.probabilities - expected.probabilities), axis=1)
    clear = _margin(model, expected.probabilities) > allowed
    if not np.all(error <= allowed):
        raise InputError(
            f"{kind} is not written: it has other probabilities than predict, by "
            f"{np.max(error):.2g}: expected at most {np.max(allowed):.2g}, of rounding: scale "
            "features whose numbers are beyond the range of float32"
        )
    if np.any((labels != expected.labels) & clear):
        raise InputError(
            f"{kind} is not written: it has other classes than predict: please report that"
        )


def sample(model: Model) -> Examples:
    """Return means, and means ± deviations, in float32, signs by a fixed seed; levels in turn."""
    mean, scale = (part[:, None] for part in model.scaling)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (len(mean), _ROWS))
    signs[:, 0] = 0
    with np.errstate(over="ignore"):
        X = (mean + signs * scale).astype(np.float32)
    columns = tuple(
        Column(name, np.arange(_ROWS) % len(levels), levels)
        for name, levels in zip(model.levels.names, model.levels.levels, strict=True)
    )
    return Examples(X, None, model.features, "the export's check", categories=columns)


def predictions(model: Model, examples: Examples) -> Answers:
    """Return the predictions of `predict`; of two classes, the probability of both."""
    found = model.predict(examples)
    A = np.asarray(found.probability, np.float64)
    return Answers(np.stack([1 - A, A], axis=1) if A.ndim == 1 else A, found.predicted)


def rounding(model: Model, examples: Examples) -> np.ndarray:
    """Return the largest difference (m,) of two ways to compute P in float32.

    P changes by at most half of the change of Z. A sum of n rounded terms is within (√n + some) ·
    eps of the sum of their sizes, Σ|w·(X − mean) / scale| + |b|. That holds for errors without a
    common sign. P itself is rounded too.
    """
    w, b = (np.abs(np.asarray(part, np.float64)) for part in model.params)
    mean, scale = (part[:, None] for part in model.scaling)
    sizes = w[: len(mean)].T @ np.abs((examples.X - mean) / scale) + b
    if len(w) > len(mean):
        sizes += len(model.levels.names) * np.max(w[len(mean) :], axis=0)[:, None]
    eps = np.finfo(np.float32).eps
    return (8 + np.sqrt(len(w))) * eps * (1 + np.max(sizes, axis=0) / model.temperature)


def _margin(model: Model, A: np.ndarray) -> np.ndarray:
    """Return the distance (m,) of probabilities (m, classes) from a change of the class."""
    if A.shape[1] == 2:
        return np.abs(A[:, 1] - model.threshold)
    highest = np.sort(A, axis=1)
    return highest[:, -1] - highest[:, -2]
