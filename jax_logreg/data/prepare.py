"""From a source to the arrays that a fit takes: checked, split, scaled."""

from typing import NamedTuple, TypeAlias

import numpy as np

from jax_logreg.data.categories import Levels
from jax_logreg.data.classes import (
    as_classes,
    check_weights,
    choose_classes,
    class_indices,
    find_classes,
)
from jax_logreg.data.examples import Examples, Part, Scaling
from jax_logreg.data.sources import DataConfig
from jax_logreg.data.split import split
from jax_logreg.data.stream.examples import fit_scaling, is_streamed, scaled
from jax_logreg.errors import InputError
from jax_logreg.errors.one_line import one_line
from jax_logreg.hosts import count, index, share, together
from jax_logreg.matrix import Matrix, stack
from jax_logreg.placement.memory import check_room
from jax_logreg.shapes import Float

# X (n, m): numbers in NumPy; a matrix where there are categories, or where the data are streamed.
Features: TypeAlias = Float[np.ndarray, "n m"] | Matrix


class Prepared(NamedTuple):
    """X (n, m) in the dtype asked for, or streamed; Y (1, m) of 0 and 1, or (k, m) one-hot, k > 2.

    `classes` are the classes of the rows of Y; of two classes, `classes[1]` counts as 1. Example
    weights s (m,) are None where every example counts once. With categories X is a matrix of
    `jax_logreg.matrix`, numbers first. `notes` are findings in the data. `picture` holds height,
    width and perhaps colours of pictures.
    """

    X_train: Features
    Y_train: np.ndarray
    X_test: Features | None
    Y_test: np.ndarray | None
    classes: tuple[object, ...]
    features: tuple[str, ...]
    scaling: Scaling
    source: str
    s_train: np.ndarray | None = None
    levels: Levels = Levels()
    notes: tuple[str, ...] = ()
    picture: tuple[int, ...] = ()
    s_test: np.ndarray | None = None


@one_line()
def prepare(config: DataConfig, dtype: str) -> Prepared:
    """Load, split by class and seed, and scale by the training part alone.

    Of several hosts each has an equal run of the examples. Classes, split and scaling are those of
    all examples: every host gets all labels and weights, not all of X.

    Raises:
        InputError: data that no model can learn from, in one line, the same on all hosts.
    """
    train, test = together(lambda: _load(config))
    whole, first = _labels_of_all(train)
    known = find_classes(whole)
    classes = choose_classes(whole, known, config.positive)
    if test is not None:
        given = test
        test = together(lambda: as_classes(given, known))
    elif config.test_fraction > 0:
        numbers = class_indices(whole, classes)
        rows, held_out = split(
            train.source, numbers, len(classes), config.test_fraction, config.seed
        )
        whole = whole.take(rows)
        train, test = _those(train, rows - first), _those(train, held_out - first)
    check_weights(whole, classes)
    fit_to = fit_scaling if is_streamed(train) else Scaling.fit
    scaling = fit_to(train, config.standardise)
    levels = Levels.fit(train.categories, train.source, config.drop_first)
    notes = [*train.notes, *levels.rare(train.X.shape[1])]
    X_train, Y_train = together(lambda: _arrays(train, scaling, levels, classes, dtype))
    X_test, Y_test = None, None
    if test is not None:
        X_test, Y_test = together(lambda: _arrays(test, scaling, levels, classes, dtype))
        notes += [*test.notes, *levels.unknown(test.categories, test.source)]
        _check_counted(test)
        if train.weights is not None and test.weights is None:
            notes.append(f"{test.source} has no weights: each of its examples counts once")
    return Prepared(
        X_train,
        Y_train,
        X_test,
        Y_test,
        classes,
        (*train.features, *levels.features),
        scaling,
        train.source,
        train.weights,
        levels,
        tuple(dict.fromkeys(notes)),
        train.picture,
        None if test is None else test.weights,
    )


def _check_counted(test: Examples) -> None:
    """Refuse held-out examples that all have the weight 0 (InputError)."""
    s = test.weights
    own = share(lambda: {"counted": np.bool_(s is None or np.any(s > 0))})
    if not any(one["counted"] for one in own):
        raise InputError(
            f"{test.source}: every held-out example has the weight 0: expected a positive weight"
        )


def make_features(examples: Examples, scaling: Scaling, levels: Levels, dtype: str) -> Features:
    """Return X (n, m) in the dtype: scaled numbers, and beneath them one-hot levels, as codes."""
    if is_streamed(examples):
        return scaled(examples, scaling)
    n, m = examples.X.shape
    size = np.dtype(dtype).itemsize
    check_room(f"{examples.source}: {m} examples of {n} features", m * n * size)
    X = scaling.apply(examples.X, dtype)
    _check_range(examples, X, scaling, dtype)
    if not levels.names:
        return X
    codes = levels.apply(examples.categories, dtype)
    return stack([X, codes]) if len(X) else codes


def _arrays(
    examples: Examples, scaling: Scaling, levels: Levels, classes: tuple[object, ...], dtype: str
) -> tuple[Features, np.ndarray]:
    X = make_features(examples, scaling, levels, dtype)
    index, k = class_indices(examples, classes), len(classes)
    if k > 2:
        size = 1 + np.dtype(dtype).itemsize
        check_room(f"{examples.source}: {index.size} labels of {k} classes", index.size * k * size)
    # One row is enough for two classes.
    rows = np.arange(k)[:, None] if k > 2 else 1
    return X, (index[None] == rows).astype(dtype)


def _check_range(examples: Examples, X: np.ndarray, scaling: Scaling, dtype: str) -> None:
    """Refuse numbers that the dtype cannot hold (InputError)."""
    if X.size and not (np.isfinite(X.min()) and np.isfinite(X.max())):
        feature, example = np.argwhere(~np.isfinite(X))[0]
        standardised = np.any(scaling.scale != examples.divisor) or np.any(scaling.mean)
        mends = [] if dtype == "float64" else ["set fit.dtype='float64'"]
        mends += [] if standardised else ["set data.standardise=true"]
        raise InputError(
            f"{examples.source}: feature '{examples.features[feature]}' of "
            f"{examples.example(example)} is {examples.X[feature, example]}, too large for "
            f"{dtype}: {', or '.join(mends or ['scale it down'])}"
        )


def _load(config: DataConfig) -> tuple[Examples, Examples | None]:
    """Return the training and the test examples of this host."""
    if count() == 1:
        train, test = config.load()
        # A stream was checked when it was opened.
        if not is_streamed(train):
            train.check()
        return train, test
    train, test = config.load_part(Part(index(), count()))
    if train.categories:
        raise InputError(
            "data.categorical is given, which is for one host: leave --hosts out, or the categories"
        )
    train.check(fewest=0)
    return train, test


def _labels_of_all(train: Examples) -> tuple[Examples, int]:
    """Return the examples of all hosts without features, and the number of the first here."""
    if count() == 1:
        if is_streamed(train):
            return train, 0
        return train._replace(X=np.empty((0, train.X.shape[1])), categories=()), 0
    weighted = train.weights is not None
    own = {"labels": train.labels, **({"weights": train.weights} if weighted else {})}
    heard = share(lambda: own)
    sizes = [one["labels"].size for one in heard]
    if not sum(sizes):
        train.check()
    labels = np.concatenate([one["labels"] for one in heard if one["labels"].size])
    weights = np.concatenate([one["weights"] for one in heard]) if weighted else None
    whole = train._replace(X=np.empty((0, labels.size)), labels=labels, weights=weights, first=0)
    return whole, sum(sizes[: index()])


def _those(examples: Examples, rows: np.ndarray) -> Examples:
    """Return the examples with these numbers; numbers out of range are left out."""
    return examples.take(rows[(rows >= 0) & (rows < examples.X.shape[1])])
