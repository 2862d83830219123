"""What the labels of a data set stand for."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from jax_logreg.data.examples import Examples
from jax_logreg.errors import InputError

# What counts as 0 where one class is told from several others.
REST = "rest"


def find_classes(train: Examples) -> list[Any]:
    """All classes, in sorted order.

    Raises:
        InputError: one class only, or labels of no such kind.
    """
    classes = [c.item() for c in np.unique(_labels(train))]
    if len(classes) == 1:
        raise InputError(f"{train.source}: every label is {classes[0]}: expected two classes")
    return classes


def choose_classes(train: Examples, known: list[Any], positive: Any) -> tuple[Any, ...]:
    """What the outputs stand for: all classes, or with `positive` the others or the rest, and it.

    Raises:
        InputError: `positive` is no class, or what should be classes are measurements.
    """
    if positive is None:
        _check_several(train, known)
        return tuple(known)
    named = [c for c in known if c == positive or str(c) == str(positive)]
    if not named:
        raise InputError(
            f"data.positive is {positive!r}, no class of {train.source}: "
            f"expected one of {some(known)}{nearest(str(positive), known)}"
        )
    others = [c for c in known if c != named[0]]
    return (others[0] if len(others) == 1 else REST, named[0])


def class_indices(examples: Examples, classes: tuple[Any, ...]) -> np.ndarray:
    """The number of each example's class among these, (m,); of two, whatever is not 1 is 0."""
    labels = _labels(examples)
    if len(classes) == 2:
        return (labels == classes[1]).astype(np.int64)
    return np.searchsorted(np.asarray(classes), labels)


def check_known(test: Examples, known: list[Any]) -> None:
    """Refuse labels that the training part does not hold (InputError)."""
    names = set(known)
    for i, label in enumerate(_labels(test).tolist()):
        if label not in names:
            raise InputError(
                f"{test.source}: the label of {test.example(i)} is {label}: "
                f"expected a class of the training part: {', '.join(map(str, known[:5]))}"
            )


def check_weights(train: Examples, classes: tuple[Any, ...]) -> None:
    """Refuse a class all of whose weights are 0 (InputError)."""
    if train.weights is None:
        return
    sums = np.bincount(class_indices(train, classes), train.weights, len(classes))
    empty = np.flatnonzero(sums == 0)
    if empty.size:
        raise InputError(
            f"{train.source}: every training example of class {classes[empty[0]]} has the weight "
            "0: expected a positive one in every class"
        )


def some(classes: Sequence[Any]) -> str:
    """The first five, for a message."""
    return ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")


def nearest(name: str, names: Any) -> str:
    """'; did you mean ...?' where a name is near, else nothing."""
    near = get_close_matches(name, map(str, names), 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _check_several(train: Examples, known: list[Any]) -> None:
    labels, k = _labels(train), len(known)
    if k == 2:
        return
    if labels.dtype.kind == "f":
        first = int(np.flatnonzero(labels != np.round(labels))[0])
        raise InputError(
            f"{train.source}: the label of {train.example(first)} is {labels[first]:g}: "
            "expected classes, not measurements: cut them into classes first"
        )
    if k == labels.size:
        raise InputError(
            f"{train.source} holds {k} classes, {some(known)}, for {k} examples: "
            "expected classes, each with several examples"
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
