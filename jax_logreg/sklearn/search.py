"""`LogisticRegressionCV` with scikit-learn's parameters, attributes and meaning."""

from numbers import Real
from typing import ClassVar

import jax
import numpy as np
from sklearn import linear_model
from sklearn.base import _fit_context
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import _raise_for_params, _routing_enabled, process_routing

from jax_logreg.sklearn.attributes import repeat_by_class, set_attributes
from jax_logreg.sklearn.border import (
    SOLVERS,
    BeyondTheirs,
    check_rows,
    of_any_solver,
    read,
    with_coefficients,
)
from jax_logreg.sklearn.convergence import advised, warn_of
from jax_logreg.sklearn.deprecated import axis, settle_search
from jax_logreg.sklearn.grid import fit_grids, masks, weigh_folds
from jax_logreg.sklearn.scoring import name_of_score, score_here, score_there
from jax_logreg.status import Status


class LogisticRegressionCV(BeyondTheirs, linear_model.LogisticRegressionCV):
    """scikit-learn's LogisticRegressionCV: all C x l1_ratio x folds as one sweep over one X.

    Parameters, attributes and warnings are scikit-learn's (1.9), with the differences of
    `LogisticRegression`. n_jobs is taken, and without effect. A fold that lacks classes is fitted
    over the classes that it has.

    Differences:
        memory: bytes for the models beside X, by default 1e9. The number of models that run at
            once follows from it.

    Attributes:
        models_: the fits of all examples, one `jax_logreg.sweep.Fits` for each l1_ratio, with
            status and certificate of each model.
        fold_models_: the fits of the folds, C by C.
        result_: if refit, the `jax_logreg.Result` of the chosen model; its history is empty.
    """

    _parameter_constraints: ClassVar[dict[str, object]] = {
        **linear_model.LogisticRegressionCV._parameter_constraints,
        "solver": [StrOptions(set(SOLVERS))],
        "device": [str, None],
        "memory": [Interval(Real, 0, None, closed="neither"), None],
    }
    _beyond: ClassVar[tuple[str, ...]] = ("device", "memory")

    def __init__(
        self,
        *,
        Cs: object = 10,
        l1_ratios: object = "warn",
        fit_intercept: bool = True,
        cv: object = None,
        dual: bool = False,
        penalty: str = "deprecated",
        scoring: object = "warn",
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: object = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: object = None,
        use_legacy_attributes: bool | str = "warn",
        device: str | None = None,
        memory: float | None = None,
    ) -> None:
        """Keep the parameters; they are validated when fitted."""
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes
        self.device = device
        self.memory = memory

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: object, y: object, sample_weight: object = None, **params: object
    ) -> "LogisticRegressionCV":
        """Fit rows X (m, n) to labels y (m,), with weights (m,).

        `params` are the metadata of the splitter and the scorer.
        """
        _raise_for_params(params, self, "fit")
        asked, Cs = settle_search(self), axis("Cs", self.Cs, np.inf)
        checked = check_rows(self, X, y)
        rows = read(self, *checked, sample_weight)
        rows = rows._replace(dtype=np.dtype(np.float64))
        routed = _route(self, sample_weight, params)
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, **routed.splitter.split))
        train, test = (masks([fold[i] for fold in folds], rows) for i in range(2))
        given = routed.scorer.score
        with jax.enable_x64(rows.precision == "float64"):
            weights = weigh_folds(self, rows, train)
            grids = fit_grids(self, rows, weights, Cs, asked.l1_ratios)
            name = name_of_score(asked.scoring, given, rows)
            if name is None:
                scores = score_there(self, grids, *checked, folds, given, rows)
            else:
                scores = score_here(grids, name, test, given.get("sample_weight"), rows)
        self.Cs_, self.l1_ratios_, self.classes_ = Cs, asked.l1_ratios, rows.classes
        self.models_ = [rows.unpadded(grid.models) for grid in grids]
        self.fold_models_ = [rows.unpadded(grid.fold_models) for grid in grids]
        # From (l1_ratios, Cs, folds).
        set_attributes(self, np.moveaxis(scores, 2, 0), rows)
        if asked.legacy:
            repeat_by_class(self, rows, asked.kept)
        self._warn()
        return self

    def _warn(self) -> None:
        fits = [*self.models_, *self.fold_models_]
        models = [(fit, i) for fit in fits for i in range(len(fit.status))]
        good = (Status.CONVERGED, Status.PRECISION_FLOOR)
        wrong = [(fit, i) for fit, i in models if fit.status[i] not in good]
        if wrong and self.tol > 0:
            fit, i = wrong[0]
            # With a penalty there is a finite optimum.
            first = advised(fit.result(i), penalised=False)
            message = (
                f"{len(wrong)} of {len(models)} models did not converge; the first of them: "
                f"{first.message}"
            )
            steps = max(int(one.steps.max()) for one in fits)
            warn_of(fit.status[i], self.solver, steps, self.max_iter, message)

    def to_sklearn(self) -> linear_model.LogisticRegression:
        """Return scikit-learn's fitted estimator of the chosen model, which needs no JAX."""
        theirs = linear_model.LogisticRegression(
            C=float(np.ravel(self.C_)[0]),
            l1_ratio=float(np.ravel(self.l1_ratio_)[0]),
            solver="saga" if np.any(self.l1_ratios_) else "lbfgs",
            fit_intercept=self.fit_intercept,
        )
        theirs.n_iter_ = np.array([int(np.max(self.n_iter_))], np.int32)
        return with_coefficients(theirs, self)

    def __sklearn_tags__(self) -> object:
        """Return scikit-learn's tags, changed for the solvers and arrays here."""
        return of_any_solver(super().__sklearn_tags__(), self.solver)


def _route(estimator: object, sample_weight: object, params: dict[str, object]) -> Bunch:
    """Return the metadata for the splitter and for the scorer."""
    if _routing_enabled():
        return process_routing(estimator, "fit", sample_weight=sample_weight, **params)
    score = {} if sample_weight is None else {"sample_weight": sample_weight}
    return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=score))
