"""Weights of examples and classes, mapped once: to s (1, m), of which only ratios count."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np

from jax_logreg.errors import InputError, brief, some
from jax_logreg.errors.checks import is_number, read_array
from jax_logreg.logistic import Family
from jax_logreg.matrix import power_of_two

# Functions that turn sums, or largest values, of the examples here into those of all hosts.
OverHosts = Callable[[np.ndarray], np.ndarray]


def weigh(
    s: object,
    class_weight: object,
    Y: np.ndarray,
    family: Family,
    classes: tuple[object, ...],
    may_lack: bool = False,
) -> np.ndarray:
    """S (1, m) float64, multiplied by the weight of each example's class.

    Only ratios count: the largest weight comes out from 1 up to 2, by a power of 2, so that any
    scale gives the same bits. "balanced" gives every class the same sum. A class `may_lack` weight
    where nothing unpenalised, such as an intercept, would grow without bound for it.

    Raises:
        ValueError: weights that are negative, not finite, all 0 or of the wrong length, a class
            without weight, or a class_weight for what is no class.
    """
    s = relative_weights(s, Y.shape[1])
    if not np.any(s > 0):
        raise InputError("s is 0 everywhere: expected a positive weight for each class")
    return weigh_each(s, class_weight, Y, family, classes, may_lack=may_lack)


def weigh_each(
    s: np.ndarray,
    class_weight: object,
    Y: np.ndarray,
    family: Family,
    classes: tuple[object, ...],
    add_up: OverHosts = lambda sums: sums,
    highest: OverHosts = lambda largest: largest,
    may_lack: bool = False,
) -> np.ndarray:
    """As `weigh`, of rows (r, m) that are finite and not negative, each by its own sums.

    `add_up` makes sums over all examples of those over the m that are here, and `highest` the
    largest of all.
    """
    s = rescaled(s, highest)
    rows = np.concatenate([1 - Y, Y]) if family.independent else Y
    sums = add_up(s @ rows.T.astype(s.dtype))
    for i in () if may_lack else np.flatnonzero(np.any(sums == 0, axis=1)):
        _refuse(sums[i], s[i], Y, family, classes)
    if class_weight is None:
        return s
    if family.independent and Y.shape[0] > 1:
        raise InputError(
            "class_weight with several targets at once is ambiguous: pass s, or fit them one by one"
        )
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = np.divide(1, sums, where=sums > 0, out=np.zeros_like(sums))
    else:
        factors = _factors(class_weight, classes)[None]
    # Of the size of 1 too: a product of two large numbers may be none.
    factors = factors / power_of_two(factors.max(axis=1, keepdims=True))
    return rescaled(s * (factors @ rows), highest)


def relative_weights(s: object, m: int) -> np.ndarray:
    """S as (1, m) float64, ones by default, the largest from 1 up to 2.

    Raises:
        ValueError: as of `check_weights`.
    """
    return rescaled(check_weights(s, m))


def rescaled(s: np.ndarray, highest: OverHosts = lambda largest: largest) -> np.ndarray:
    """Rows (r, m) whose largest entry is from 1 up to 2."""
    unit = power_of_two(highest(s.max(axis=1, keepdims=True, initial=0)))
    return s if np.all(unit == 1) else s / unit


def _factors(class_weight: object, classes: tuple[object, ...]) -> np.ndarray:
    if not isinstance(class_weight, Mapping):
        raise InputError(
            f"class_weight is {brief(class_weight)}: expected 'balanced', None, "
            f"or a dict such as {{{classes[0]!r}: 1.0, {classes[1]!r}: 2.0}}"
        )
    unknown = [name for name in class_weight if name not in classes]
    if unknown:
        raise InputError(
            f"class_weight names {brief(unknown[0])}, which is no class of Y: "
            f"expected some of {some(classes)}"
        )
    given = [class_weight.get(name, 1.0) for name in classes]
    factors = np.array([one if is_number(one) else np.nan for one in given], np.float64)
    if not np.all(np.isfinite(factors) & (factors > 0)):
        raise InputError(
            f"class_weight is {brief(class_weight)}: expected positive finite numbers; "
            "leave a class's examples out instead of giving them no weight"
        )
    return factors


def check_weights(s: object, m: int) -> np.ndarray:
    """S as (1, m) float64, ones by default; what is no weight is a ValueError."""
    if s is None:
        return np.ones((1, m))
    s = read_array("s", s)
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
    return s.astype(np.float64)


def _refuse(
    sums: np.ndarray,
    s: np.ndarray,
    Y: np.ndarray,
    family: Family,
    classes: tuple[object, ...],
) -> NoReturn:
    where = "" if np.all(s > 0) else " where s > 0"
    if not family.independent or Y.shape[0] == 1:
        empty = np.flatnonzero(sums == 0)
        others = ", ".join(str(c) for i, c in enumerate(classes) if sums[i] > 0)
        raise InputError(
            f"class {classes[empty[0]]} has no examples{where}: expected some of every class "
            f"(there are some of {others[:80]}); without it there is no finite optimum"
        )
    alike = np.flatnonzero(np.any(sums.reshape(2, -1) == 0, axis=0))
    raise InputError(
        f"Y[{alike[0]}] is the same for every example{where}: expected both 0 and 1 for each "
        "target; with one of them there is no finite optimum"
    )
