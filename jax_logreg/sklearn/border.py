"""The border: rows (m, n) and labels as scikit-learn has them, to X (n, m) and back."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from jax_logreg.logistic import Params
from jax_logreg.penalty import L1, L2, ElasticNet, Penalty
from jax_logreg.problem.options import Options, complete
from jax_logreg.proof.goal import AUTO, Goal, aim_of
from jax_logreg.sklearn.absent import centred, one_hot, present
from jax_logreg.sweep import Fits

# scikit-learn's names, and "auto": each reaches the optimum; those that name a method here get it
# where it can take the penalty and the size.
SOLVERS = ("auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
# Below this tolerance float32 has no digits left; below this size float64 costs nothing.
_FLOAT32, _SMALL = 1e-6, 2**18
# scikit-learn's defaults, and the steps that here are the default.
_DEFAULT_TOL = 1e-4
_DEFAULT_MAX_ITER, _STEPS = 100, 1000
# Unknowns up to which Newton's Hessians are small, asked for by name; and of small data anyhow: its
# steps depend less on the order of sums than those of L-BFGS.
_NEWTON, _FEW_UNKNOWNS = 2000, 128
# Sizes up to which examples and features are padded to the next of 1, 2, 4, ..., as every new shape
# is compiled; beyond, examples are padded to a sixteenth of that, and a large X not at all.
_PADDED, _FEWEST, _LARGE = 4096, 64, 2**27


class Rows(NamedTuple):
    """Training data: X (n', m') padded with zeros, class numbers (m',), weights (m',).

    Weights are 0 for padding; `given` are those before class_weight. There are n features and m
    examples without the padding. `dtype` is that of the attributes, `precision` the one to compute
    in. `intercept` says whether there is one.
    """

    X: Any
    number: np.ndarray
    weights: np.ndarray
    given: np.ndarray
    n: int
    m: int
    classes: np.ndarray
    dtype: np.dtype
    precision: str
    intercept: bool

    @property
    def k(self) -> int:
        """The number of outputs: 1 for two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def every(self) -> np.ndarray:
        """The numbers of all classes."""
        return np.arange(len(self.classes))

    def fitted(self, weights: np.ndarray) -> np.ndarray:
        """The numbers of the classes that a fit with these weights (m',) has to distinguish."""
        if not self.intercept:
            return self.every
        return present(weights, self.number, len(self.classes))

    def labels(self, which: np.ndarray) -> np.ndarray:
        """The labels as rows of 0 and 1, (k, m'), of those classes."""
        if self.k == 1:
            return self.number[None]
        return one_hot(self.number, which)

    def names(self, estimator: object) -> list[str] | None:
        """The names (n',) of the features, where a data frame had some."""
        found = getattr(estimator, "feature_names_in_", None)
        if found is None:
            return None
        return [*map(str, found), *["padding"] * (self.X.shape[0] - self.n)]

    def unpadded(self, fits: Fits) -> Fits:
        """The models with the features and the classes that there are."""
        params = centred(fits.params._replace(w=fits.params.w[:, : self.n]))
        return fits._replace(params=params, classes=tuple(self.classes.tolist()))


def check_rows(estimator: object, X: object, y: object) -> tuple[object, object]:
    """Return X (m, n) and y (m,), validated as scikit-learn does it."""
    X, y = validate_data(
        estimator, X, y, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
    )
    check_classification_targets(y)
    return X, y


def read(estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, C: float = 1.0) -> Rows:
    """Return rows that `check_rows` has passed as X (n, m), with labels and weights.

    Raises:
        ValueError: y of one class, or weights that leave nothing to fit.
    """
    classes, number = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            "y needs samples of at least 2 classes, but it contains only one class: "
            f"{classes.tolist()[0]!r}: with one class there is no finite optimum"
        )
    if estimator.solver == "liblinear" and len(classes) > 2:
        raise ValueError(
            "The 'liblinear' solver does not support multiclass classification, in scikit-learn's "
            f"meaning of it: y has {len(classes)} classes: pass any other solver, or wrap the "
            "estimator in a OneVsRestClassifier"
        )
    given = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    weights = given * _of_classes(estimator.class_weight, classes, y, given)[number]
    if not weights.any():
        raise ValueError(
            "sample_weight and class_weight leave no example with a weight: expected some above 0"
        )
    m, n = X.shape
    precise = estimator.tol < _FLOAT32 or m * n <= _SMALL
    precision = "float64" if precise else "float32"
    # Without penalty a feature of zeros would be one more that is collinear.
    more = _padding(m, n, penalised=bool(np.isfinite(C)))
    number, weights, given = (np.pad(part, (0, more[0])) for part in (number, weights, given))
    X, dtype = _turned(X, more, precision), X.dtype
    intercept = bool(estimator.fit_intercept)
    return Rows(X, number, weights, given, n, m, classes, dtype, precision, intercept)


def _of_classes(
    class_weight: object, classes: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The factor of each class, (k,), 0 for a class without weight that is to be balanced."""
    # Balanced weights divide by the sum of each class.
    with np.errstate(divide="ignore"):
        factors = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=weights)
    if isinstance(class_weight, str):
        return np.where(np.isfinite(factors), factors, 0.0)
    if not np.all(np.isfinite(factors) & (factors >= 0)):
        raise ValueError(
            f"class_weight is {' '.join(repr(class_weight).split())[:80]}: expected finite numbers "
            "of at least 0"
        )
    return factors


def _padding(m: int, n: int, penalised: bool) -> tuple[int, int]:
    """Return how many examples and features more make a size that others have too."""
    if m * n > _LARGE:
        return 0, 0
    step = _FEWEST
    while 16 * step < m or (step < m and m <= _PADDED):
        step *= 2
    features = (1 << (n - 1).bit_length()) - n if penalised and n <= _FEWEST else 0
    return -m % step, features


def _turned(X: Any, more: tuple[int, int], dtype: str) -> object:
    if sparse.issparse(X):
        rows = X.tocsr().astype(dtype, copy=False)
        shape = (rows.shape[0] + more[0], rows.shape[1] + more[1])
        ends = np.pad(rows.indptr, (0, more[0]), mode="edge")
        return sparse.csr_array((rows.data, rows.indices, ends), shape=shape).T
    if not any(more):
        return X.T
    padded = np.zeros((X.shape[0] + more[0], X.shape[1] + more[1]), X.dtype)
    padded[: X.shape[0], : X.shape[1]] = X
    return padded.T


def tolerance_of(estimator: BaseEstimator, rows: Rows) -> Any:
    """The tolerance that an estimator's `tol` stands for: nobody chose the default number.

    Any other bounds the gap. Small data continue as far as by default, so that a smaller `tol`
    never gives a worse answer.
    """
    if estimator.tol == _DEFAULT_TOL:
        return AUTO
    tol = float(estimator.tol)
    aim = aim_of(rows.n * rows.m * rows.k, rows.precision)
    return Goal(tol, gradient=tol, aim=aim)


def steps_of(estimator: BaseEstimator) -> int:
    """The steps that an estimator's `max_iter` stands for: nobody chose the default number."""
    # Callbacks get `max_iter` steps announced beforehand.
    followed = hasattr(estimator, "_skl_callbacks")
    usual = estimator.max_iter == _DEFAULT_MAX_ITER and not followed
    return _STEPS if usual else estimator.max_iter


def penalty_of(l1_ratio: float, strength: Any) -> Penalty | None:
    """The penalty of a strength, or of one for each of many models; none where all are 0."""
    if not np.any(strength):
        return None
    if l1_ratio == 0:
        return L2(strength)
    return L1(strength) if l1_ratio == 1 else ElasticNet(strength, l1_ratio)


def solver_of(name: str, rows: Rows, smooth: bool) -> str:
    """The method here that a solver's name there stands for."""
    if not smooth:
        return "auto"
    unknowns, small = (rows.n + 1) * rows.k, rows.n * rows.m <= _SMALL
    if unknowns <= (_NEWTON if name == "newton-cholesky" else _FEW_UNKNOWNS * small):
        return "newton"
    return "lbfgs" if name == "newton-cg" else "auto"


def options_of(estimator: BaseEstimator, rows: Rows, smooth: bool) -> Options:
    """The options of a fit, by their names here, that an estimator's parameters stand for."""
    return complete(
        s=rows.weights,
        family="binomial" if rows.k == 1 else "multinomial",
        fit_intercept=estimator.fit_intercept,
        solver=solver_of(estimator.solver, rows, smooth),
        steps=steps_of(estimator),
        tolerance=tolerance_of(estimator, rows),
        dtype=rows.precision,
        device=estimator.device,
    )


def unpack(params: Params, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """coef_ (k, n) and intercept_ (k,) in the dtype of the rows, to be written to."""
    w, b = (np.asarray(part) for part in centred(params))
    return np.array(w[: rows.n].T, rows.dtype, order="C"), b[:, 0].astype(rows.dtype)


def with_coefficients(theirs: object, ours: object) -> object:
    """scikit-learn's object with what a fit of ours found, all that predicting needs."""
    for name in ("coef_", "intercept_", "classes_", "n_features_in_", "feature_names_in_"):
        if hasattr(ours, name):
            setattr(theirs, name, getattr(ours, name))
    return theirs


def of_any_solver(tags: Any, solver: str) -> object:
    """scikit-learn's tags where nearly every solver takes several classes; only NumPy's arrays."""
    tags.array_api_support = False
    tags.classifier_tags.multi_class = solver != "liblinear"
    return tags


class BeyondTheirs:
    """Parameters that scikit-learn's class lacks: in `get_params` only where one is given.

    So what holds the parameters of an estimator here is taken by scikit-learn's own too.
    """

    _beyond: ClassVar[tuple[str, ...]] = ("device",)

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters by name; of those beyond scikit-learn's the ones that are given."""
        found = super().get_params(deep)  # type: ignore[misc]
        unset = {name for name in self._beyond if found[name] is None}
        return {name: value for name, value in found.items() if name not in unset}

    def set_params(self, **params: object) -> object:
        """Set parameters by name and return the estimator."""
        for name in set(self._beyond) & set(params):
            setattr(self, name, params.pop(name))
        return super().set_params(**params)  # type: ignore[misc]
