"""From a source to the arrays that a fit takes: checked, split, scaled."""

from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.data.examples import Examples, Scaling
from jax_logreg.data.one_line import one_line
from jax_logreg.data.sources import DataConfig
from jax_logreg.errors import InputError
from jax_logreg.extras import needs


class Prepared(NamedTuple):
    """X (n, m) in the dtype asked for, Y (1, m) of 0 and 1; `classes[1]` is what counts as 1."""

    X_train: np.ndarray
    Y_train: np.ndarray
    X_test: np.ndarray | None
    Y_test: np.ndarray | None
    classes: tuple[Any, Any]
    features: tuple[str, ...]
    scaling: Scaling
    source: str


@one_line()
def prepare(config: DataConfig, dtype: str) -> Prepared:
    """Load, split by class and seed, and scale by the training part alone.

    Raises:
        InputError: data that cannot be learnt from, in one line.
    """
    train, test = config.load()
    train.check()
    classes, positive = _classes(train, config.positive)
    if test is None and config.test_fraction > 0:
        train, test = _split(train, positive, config.test_fraction, config.seed)
    elif test is not None:
        _check_known(test, classes)
    scaling = Scaling.fit(train, config.standardise)
    X_train, Y_train = _arrays(train, scaling, positive, dtype)
    X_test, Y_test = (None, None) if test is None else _arrays(test, scaling, positive, dtype)
    others = [c for c in classes if c != positive]
    negative = others[0] if len(others) == 1 else "rest"
    return Prepared(
        X_train,
        Y_train,
        X_test,
        Y_test,
        (negative, positive),
        train.features,
        scaling,
        train.source,
    )


def _labels(examples: Examples) -> np.ndarray:
    if examples.labels is None:
        raise InputError(f"{examples.source} holds no labels")
    labels = examples.labels
    if labels.dtype.kind not in "buifU":
        raise InputError(
            f"{examples.source} holds labels of type {labels.dtype}: "
            "expected text, numbers or booleans"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        first = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise InputError(
            f"{examples.source}: the label of {examples.example(first)} is {labels[first]}: "
            "expected a class"
        )
    return labels


def _classes(train: Examples, positive: Any) -> tuple[list[Any], Any]:
    """All classes in sorted order, and the one that counts as 1."""
    classes = [c.item() for c in np.unique(_labels(train))]
    shown = ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")
    if len(classes) == 1:
        raise InputError(f"{train.source}: every label is {shown}: expected two classes")
    if positive is not None:
        named = [c for c in classes if c == positive or str(c) == str(positive)]
        if not named:
            near = get_close_matches(str(positive), map(str, classes), 1)
            mend = f"; did you mean '{near[0]}'?" if near else ""
            raise InputError(
                f"data.positive is {positive!r}, no class of {train.source}: "
                f"expected one of {shown}{mend}"
            )
        return classes, named[0]
    if len(classes) > 2:
        raise InputError(
            f"{train.source} holds {len(classes)} classes, {shown}: expected two: name the one to "
            f"tell from the rest: --set data.positive={classes[-1]}"
        )
    return classes, classes[-1]


def _check_known(test: Examples, classes: list[Any]) -> None:
    known = set(classes)
    for i, label in enumerate(_labels(test).tolist()):
        if label not in known:
            raise InputError(
                f"{test.source}: the label of {test.example(i)} is {label}: "
                f"expected a class of the training part: {', '.join(map(str, classes[:5]))}"
            )


def _split(
    examples: Examples, positive: Any, fraction: float, seed: int
) -> tuple[Examples, Examples]:
    with needs("run"):
        from sklearn.model_selection import train_test_split
    labels = _labels(examples)
    try:
        train, test = train_test_split(
            np.arange(labels.size),
            test_size=fraction,
            stratify=labels == positive,
            random_state=seed,
        )
    except ValueError as error:
        raise InputError(
            f"{examples.source}: data.test_fraction is {fraction}, which cannot be held out of "
            f"{labels.size} examples with both classes on either side: {error}"
        ) from None
    return examples.take(np.sort(train)), examples.take(np.sort(test))


def _arrays(
    examples: Examples, scaling: Scaling, positive: Any, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    X = scaling.apply(examples.X, dtype)
    if not (np.isfinite(X.min()) and np.isfinite(X.max())):
        feature, example = np.argwhere(~np.isfinite(X))[0]
        raise InputError(
            f"{examples.source}: feature '{examples.features[feature]}' of "
            f"{examples.example(example)} is {examples.X[feature, example]}, too large for "
            f"{dtype}: set fit.dtype='float64' or data.standardise=true"
        )
    return X, (_labels(examples) == positive).astype(dtype)[None]
