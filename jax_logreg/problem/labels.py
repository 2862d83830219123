"""Labels, mapped once: from what people have to Y (k, m) of 0 and 1."""

from typing import TypeAlias

import numpy as np

from jax_logreg.errors import InputError, some
from jax_logreg.errors.checks import check_choice, read_array
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, Family
from jax_logreg.shapes import Shaped

# Y (k, m) of 0 and 1, its family, and the classes or outputs that its rows stand for.
Encoded: TypeAlias = tuple[Shaped[np.ndarray, "k m"], Family, tuple[object, ...]]

_FAMILIES = {"auto": None, "binomial": BINOMIAL, "multinomial": MULTINOMIAL}


def encode(Y: object, n: int, m: int, family: str) -> Encoded:
    """Return Y (k, m) of 0 and 1, its family, and the classes or outputs that its rows stand for.

    m labels of any kind are classes, in sorted order. Two classes are binomial, and the second of
    them is 1. A row of 0 and 1 is binomial. k rows are one-hot classes, or with "binomial" k
    targets.

    Raises:
        ValueError: the shape or the label, and the likely mend.
    """
    check_choice("family", family, _FAMILIES)
    labels = read_array("Y", Y)
    if labels.dtype.kind not in "biufUSO":
        raise InputError(f"Y has dtype {labels.dtype}: expected labels: text, integers or booleans")
    if labels.ndim == 1 and labels.size == m:
        return _encode_labels(labels, family)
    if labels.ndim == 2 and labels.shape[1] == m:
        return _encode_rows(labels, family)
    raise InputError(_wrong_shape(labels.shape, n, m))


def _wrong_shape(shape: tuple[int, ...], n: int, m: int) -> str:
    if shape in ((n,), (1, n), (n, 1)):
        mend = f"X is ({n}, {m}), examples in columns: did you mean X.T?"
    elif len(shape) == 2 and shape[0] == m:
        mend = "did you mean Y.T?"
    else:
        mend = f"one label for each of the {m} columns of X"
    return f"Y has shape {shape}: expected ({m},), (1, {m}) or (k, {m}): {mend}"


def _encode_labels(labels: np.ndarray, family: str) -> Encoded:
    check_labels(labels)
    try:
        classes, index = np.unique(labels, return_inverse=True)
    except TypeError:
        raise InputError(
            "Y mixes labels that cannot be sorted, such as text and numbers: "
            "expected labels of one kind: turn all of them into text"
        ) from None
    k = classes.size
    if k == 1:
        raise InputError(
            f"Y is {classes[0]} for every example: expected at least two classes, as with one "
            "there is no finite optimum"
        )
    if k > 2 and family == "binomial":
        raise InputError(
            f"Y holds {k} classes, {some(classes)}: expected two with family='binomial': pass "
            "family='multinomial', or a row of 0 and 1 for each target"
        )
    if k > 2 and k == labels.size:
        raise InputError(
            f"Y holds {k} different values, {some(classes)}, for {k} examples: expected classes, "
            "each with several examples: cut measurements into classes first"
        )
    names = tuple(classes.tolist())
    if k == 2 and family != "multinomial":
        return index.reshape(1, -1).astype(np.uint8), BINOMIAL, names
    return (index.reshape(1, -1) == np.arange(k)[:, None]).astype(np.uint8), MULTINOMIAL, names


def check_labels(labels: np.ndarray) -> None:
    """Refuse a label that is missing, or that is a measurement (ValueError)."""
    if labels.dtype.kind == "O":
        missing = [i for i, label in enumerate(labels) if label is None or label != label]
        if missing:
            raise InputError(
                f"Y[{missing[0]}] is {labels[missing[0]]}: expected a label: "
                "leave that example out, or mend it"
            )
    if labels.dtype.kind != "f":
        return
    wrong = np.flatnonzero(~np.isfinite(labels))
    if wrong.size:
        raise InputError(
            f"Y[{wrong[0]}] is {labels[wrong[0]]}: expected a label: "
            "leave that example out, or mend it"
        )
    wrong = np.flatnonzero(labels != np.round(labels))
    if wrong.size:
        raise InputError(
            f"Y[{wrong[0]}] is {labels[wrong[0]]:g}: expected classes, not measurements: "
            "cut them into classes first, for example Y > 0.5"
        )


def _encode_rows(rows: np.ndarray, family: str) -> Encoded:
    k, m = rows.shape
    if rows.dtype.kind in "USO":
        raise InputError(
            f"Y has {k} rows of {rows.dtype} labels: expected rows of 0 and 1, or labels of shape "
            f"({m},)"
        )
    wrong = np.argwhere((rows != 0) & (rows != 1))
    if wrong.size:
        i, j = wrong[0]
        raise InputError(
            f"Y[{i}, {j}] is {rows[i, j]:g}: expected rows of 0 and 1: "
            f"pass labels of any other kind as an array of shape ({m},)"
        )
    if k == 1 and family == "multinomial":
        rows = np.concatenate([1 - rows, rows])
    elif k == 1 or family == "binomial":
        return rows, BINOMIAL, (0, 1) if k == 1 else tuple(range(k))
    several = np.flatnonzero(rows.sum(axis=0) != 1)
    if several.size:
        raise InputError(
            f"Y[:, {several[0]}] sums to {rows[:, several[0]].sum():g}: expected one-hot columns: "
            "for several targets at once pass family='binomial'"
        )
    return rows, MULTINOMIAL, tuple(range(len(rows)))
