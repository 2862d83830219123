"""Parameters that scikit-learn deprecates and still takes, with their meaning and warnings."""

import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from jax_logreg.errors import brief

_INSTEAD = (
    "'penalty' was deprecated in scikit-learn 1.8: leave it out, and pass {ratio}=0 for 'l2', 1 "
    "for 'l1', a number between for 'elasticnet', and {C}=inf for None."
)
_NOT_READ = "{name} parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty})"


class Axes(NamedTuple):
    """The deprecated parameters of a search, with their meaning.

    `kept` keeps the axis of the l1_ratios in the attributes. `legacy` makes them those from before
    scikit-learn 1.8.
    """

    l1_ratios: np.ndarray
    kept: bool
    scoring: object
    legacy: bool


def settle(estimator: BaseEstimator) -> tuple[float, float]:
    """Return C and l1_ratio as `penalty` and l1_ratio=None change them.

    Raises:
        ValueError: penalty='elasticnet' without an l1_ratio.
    """
    C, ratio, penalty = estimator.C, estimator.l1_ratio, estimator.penalty
    if estimator.n_jobs is not None:
        _future(
            f"'n_jobs' has no effect since scikit-learn 1.8: leave out n_jobs={estimator.n_jobs}."
        )
    if penalty == "deprecated":
        if ratio is None:
            _future("'l1_ratio=None' was deprecated in scikit-learn 1.8: pass 0 instead.")
        return C, ratio or 0.0
    _future(_INSTEAD.format(ratio="l1_ratio", C="C"))
    if penalty == "elasticnet":
        if ratio is None:
            raise ValueError(
                "l1_ratio must be specified when penalty is elasticnet: pass a number from 0 to 1"
            )
        return C, ratio
    if ratio is not None and 0 < ratio < 1:
        _warn(_NOT_READ.format(name="l1_ratio", penalty=penalty))
    meant = {"l1": 1.0, "l2": 0.0}.get(penalty, ratio)
    if ratio != meant:
        _warn(
            f"Inconsistent values: penalty={penalty} with l1_ratio={ratio}: penalty is taken; pass "
            "l1_ratio alone."
        )
    if penalty is None:
        if C != 1:
            _warn("Setting penalty=None will ignore the C and l1_ratio parameters")
        return np.inf, 0.0
    return C, float(meant)


def settle_search(estimator: BaseEstimator) -> Axes:
    """Return the l1_ratios, the scoring and the kind of attributes of a search.

    Raises:
        ValueError: l1_ratios that are no numbers from 0 to 1.
    """
    given, penalty = estimator.l1_ratios, estimator.penalty
    if isinstance(given, str):
        given = None
        _future(
            "The default value for l1_ratios will change from None to (0.0,) in scikit-learn 1.10, "
            "which gives the attributes one more axis: pass l1_ratios=(0,)."
        )
    elif given is None and penalty == "deprecated":
        _future("'l1_ratios=None' was deprecated in scikit-learn 1.8: pass l1_ratios=(0,).")
    if penalty != "deprecated":
        _future(_INSTEAD.format(ratio="l1_ratios", C="Cs"))
    if penalty == "elasticnet" or (penalty == "deprecated" and given is not None):
        ratios = axis("l1_ratios", given, 1)
    else:
        if given is not None:
            _warn(_NOT_READ.format(name="l1_ratios", penalty=penalty))
        ratios = np.full(1 if given is None else len(given), float(penalty == "l1"))
    scoring, legacy = estimator.scoring, estimator.use_legacy_attributes
    if isinstance(scoring, str) and scoring == "warn":
        scoring = None
        _future(
            "The default value of the parameter 'scoring' will change from accuracy to "
            "'neg_log_loss' in scikit-learn 1.11: pass scoring='accuracy' to keep it."
        )
    if isinstance(legacy, str):
        legacy = True
        _future(
            "The default value of use_legacy_attributes will change from True to False in "
            "scikit-learn 1.10: pass False for the simpler attributes, True to keep these."
        )
    return Axes(ratios, given is not None, scoring, bool(legacy))


def axis(name: str, values: object, highest: float) -> np.ndarray:
    """Return Cs or l1_ratios as an array; a number of Cs is a geometric grid from 1e-4 to 1e4.

    Raises:
        ValueError: what is not a list of such numbers.
    """
    if isinstance(values, Integral) and name == "Cs":
        return np.logspace(-4, 4, int(values))
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 1 or not found.size or not np.all((found >= 0) & (found <= highest)):
        raise ValueError(
            f"{name} must be an array-like of numbers between 0 and {highest}; got "
            f"({name}={brief(values)})"
        )
    if name == "Cs" and not np.all(found > 0):
        raise ValueError(f"Cs must be positive; got (Cs={brief(values)})")
    return found


def _future(message: str) -> None:
    _warn(message, FutureWarning)


def _warn(message: str, category: type[Warning] = UserWarning) -> None:
    # From here: a settle function, fit, its validation, and the caller.
    warnings.warn(message, category, stacklevel=5 if category is UserWarning else 6)
