"""`LogisticRegression` with scikit-learn's parameters, attributes and meaning."""

import warnings
from dataclasses import replace
from typing import ClassVar

import numpy as np
from sklearn import linear_model
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from jax_logreg.arrays import as_array
from jax_logreg.fitting import fit
from jax_logreg.logistic import Params
from jax_logreg.result import Result
from jax_logreg.sklearn.absent import centred, completed, single
from jax_logreg.sklearn.border import (
    SOLVERS,
    BeyondTheirs,
    Rows,
    check_rows,
    of_any_solver,
    options_of,
    penalty_of,
    read,
    unpack,
    with_coefficients,
)
from jax_logreg.sklearn.callbacks import FitTask
from jax_logreg.sklearn.convergence import advised, warn_of
from jax_logreg.sklearn.deprecated import settle
from jax_logreg.status import Status

# Ends of a fit that are no answer to what was asked.
_WARNED = (Status.STEPS_EXHAUSTED, Status.SEPARABLE, Status.DIVERGED)


class LogisticRegression(BeyondTheirs, linear_model.LogisticRegression):
    """scikit-learn's LogisticRegression, fitted by `jax_logreg.fit`.

    Minimises C · Σ s·loss + (1 − l1_ratio)/2 · ‖w‖² + l1_ratio · Σ|w| over coefficients and
    intercept, which is never penalised. Parameters, attributes, warnings and callbacks are
    scikit-learn's (1.9), with a few differences.

    Differences:
        tol: the default, 1e-4, is `tolerance="auto"` of `jax_logreg.fit`: an error of at most 0.01
            standard errors. Another number bounds the duality gap, in units of the cost at zero
            coefficients. The computation is in float64 for small data and for a tol below 1e-6,
            else in float32.
        max_iter: the default, 100, allows 1,000 steps, which weak penalties may take. Another
            number is the largest number of steps.
        solver: any of scikit-learn's names, or "auto". With each of them l1_ratio may be any, and
            the intercept is not penalised. Several classes are multinomial; "liblinear" refuses
            them. `result_.solver` is the method that ran.
        dual, intercept_scaling, random_state: taken, and without effect on the optimum.
        device: "cpu", "gpu", "tpu"; by default where JAX puts new arrays.

    A class of weight 0 gets coefficients of 0 and a probability below 1e-16.

    Attributes beyond scikit-learn's:
        result_: the `jax_logreg.Result`: status, certificate, history.
    """

    _parameter_constraints: ClassVar[dict[str, object]] = {
        **linear_model.LogisticRegression._parameter_constraints,
        "solver": [StrOptions(set(SOLVERS))],
        "device": [str, None],
    }

    def __init__(
        self,
        penalty: object = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: object = None,
        random_state: object = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        device: str | None = None,
    ) -> None:
        """Keep the parameters; they are validated when fitted."""
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.device = device

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: object, y: object, sample_weight: object = None) -> "LogisticRegression":
        """Fit rows X (m, n) to labels y (m,), with weights (m,)."""
        C, l1_ratio = settle(self)
        X, y = check_rows(self, X, y)
        rows = read(self, X, y, sample_weight, C, one_model=True)
        if self.solver == "liblinear":
            rows = rows._replace(dtype=np.dtype(np.float64))
        which = rows.fitted(rows.weights)
        start = self._start(rows, which) if self.warm_start else None
        self.classes_ = rows.classes
        given = None if sample_weight is None else {"sample_weight": sample_weight}
        task = FitTask(
            self,
            {"X": X, "y": y, "metadata": given},
            start or _zeros(rows, which),
            lambda params: self._attributes(params, rows, which),
        )
        result = self._optimum(rows, which, C, l1_ratio, start, task)
        for name, value in self._attributes(result.params, rows, which).items():
            setattr(self, name, value)
        self.result_ = _of_all_classes(result, rows, which)
        self.n_iter_ = np.array([int(result.steps)], np.int32)
        task.end()
        self._warn(self.result_)
        return self

    def _optimum(
        self,
        rows: Rows,
        which: np.ndarray,
        C: float,
        l1_ratio: float,
        start: Params | None,
        task: FitTask,
    ) -> Result:
        """Return the optimum over those classes; a single class leaves nothing to fit."""
        if len(which) == 1:
            return single(1, rows.X.shape[0], rows.precision).result(0)
        penalty = penalty_of(l1_ratio, 1 / (C * rows.weights.sum()))
        result = fit(
            rows.X,
            rows.labels(which),
            penalty=penalty,
            params=start,
            gradient_check="off",
            feature_names=rows.names(self),
            callback=task.callback,
            **options_of(self, rows, penalty is None or penalty.smooth),
        )
        return advised(result, penalised=penalty is not None)

    def _attributes(self, params: Params, rows: Rows, which: np.ndarray) -> dict[str, object]:
        """Return coef_ and intercept_ of all classes, from parameters of some."""
        if len(which) < len(rows.classes):
            params = completed(params, which, len(rows.classes))
        coef, intercept = unpack(params, rows)
        return {"coef_": coef, "intercept_": intercept}

    def _start(self, rows: Rows, which: np.ndarray) -> Params | None:
        """Return the coefficients of the last fit, None where they have another shape."""
        coef = getattr(self, "coef_", None)
        if coef is None:
            return None
        coef = coef.toarray() if hasattr(coef, "toarray") else coef
        if coef.shape != (rows.k, rows.n):
            return None
        b = self.intercept_[:, None] if self.fit_intercept else np.zeros((rows.k, 1))
        if rows.k > 1:
            coef, b = coef[which], b[which]
        w = np.pad(coef.T, ((0, rows.X.shape[0] - rows.n), (0, 0)))
        return Params(as_array(w), as_array(b))

    def _warn(self, result: Result) -> None:
        if self.verbose:
            print(result.message)
        if result.status in _WARNED and self.tol > 0:
            status, steps = Status(int(result.status)), int(result.steps)
            warn_of(status, self.solver, steps, self.max_iter, result.message)

    def to_sklearn(self) -> linear_model.LogisticRegression:
        """Return scikit-learn's fitted estimator of the same coefficients, which needs no JAX."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            C, l1_ratio = settle(self)
        shared = linear_model.LogisticRegression().get_params()
        given = {name: value for name, value in self.get_params().items() if name in shared}
        by_name = {"auto": "lbfgs", "liblinear": "lbfgs"}.get(self.solver, self.solver)
        given |= {"solver": "saga" if l1_ratio else by_name, "C": C, "l1_ratio": l1_ratio}
        given |= {"penalty": "deprecated", "n_jobs": None, "dual": False}
        theirs = linear_model.LogisticRegression(**given)
        theirs.n_iter_ = self.n_iter_
        return with_coefficients(theirs, self)

    def __sklearn_tags__(self) -> object:
        """Return scikit-learn's tags, changed for the solvers and arrays here."""
        return of_any_solver(super().__sklearn_tags__(), self.solver)


def _zeros(rows: Rows, which: np.ndarray) -> Params:
    """Return the start of a fit of these classes."""
    k = 1 if rows.k == 1 else len(which)
    w = np.zeros((rows.X.shape[0], k))
    return Params(as_array(w), as_array(w[:1].T))


def _of_all_classes(result: Result, rows: Rows, which: np.ndarray) -> Result:
    """Return the result without padding, with the classes of the labels."""
    names, params, notes = tuple(rows.classes.tolist()), result.params, result.notes
    if len(which) < len(names):
        params = completed(params, which, len(names))
        without = ", ".join(repr(names[i]) for i in rows.every if i not in which)
        notes += (f"No example of {without} has a weight: its probability is 0.",)
    params = centred(params._replace(w=params.w[: rows.n]))
    return replace(result, params=params, classes=names, notes=notes)
