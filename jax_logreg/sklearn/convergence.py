"""The warning of a fit that found no optimum, in the words that people filter it by."""

import warnings
from dataclasses import replace

from sklearn.exceptions import ConvergenceWarning

from jax_logreg.proof.advice import PYTHON, Facts, Terms, advise
from jax_logreg.result import Result
from jax_logreg.status import Status

# How scikit-learn's own solvers say that max_iter was reached; filters match from the beginning.
_REACHED = {
    "liblinear": "Liblinear failed to converge, increase the number of iterations.",
    "newton-cholesky": "Newton solver did not converge after {steps} iterations.",
    "sag": "The max_iter was reached which means the coef_ did not converge.",
    "saga": "The max_iter was reached which means the coef_ did not converge.",
}
_FAILED = "{solver} failed to converge after {steps} iteration(s) (max_iter={max_iter})."


# The options of an estimator. More iterations are advised by scikit-learn's own words.
_TERMS = Terms(
    refine="",
    float64="",
    tolerance="a larger tol",
    steps="",
    automatic="",
    penalty="C=1.0",
    rate="",
    standardise="sklearn.preprocessing.StandardScaler()",
)


def advised(result: Result, penalised: bool) -> Result:
    """Return the result with its advice in the terms of an estimator."""
    facts = Facts(
        str(result.params.w.dtype),
        standardised=PYTHON.standardise not in result.advice,
        penalised=penalised,
    )
    return replace(result, advice=advise(Status(int(result.status)), facts, _TERMS))


def warn_of(status: Status, solver: str, steps: int, max_iter: int, message: str) -> None:
    """Warn in scikit-learn's words for the solver's name, then in those of the result."""
    words = {"solver": solver, "steps": steps, "max_iter": max_iter}
    opening = _FAILED.format(**words)
    if status is Status.STEPS_EXHAUSTED:
        if solver in _REACHED:
            opening = f"{_REACHED[solver].format(**words)} {opening}"
        opening += " Increase the number of iterations."
    # From here: the estimator's own method, fit, its validation, and the caller.
    warnings.warn(f"{opening} {message}", ConvergenceWarning, stacklevel=5)
