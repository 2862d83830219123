"""The classes of a data set, from its labels."""

from collections.abc import Sequence

import numpy as np

from jax_logreg.data.examples import Examples
from jax_logreg.data.spelling import find, is_number
from jax_logreg.errors import InputError
from jax_logreg.errors.nearest import nearest

# The name of class 0 where one class is classified against several others.
REST = "rest"


def find_classes(train: Examples) -> list[object]:
    """Return all classes, in sorted order.

    Raises:
        InputError: one class only, or labels that are no text, numbers or booleans.
    """
    classes = [c.item() for c in np.unique(_labels(train))]
    if len(classes) == 1:
        raise InputError(
            f"{train.source}: every label is {classes[0]}: expected two classes or more"
        )
    return classes


def choose_classes(
    train: Examples, known: Sequence[object], positive: object
) -> tuple[object, ...]:
    """Return the classes of the outputs: all that are `known`, or two where one is `positive`.

    The first of the two is the other class, or the rest of several.

    Raises:
        InputError: `positive` is no class, or the labels are measurements.
    """
    if positive is None:
        _check_several(train, known)
        return tuple(known)
    found = find(positive, known)
    named = [] if found is None else [found]
    if not named:
        raise InputError(
            f"data.positive is {positive!r}, no class of {train.source}: "
            f"expected one of {some(known)}{nearest(str(positive), known)}"
        )
    others = [c for c in known if c != named[0]]
    return (others[0] if len(others) == 1 else REST, named[0])


def class_indices(examples: Examples, classes: tuple[object, ...]) -> np.ndarray:
    """Return the number of each example's class, (m,); of two classes all but the second are 0."""
    labels = _labels(examples)
    if len(classes) == 2:
        return (labels == classes[1]).astype(np.int64)
    return np.searchsorted(np.asarray(classes), labels)


def as_classes(test: Examples, known: Sequence[object]) -> Examples:
    """Return the examples with labels as the training part has them.

    A label that another kind of file writes differently is the one class that it can mean.

    Raises:
        InputError: a label that the training part does not hold.
    """
    labels = _labels(test)
    distinct, inverse = np.unique(labels, return_inverse=True)
    found = [find(label, known) for label in distinct.tolist()]
    unknown = np.array([one is None for one in found], bool)[inverse]
    if unknown.any():
        first = int(np.argmax(unknown))
        label = labels[first]
        raise InputError(
            f"{test.source}: the label of {test.example(first)} is {_shown(label)}: expected a "
            f"class of the training part: {some(known)}{nearest(str(label), known)}"
        )
    notes = tuple(
        f"{test.source}: the label '{label}' is taken for the class {one} of the training part."
        for label, one in zip(distinct.tolist(), found, strict=True)
        if isinstance(label, str) and str(one) != label
    )
    taken = np.array(found)[inverse] if found else labels
    return test._replace(labels=taken, notes=test.notes + notes)


def against_rest(test: Examples, positive: object) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return 1 for the examples of this class and 0 for all others, (m,), and notes."""
    distinct, inverse = np.unique(_labels(test), return_inverse=True)
    found = np.array([find(label, [positive]) is not None for label in distinct.tolist()], bool)
    notes: tuple[str, ...] = ()
    if not found.any():
        notes = (f"{test.source}: no example is of class {positive}: all are of the rest.",)
    return found[inverse].astype(np.int64), notes


def check_weights(train: Examples, classes: tuple[object, ...]) -> None:
    """Refuse a class all of whose weights are 0 (InputError)."""
    if train.weights is None:
        return
    sums = np.bincount(class_indices(train, classes), train.weights, len(classes))
    empty = np.flatnonzero(sums == 0)
    if empty.size:
        raise InputError(
            f"{train.source}: every training example of class {classes[empty[0]]} has the weight "
            "0: expected a positive weight in every class"
        )


def some(classes: Sequence[object]) -> str:
    """Return the first five classes for a message."""
    return ", ".join(map(_shown, classes[:5])) + (", ..." if len(classes) > 5 else "")


def _check_several(train: Examples, known: Sequence[object]) -> None:
    labels, k = _labels(train), len(known)
    if k == 2:
        return
    first = _measurement(labels)
    if first is not None:
        raise InputError(
            f"{train.source}: the label of {train.example(first)} is {labels[first]}: "
            "expected classes, not measurements: cut the labels into classes first"
        )
    if k == labels.size:
        raise InputError(
            f"{train.source} holds {k} classes, {some(known)}, for {k} examples: "
            "expected classes, each with several examples"
        )


def _measurement(labels: np.ndarray) -> int | None:
    """Return the number of the first label that is a measurement, None without one.

    Text is a measurement where most labels are numbers that no other example has, and some of them
    have fractions.
    """
    if labels.dtype.kind == "f":
        return int(np.flatnonzero(labels != np.round(labels))[0])
    if labels.dtype.kind != "U":
        return None
    texts, first, counts = np.unique(labels, return_index=True, return_counts=True)
    if 2 * np.count_nonzero(counts == 1) <= len(texts) or not all(map(is_number, texts.tolist())):
        return None
    fractions = first[[float(text) % 1 != 0 for text in texts.tolist()]]
    return int(fractions.min()) if fractions.size else None


def _shown(label: object) -> str:
    """Return a label for a message, in quotes where blanks around it would not be seen."""
    text = str(label)
    return repr(text) if text != text.strip() else text


def _labels(examples: Examples) -> np.ndarray:
    if examples.labels is None:
        raise InputError(f"{examples.source} holds no labels: expected one for each example")
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
            "expected a class: leave that example out, or mend the label"
        )
    return labels
