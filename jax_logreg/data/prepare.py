"""From a source to the arrays that a fit takes: checked, split, scaled."""

from typing import Any, NamedTuple

import numpy as np

from jax_logreg.data.classes import (
    check_known,
    check_weights,
    choose_classes,
    class_indices,
    find_classes,
)
from jax_logreg.data.examples import Examples, Scaling
from jax_logreg.data.one_line import one_line
from jax_logreg.data.sources import DataConfig
from jax_logreg.data.split import split
from jax_logreg.errors import InputError
from jax_logreg.memory import check_room


class Prepared(NamedTuple):
    """X (n, m) in the dtype asked for, Y (1, m) of 0 and 1, or (k, m) one-hot for k > 2 classes.

    `classes` are what the rows of Y stand for; of two, `classes[1]` counts as 1. The example
    weights s (m,) are None where every example counts once.
    """

    X_train: np.ndarray
    Y_train: np.ndarray
    X_test: np.ndarray | None
    Y_test: np.ndarray | None
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    scaling: Scaling
    source: str
    s_train: np.ndarray | None = None


@one_line()
def prepare(config: DataConfig, dtype: str) -> Prepared:
    """Load, split by class and seed, and scale by the training part alone.

    Raises:
        InputError: data that cannot be learnt from, in one line.
    """
    train, test = config.load()
    train.check()
    known = find_classes(train)
    classes = choose_classes(train, known, config.positive)
    if test is not None:
        check_known(test, known)
    elif config.test_fraction > 0:
        index = class_indices(train, classes)
        train, test = split(train, index, len(classes), config.test_fraction, config.seed)
    check_weights(train, classes)
    scaling = Scaling.fit(train, config.standardise)
    X_train, Y_train = _arrays(train, scaling, classes, dtype)
    X_test, Y_test = (None, None) if test is None else _arrays(test, scaling, classes, dtype)
    return Prepared(
        X_train,
        Y_train,
        X_test,
        Y_test,
        classes,
        train.features,
        scaling,
        train.source,
        train.weights,
    )


def _arrays(
    examples: Examples, scaling: Scaling, classes: tuple[Any, ...], dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    k, (n, m) = len(classes), examples.X.shape
    size = np.dtype(dtype).itemsize
    check_room(f"{examples.source}: {m} examples of {n} features", m * n * size)
    if k > 2:
        check_room(f"{examples.source}: {m} labels of {k} classes", m * k * (1 + size))
    X = scaling.apply(examples.X, dtype)
    if not (np.isfinite(X.min()) and np.isfinite(X.max())):
        feature, example = np.argwhere(~np.isfinite(X))[0]
        raise InputError(
            f"{examples.source}: feature '{examples.features[feature]}' of "
            f"{examples.example(example)} is {examples.X[feature, example]}, too large for "
            f"{dtype}: set fit.dtype='float64' or data.standardise=true"
        )
    index = class_indices(examples, classes)
    # Of two classes one row says it all.
    rows = np.arange(k)[:, None] if k > 2 else 1
    return X, (index[None] == rows).astype(dtype)
