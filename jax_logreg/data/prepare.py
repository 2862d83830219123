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
from jax_logreg.data.examples import Examples, Part, Scaling
from jax_logreg.data.one_line import one_line
from jax_logreg.data.sources import DataConfig
from jax_logreg.data.split import split
from jax_logreg.errors import InputError
from jax_logreg.hosts import count, index, share, together


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

    Several hosts have an equal run of the examples each, and the classes, the split and the scaling
    of all of them: labels and weights are told to every host, X is not.

    Raises:
        InputError: data that cannot be learnt from, in one line, the same on all hosts.
    """
    train, test = together(lambda: _load(config))
    whole, first = _labels_of_all(train)
    known = find_classes(whole)
    classes = choose_classes(whole, known, config.positive)
    if test is not None:
        given = test
        together(lambda: check_known(given, known))
    elif config.test_fraction > 0:
        numbers = class_indices(whole, classes)
        rows, held_out = split(
            train.source, numbers, len(classes), config.test_fraction, config.seed
        )
        whole = whole.take(rows)
        train, test = _those(train, rows - first), _those(train, held_out - first)
    check_weights(whole, classes)
    scaling = Scaling.fit(train, config.standardise)
    X_train, Y_train = together(lambda: _arrays(train, scaling, classes, dtype))
    X_test, Y_test = None, None
    if test is not None:
        X_test, Y_test = together(lambda: _arrays(test, scaling, classes, dtype))
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


def _load(config: DataConfig) -> tuple[Examples, Examples | None]:
    """The training and the test examples that are this host's."""
    if count() == 1:
        train, test = config.load()
        train.check()
        return train, test
    train, test = config.load_part(Part(index(), count()))
    train.check(fewest=0)
    return train, test


def _labels_of_all(train: Examples) -> tuple[Examples, int]:
    """The examples of all hosts but for their features, and the number of the first one here."""
    if count() == 1:
        return train, 0
    weighted = train.weights is not None
    told = {"labels": train.labels, **({"weights": train.weights} if weighted else {})}
    heard = share(lambda: told)
    sizes = [one["labels"].size for one in heard]
    if not sum(sizes):
        train.check()
    labels = np.concatenate([one["labels"] for one in heard if one["labels"].size])
    weights = np.concatenate([one["weights"] for one in heard]) if weighted else None
    whole = train._replace(X=np.empty((0, labels.size)), labels=labels, weights=weights, first=0)
    return whole, sum(sizes[: index()])


def _those(examples: Examples, rows: np.ndarray) -> Examples:
    """The examples of these numbers that there are."""
    return examples.take(rows[(rows >= 0) & (rows < examples.X.shape[1])])


def _arrays(
    examples: Examples, scaling: Scaling, classes: tuple[Any, ...], dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    X = scaling.apply(examples.X, dtype)
    if X.size and not (np.isfinite(X.min()) and np.isfinite(X.max())):
        feature, example = np.argwhere(~np.isfinite(X))[0]
        raise InputError(
            f"{examples.source}: feature '{examples.features[feature]}' of "
            f"{examples.example(example)} is {examples.X[feature, example]}, too large for "
            f"{dtype}: set fit.dtype='float64' or data.standardise=true"
        )
    index = class_indices(examples, classes)
    # Of two classes one row says it all.
    rows = np.arange(len(classes))[:, None] if len(classes) > 2 else 1
    return X, (index[None] == rows).astype(dtype)
