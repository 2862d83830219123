"""`LogisticRegression` with scikit-learn's parameters, attributes and meaning."""

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from jax_logreg.fit import fit
from jax_logreg.logistic import Params
from jax_logreg.result import Result
from jax_logreg.sklearn.border import (
    SOLVERS,
    Rows,
    of_any_solver,
    penalty_of,
    read,
    solver_of,
    unpack,
    with_coefficients,
)
from jax_logreg.status import Status

# Ends of a fit that are no answer to what was asked.
_WARNED = (Status.STEPS_EXHAUSTED, Status.SEPARABLE, Status.DIVERGED)


class LogisticRegression(linear_model.LogisticRegression):
    """scikit-learn's LogisticRegression, fitted by `jax_logreg.fit`.

    Minimises C · Σ s·loss + (1 − l1_ratio)/2 · ‖w‖² + l1_ratio · Σ|w| over coefficients and, never
    penalised, intercept. Parameters and attributes are scikit-learn's (1.9), without those it
    deprecates, and with these differences:

    tol: the largest duality gap, in units of the cost at zero coefficients. Large data are computed
        on in float32, small ones, and any where tol is below 1e-6, in float64.
    solver: any of scikit-learn's names, or "auto"; whichever it is, l1_ratio may be any, several
        classes are multinomial, and the intercept is not penalised. `result_.solver` says which
        method ran.
    dual, intercept_scaling, random_state: taken, and without effect on the optimum.
    device: "cpu", "gpu", "tpu"; by default where JAX puts new arrays.

    Attributes beyond scikit-learn's:
        result_: the `jax_logreg.Result`: status, certificate, history.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "dual": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "random_state": ["random_state"],
        "solver": [StrOptions(set(SOLVERS))],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "device": [str, None],
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        device: str | None = None,
    ) -> None:
        """Keep the parameters; they are validated when fitted."""
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
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LogisticRegression":
        """Fit rows X (m, n) to labels y (m,), with weights (m,)."""
        self._validate_params()
        rows = read(self, X, y, sample_weight)
        strength = 1 / (self.C * rows.weights.sum())
        penalty = penalty_of(self.l1_ratio, strength)
        smooth = penalty is None or penalty.smooth
        result = fit(
            rows.X,
            rows.labels,
            s=rows.weights,
            family="binomial" if rows.k == 1 else "multinomial",
            penalty=penalty,
            fit_intercept=self.fit_intercept,
            solver=solver_of(self.solver, rows, smooth),
            steps=self.max_iter,
            tolerance=self.tol,
            params=self._start(rows) if self.warm_start else None,
            gradient_check="off",
            dtype=rows.precision,
            device=self.device,
        )
        params = result.params._replace(w=result.params.w[: rows.n])
        names = tuple(rows.classes.tolist())
        self.result_ = replace(result, params=params, classes=names)
        self.classes_ = rows.classes
        self.coef_, self.intercept_ = unpack(result.params, rows)
        self.n_iter_ = np.array([int(result.steps)], np.int32)
        self._tell(result)
        return self

    def _start(self, rows: Rows) -> Params | None:
        """The coefficients of the last fit, where they are of the same shape."""
        coef = getattr(self, "coef_", None)
        if coef is None:
            return None
        coef = coef.toarray() if hasattr(coef, "toarray") else coef
        if coef.shape != (rows.k, rows.n):
            return None
        w: Any = np.pad(coef.T, ((0, rows.X.shape[0] - rows.n), (0, 0)))
        b: Any = self.intercept_[:, None] if self.fit_intercept else np.zeros((rows.k, 1))
        return Params(w, b)

    def _tell(self, result: Result) -> None:
        if self.verbose:
            print(result.message)
        if result.status in _WARNED and self.tol > 0:
            warnings.warn(result.message, ConvergenceWarning, stacklevel=3)

    def to_sklearn(self) -> linear_model.LogisticRegression:
        """The fitted scikit-learn object of the same coefficients, which needs no JAX."""
        shared = linear_model.LogisticRegression().get_params()
        given = {name: value for name, value in self.get_params().items() if name in shared}
        by_name = {"auto": "lbfgs", "liblinear": "lbfgs"}.get(self.solver, self.solver)
        given["solver"] = "saga" if self.l1_ratio else by_name
        theirs = linear_model.LogisticRegression(**given)
        theirs.n_iter_ = self.n_iter_
        return with_coefficients(theirs, self)

    def __sklearn_tags__(self) -> Any:
        """As scikit-learn's, but of any solver, and NumPy alone."""
        return of_any_solver(super().__sklearn_tags__())
