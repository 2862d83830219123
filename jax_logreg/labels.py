"""Labels and weights, mapped once: from what people have to Y (k, m) of 0 and 1, and s (1, m)."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, Family

_FAMILIES = {"auto": None, "binomial": BINOMIAL, "multinomial": MULTINOMIAL}


def encode(Y: Any, n: int, m: int, family: str) -> tuple[np.ndarray, Family, tuple[Any, ...]]:
    """Y (k, m) of 0 and 1, its family, and the classes or outputs that its rows stand for.

    m labels of any kind are classes, in sorted order: two of them are binomial, the second being 1.
    A row of 0 and 1 is binomial; k rows are one-hot classes, or with "binomial" k targets.

    Raises:
        ValueError: the shape or the label, and the likely mend.
    """
    if not isinstance(family, str) or family not in _FAMILIES:
        raise InputError(f"family is {family!r}: expected 'auto', 'binomial' or 'multinomial'")
    labels = np.asarray(Y)
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


def _encode_labels(labels: np.ndarray, family: str) -> tuple[np.ndarray, Family, tuple[Any, ...]]:
    check_labels(labels)
    try:
        classes, index = np.unique(labels, return_inverse=True)
    except TypeError:
        raise InputError(
            "Y mixes labels that cannot be sorted, such as text and numbers: "
            "expected labels of one kind"
        ) from None
    k = classes.size
    if k == 1:
        raise InputError(
            f"Y is {classes[0]} for every example: expected at least two classes; "
            "with one class there is no finite optimum"
        )
    if k > 2 and family == "binomial":
        raise InputError(
            f"Y holds {k} classes, {_some(classes)}: family='binomial' takes two: pass "
            "family='multinomial', or one row of 0 and 1 a target"
        )
    if k > 2 and k == labels.size:
        raise InputError(
            f"Y holds {k} different values, {_some(classes)}, for {k} examples: expected classes, "
            "each with several examples"
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


def _encode_rows(rows: np.ndarray, family: str) -> tuple[np.ndarray, Family, tuple[Any, ...]]:
    k = rows.shape[0]
    if rows.dtype.kind in "USO":
        raise InputError(f"Y has {k} rows of {rows.dtype} labels: expected 0 and 1, or m labels")
    wrong = np.argwhere((rows != 0) & (rows != 1))
    if wrong.size:
        i, j = wrong[0]
        raise InputError(
            f"Y[{i}, {j}] is {rows[i, j]:g}: expected rows of 0 and 1; "
            "labels of any kind go in as an array of shape (m,)"
        )
    if k == 1 and family == "multinomial":
        rows = np.concatenate([1 - rows, rows])
    elif k == 1 or family == "binomial":
        return rows, BINOMIAL, (0, 1) if k == 1 else tuple(range(k))
    several = np.flatnonzero(rows.sum(axis=0) != 1)
    if several.size:
        raise InputError(
            f"Y[:, {several[0]}] sums to {rows[:, several[0]].sum():g}: expected one-hot columns; "
            "for several targets at once pass family='binomial'"
        )
    return rows, MULTINOMIAL, tuple(range(len(rows)))


def weigh(
    s: Any, class_weight: Any, Y: np.ndarray, family: Family, classes: tuple[Any, ...]
) -> np.ndarray:
    """S (1, m), multiplied by the weight of each example's class.

    "balanced" gives every class the same sum, S/k, of the S that all weights sum to.

    Raises:
        ValueError: weights that are negative, not finite, all 0 or of the wrong length, a class
            without weight, or a class_weight for what is no class.
    """
    s = check_weights(s, Y.shape[1])
    if not np.any(s > 0):
        raise InputError("s is 0 everywhere: expected a positive weight for each class")
    return weigh_each(s, class_weight, Y, family, classes)


def weigh_each(
    s: np.ndarray,
    class_weight: Any,
    Y: np.ndarray,
    family: Family,
    classes: tuple[Any, ...],
    add_up: Callable[[np.ndarray], np.ndarray] = lambda sums: sums,
) -> np.ndarray:
    """As `weigh`, of rows (r, m) that are finite and not negative, each by its own sums.

    `add_up` makes sums over all examples of those over the m that are here.
    """
    rows = Y if Y.shape[0] > 1 else np.concatenate([1 - Y, Y])
    found = np.hstack([s @ rows.T.astype(s.dtype), s.sum(axis=1, keepdims=True)])
    found = add_up(found)
    sums, totals = found[:, :-1], found[:, -1:]
    for i in np.flatnonzero(_lacks(sums, totals, Y, family)):
        _refuse(sums[i], s[i], totals[i], Y, family, classes)
    if class_weight is None:
        return s
    if family.independent and Y.shape[0] > 1:
        raise InputError(
            "class_weight with several targets at once is ambiguous: pass s, or fit them one by one"
        )
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = totals / (sums.shape[1] * sums)
    else:
        factors = _factors(class_weight, classes)[None]
    return s * (factors @ rows)


def _factors(class_weight: Any, classes: tuple[Any, ...]) -> np.ndarray:
    if not isinstance(class_weight, Mapping):
        raise InputError(
            f"class_weight is {class_weight!r}: expected 'balanced', None, "
            f"or a dict such as {{{classes[0]!r}: 1.0, {classes[1]!r}: 2.0}}"
        )
    unknown = [name for name in class_weight if name not in classes]
    if unknown:
        raise InputError(
            f"class_weight names {unknown[0]!r}, which is no class of Y: "
            f"expected some of {_some(classes)}"
        )
    factors = np.array([class_weight.get(name, 1.0) for name in classes], np.float64)
    if not np.all(np.isfinite(factors) & (factors > 0)):
        raise InputError(
            f"class_weight is {class_weight!r}: expected positive finite numbers; "
            "leave a class's examples out instead of giving them no weight"
        )
    return factors


def check_weights(s: Any, m: int) -> np.ndarray:
    """S as (1, m), ones by default; what is no weight is a ValueError."""
    if s is None:
        return np.ones((1, m))
    s = np.asarray(s)
    if s.dtype.kind not in "biuf":
        raise InputError(f"s has dtype {s.dtype}: expected real numbers")
    if s.shape not in ((m,), (1, m)):
        raise InputError(
            f"s has shape {s.shape}: expected ({m},) or (1, {m}), one weight for each column of X"
        )
    s = s.reshape(1, m)
    wrong = np.flatnonzero(~(np.isfinite(s) & (s >= 0)))
    if wrong.size:
        raise InputError(
            f"s[0, {wrong[0]}] is {s[0, wrong[0]]}: expected finite weights, 0 or larger"
        )
    return s


def _lacks(sums: np.ndarray, totals: np.ndarray, Y: np.ndarray, family: Family) -> np.ndarray:
    """Which rows of weights (r,) leave a class, or one side of a target, without any."""
    lacking = sums == 0
    if family.independent and Y.shape[0] > 1:
        lacking = lacking | (sums == totals)
    return np.any(lacking, axis=1)


def _refuse(
    sums: np.ndarray,
    s: np.ndarray,
    total: np.ndarray,
    Y: np.ndarray,
    family: Family,
    classes: tuple[Any, ...],
) -> NoReturn:
    where = "" if np.all(s > 0) else " where s > 0"
    if not family.independent or Y.shape[0] == 1:
        empty = np.flatnonzero(sums == 0)
        others = ", ".join(str(c) for i, c in enumerate(classes) if sums[i] > 0)
        raise InputError(
            f"class {classes[empty[0]]} has no examples{where}: expected some of every class "
            f"(there are some of {others[:80]}); without it there is no finite optimum"
        )
    alike = np.flatnonzero((sums == 0) | (sums == total))
    raise InputError(
        f"Y[{alike[0]}] is the same for every example{where}: expected both 0 and 1 for each "
        "target; with one of them there is no finite optimum"
    )


def _some(classes: Any) -> str:
    shown = ", ".join(str(c) for c in classes[:5])
    return shown + (", ..." if len(classes) > 5 else "")
