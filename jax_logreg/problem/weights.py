"""Weights of examples and classes, mapped once: to s (1, m), of which only ratios count."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np

from jax_logreg.errors import InputError, brief, some
from jax_logreg.errors.checks import is_number, read_array
from jax_logreg.logistic import Family
from jax_logreg.matrix import power_of_two
from jax_logreg.shapes import Float, Shaped

# Functions that turn sums, or largest values, of the examples here into those of all hosts.
OverHosts = Callable[[np.ndarray], np.ndarray]


def weigh(
    s: object,
    class_weight: object,
    Y: Shaped[np.ndarray, "k m"],
    family: Family,
    classes: tuple[object, ...],
    may_lack: bool = False,
) -> Float[np.ndarray, "1 m"]:
    """Return the weights s (1, m) in float64, multiplied by the weight of each example's class.

    Only ratios count: a power of 2 scales the largest weight into [1, 2), so that any scale of s
    gives the same bits. "balanced" gives every class the same sum. A class `may_lack` weight where
    nothing unpenalised, such as an intercept, would grow without bound for it.

    Raises:
        ValueError: weights that are negative, not finite, all 0 or of the wrong length. A class
            without weight. A class_weight for a value that is no class.
    """
    weights = relative_weights(s, Y.shape[1])
    if not np.any(weights > 0):
        raise InputError(
            "s is 0 everywhere: expected a positive weight in each class: leave s out to count "
            "every example once"
        )
    return weigh_each(weights, class_weight, Y, family, classes, may_lack=may_lack)


def weigh_each(
    s: Float[np.ndarray, "r m"],
    class_weight: object,
    Y: Shaped[np.ndarray, "k m"],
    family: Family,
    classes: tuple[object, ...],
    add_up: OverHosts = lambda sums: sums,
    highest: OverHosts = lambda largest: largest,
    may_lack: bool = False,
) -> Float[np.ndarray, "r m"]:
    """Return what `weigh` does for each of several rows (r, m), finite and not negative.

    `add_up` makes sums over the examples of all hosts from those over the m examples here.
    `highest` does so for the largest values.
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
            "class_weight is ambiguous with several targets at once: expected None: pass s, or fit "
            "the targets one by one"
        )
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = np.divide(1, sums, where=sums > 0, out=np.zeros_like(sums))
    else:
        factors = _factors(class_weight, classes)[None]
    # Near 1, as s is: the product of two large numbers may overflow.
    factors = factors / power_of_two(factors.max(axis=1, keepdims=True))
    return rescaled(s * (factors @ rows), highest)


def relative_weights(s: object, m: int) -> Float[np.ndarray, "1 m"]:
    """Return weights s as (1, m) in float64, by default ones, the largest from 1 up to 2.

    Raises:
        ValueError: as of `check_weights`.
    """
    return rescaled(check_weights(s, m))


def rescaled(
    s: Float[np.ndarray, "r m"], highest: OverHosts = lambda largest: largest
) -> Float[np.ndarray, "r m"]:
    """Return rows (r, m), each by a power of 2 such that its largest entry is from 1 up to 2."""
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
            f"expected some of {some(classes)}: leave that name out"
        )
    given = [class_weight.get(name, 1.0) for name in classes]
    factors = np.array([one if is_number(one) else np.nan for one in given], np.float64)
    if not np.all(np.isfinite(factors) & (factors > 0)):
        raise InputError(
            f"class_weight is {brief(class_weight)}: expected positive finite numbers: "
            "leave the examples of a class out in place of a weight of 0"
        )
    return factors


def check_weights(s: object, m: int) -> Float[np.ndarray, "1 m"]:
    """Return weights s as (1, m) in float64, by default ones.

    Raises:
        InputError: another shape, or an entry that is no finite number of at least 0.
    """
    if s is None:
        return np.ones((1, m))
    weights = read_array("s", s)
    if weights.dtype.kind not in "biuf":
        raise InputError(f"s has dtype {weights.dtype}: expected real numbers")
    if weights.shape not in ((m,), (1, m)):
        raise InputError(
            f"s has shape {weights.shape}: expected ({m},) or (1, {m}), one weight for each column "
            "of X"
        )
    weights = weights.reshape(1, m)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"s[0, {wrong[0]}] is {weights[0, wrong[0]]}: expected finite weights, 0 or larger: "
            "give an example that does not count the weight 0"
        )
    return weights.astype(np.float64)


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
            f"(there are some of {others[:80]}); without them there is no finite optimum"
        )
    alike = np.flatnonzero(np.any(sums.reshape(2, -1) == 0, axis=0))
    raise InputError(
        f"Y[{alike[0]}] is the same for every example{where}: expected both 0 and 1 for each "
        "target; with one value there is no finite optimum: leave that row of Y out"
    )
