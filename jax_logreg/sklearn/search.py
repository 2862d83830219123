"""`LogisticRegressionCV` with scikit-learn's parameters, attributes and meaning."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import jax
import numpy as np
import sklearn
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import process_routing

from jax_logreg.sklearn.border import Rows, of_any_solver, read, unpack, with_coefficients
from jax_logreg.sklearn.estimator import LogisticRegression
from jax_logreg.sklearn.grid import (
    check_classes,
    fit_grids,
    masks,
    name_of_score,
    score_here,
    score_there,
)
from jax_logreg.status import Status

_MEMORY = 1e9


class LogisticRegressionCV(linear_model.LogisticRegressionCV):
    """scikit-learn's LogisticRegressionCV: all C x l1_ratio x folds as one sweep over one X.

    Parameters and attributes are scikit-learn's (1.9), without those it deprecates, and with the
    differences of `LogisticRegression`. n_jobs is taken, and without effect.

    memory: bytes that the models may take beside X; how many run at once follows from it.

    Attributes beyond scikit-learn's:
        models_: the fits of all examples, one `jax_logreg.sweep.Fits` for each l1_ratio.
        fold_models_: those of the folds, C by C; both with status and certificate of each.
        result_: if refit, the `jax_logreg.Result` of the chosen model; its history is empty.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{
            name: rule
            for name, rule in LogisticRegression._parameter_constraints.items()
            if name not in ("C", "l1_ratio", "warm_start")
        },
        "Cs": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "l1_ratios": ["array-like"],
        "cv": ["cv_object"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "n_jobs": [Integral, None],
        "refit": ["boolean"],
        "use_legacy_attributes": ["boolean"],
        "memory": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = (0.0,),
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        scoring: Any = None,
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: Any = None,
        use_legacy_attributes: bool = True,
        device: str | None = None,
        memory: float = _MEMORY,
    ) -> None:
        """Keep the parameters; they are validated when fitted."""
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
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

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, **params: Any
    ) -> "LogisticRegressionCV":
        """Fit rows X (m, n) to labels y (m,), with weights (m,); params go to splitter, scorer."""
        self._validate_params()
        Cs, l1_ratios = _axis("Cs", self.Cs, np.inf), _axis("l1_ratios", self.l1_ratios, 1)
        routed = _route(self, sample_weight, params)
        rows = read(self, X, y, sample_weight)
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, **routed.splitter.split))
        train, test = (masks([fold[i] for fold in folds], rows) for i in range(2))
        check_classes(train * rows.weights, rows)
        given = routed.scorer.score
        with jax.enable_x64(rows.precision == "float64"):
            grids = fit_grids(self, rows, train * rows.weights, Cs, l1_ratios)
            name = name_of_score(self.scoring, given, rows)
            if name is None:
                scores = score_there(self, grids, X, y, folds, given, rows)
            else:
                scores = score_here(grids, name, test, given.get("sample_weight"), rows)
        self.Cs_, self.l1_ratios_, self.classes_ = Cs, l1_ratios, rows.classes
        self.models_ = [rows.unpadded(grid.models) for grid in grids]
        self.fold_models_ = [rows.unpadded(grid.fold_models) for grid in grids]
        # From (l1_ratios, Cs, folds).
        self._choose(np.moveaxis(scores, 2, 0), rows)
        self._tell()
        return self

    def _choose(self, scores: np.ndarray, rows: Rows) -> None:
        """The attributes of scikit-learn, from scores (folds, l1_ratios, Cs)."""
        shape = (len(self.Cs_), len(scores))

        def by_fold(parts: list[Any]) -> np.ndarray:
            """(folds, l1_ratios, Cs, ...) from a part (Cs · folds, ...) of each l1_ratio."""
            return np.moveaxis(np.stack([p.reshape(*shape, *p.shape[1:]) for p in parts]), 2, 0)

        paths = np.swapaxes(by_fold([fits.params.w for fits in self.fold_models_]), -1, -2)
        if self.fit_intercept:
            b = by_fold([fits.params.b for fits in self.fold_models_])
            paths = np.concatenate([paths, b], axis=-1)
        self.coefs_paths_, self.scores_ = paths.astype(rows.dtype), scores
        self.n_iter_ = by_fold([fits.steps for fits in self.fold_models_]).astype(np.int32)
        # As there, ties go to the first C, then the first l1_ratio.
        order = np.swapaxes(scores, 1, 2)
        if self.refit:
            best = np.unravel_index(np.argmax(order.sum(axis=0)), order.shape[1:])
            self.result_ = self.models_[best[1]].result(int(best[0]))
            self.C_, self.l1_ratio_ = float(self.Cs_[best[0]]), float(self.l1_ratios_[best[1]])
            self.coef_, self.intercept_ = unpack(self.result_.params, rows)
        else:
            flat = np.argmax(order.reshape(len(scores), -1), axis=1)
            which, ratio = np.unravel_index(flat, order.shape[1:])
            self.C_ = float(np.mean(self.Cs_[which]))
            self.l1_ratio_ = float(np.mean(self.l1_ratios_[ratio]))
            mean = self.coefs_paths_[np.arange(len(scores)), ratio, which].mean(axis=0)
            self.coef_ = np.ascontiguousarray(mean[:, : rows.n])
            self.intercept_ = mean[:, rows.n] if self.fit_intercept else np.zeros(rows.k)
        if self.use_legacy_attributes:
            self._repeat_by_class(rows)

    def _repeat_by_class(self, rows: Rows) -> None:
        """The attributes as scikit-learn had them before 1.8: each repeated for every class."""
        names = self.classes_[1:] if rows.k == 1 else self.classes_
        paths = np.moveaxis(np.swapaxes(self.coefs_paths_, 1, 2), 3, 0)
        legacy = {
            "coefs_paths_": dict(zip(names, paths, strict=True)),
            "scores_": dict.fromkeys(names, np.swapaxes(self.scores_, 1, 2)),
            "n_iter_": np.swapaxes(self.n_iter_, 1, 2)[None],
            "C_": np.full(rows.k, self.C_),
            "l1_ratio_": np.full(rows.k, self.l1_ratio_),
        }
        for name, value in legacy.items():
            setattr(self, name, value)

    def _tell(self) -> None:
        fits = [*self.models_, *self.fold_models_]
        status = [one for fit in fits for one in fit.status]
        wrong = [one for one in status if one not in (Status.CONVERGED, Status.PRECISION_FLOOR)]
        if wrong and self.tol > 0:
            warnings.warn(
                f"{len(wrong)} of {len(status)} models ended otherwise than converged, the first "
                f"as {wrong[0].name.lower()}: {wrong[0].explanation}",
                ConvergenceWarning,
                stacklevel=3,
            )

    def to_sklearn(self) -> linear_model.LogisticRegression:
        """The fitted scikit-learn object of the chosen model, which needs no JAX."""
        theirs = linear_model.LogisticRegression(
            C=float(np.ravel(self.C_)[0]),
            l1_ratio=float(np.ravel(self.l1_ratio_)[0]),
            solver="saga" if np.any(self.l1_ratios_) else "lbfgs",
            fit_intercept=self.fit_intercept,
        )
        theirs.n_iter_ = np.array([int(np.max(self.n_iter_))], np.int32)
        return with_coefficients(theirs, self)

    def __sklearn_tags__(self) -> Any:
        """As scikit-learn's, but of any solver, and NumPy alone."""
        return of_any_solver(super().__sklearn_tags__())


def _axis(name: str, values: Any, highest: float) -> np.ndarray:
    """Cs or l1_ratios as an array; a number of Cs is a geometric grid from 1e-4 to 1e4."""
    if isinstance(values, Integral):
        return np.logspace(-4, 4, values)
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not found.size or not np.all((found >= 0) & (found <= highest)):
        raise ValueError(
            f"{name} must be an array-like of numbers between 0 and {highest}; "
            f"got ({name}={values!r})"
        )
    if name == "Cs" and not np.all(found > 0):
        raise ValueError(f"Cs must be positive; got (Cs={values!r})")
    return found


def _route(estimator: Any, sample_weight: Any, params: dict[str, Any]) -> Bunch:
    """What goes to the splitter and to the scorer."""
    if sklearn.get_config()["enable_metadata_routing"]:
        return process_routing(estimator, "fit", sample_weight=sample_weight, **params)
    if params:
        raise ValueError(
            f"fit got {sorted(params)}: the splitter and the scorer get such only with "
            "sklearn.set_config(enable_metadata_routing=True)"
        )
    score = {} if sample_weight is None else {"sample_weight": sample_weight}
    return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=score))
