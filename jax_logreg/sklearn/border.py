"""The border: rows (m, n) and labels as scikit-learn has them, to X (n, m) and back."""

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from jax_logreg.errors import brief
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, Params
from jax_logreg.matrix import GivenX
from jax_logreg.penalty import L1, L2, ElasticNet, Penalty
from jax_logreg.problem.executor import computes_in_numpy
from jax_logreg.problem.options import Options, complete
from jax_logreg.problem.placing import find_place
from jax_logreg.proof.goal import AUTO, Goal, aim_of
from jax_logreg.shapes import Coefficient
from jax_logreg.sklearn.absent import centred, one_hot, present
from jax_logreg.sweep import Fits

if TYPE_CHECKING:
    from sklearn.utils import Tags

# Rows (m, n) as scikit-learn has them once they are validated.
Table: TypeAlias = np.ndarray | sparse.csr_array | sparse.csr_matrix

# scikit-learn's names, and "auto": each reaches the optimum. The name of a method that is here too
# stands for it where it can take the penalty and the size.
SOLVERS = ("auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
# Below this tolerance float32 has no digits left; below this size float64 costs nothing.
_FLOAT32, _SMALL = 1e-6, 2**18
# scikit-learn's defaults, and the steps that here are the default.
_DEFAULT_TOL = 1e-4
_DEFAULT_MAX_ITER, _STEPS = 100, 1000
# Unknowns up to which Newton's Hessians are small: if asked for by name, and else on small data.
# Newton's steps depend less on the order of sums than those of L-BFGS.
_NEWTON, _FEW_UNKNOWNS = 2000, 128
# XLA compiles every new shape. So examples and features are padded to the next of 1, 2, 4, ... up
# to these sizes. Beyond, examples are padded to a sixteenth of that, and a large X not at all.
_PADDED, _FEWEST, _LARGE = 4096, 64, 2**27


class Rows(NamedTuple):
    """Training data, padded with zeros to n' features and m' examples of weight 0.

    Attributes:
        X: (n', m').
        number: (m',) the number of each example's class.
        weights: (m',) with the factors of class_weight.
        given: (m',) the weights without these factors.
        n: the number of features without padding.
        m: the number of examples without padding.
        classes: in sorted order.
        dtype: of the fitted attributes.
        precision: the dtype to compute in.
        intercept: whether there is one.
    """

    X: GivenX
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
        """Return the numbers of the classes that a fit with weights (m',) has to distinguish."""
        if not self.intercept:
            return self.every
        return present(weights, self.number, len(self.classes))

    def labels(self, which: np.ndarray) -> np.ndarray:
        """Return the labels as rows of 0 and 1, (k, m'), of those classes."""
        if self.k == 1:
            return self.number[None]
        return one_hot(self.number, which)

    def names(self, estimator: object) -> list[str] | None:
        """Return the names (n',) of the features, None unless a data frame had some."""
        found = getattr(estimator, "feature_names_in_", None)
        if found is None:
            return None
        return [*map(str, found), *["padding"] * (self.X.shape[0] - self.n)]

    def unpadded(self, fits: Fits) -> Fits:
        """Return the models without padding, with the classes of the labels."""
        params = centred(fits.params._replace(w=fits.params.w[:, : self.n]))
        return fits._replace(params=params, classes=tuple(self.classes.tolist()))


def check_rows(estimator: object, X: object, y: object) -> tuple[Table, np.ndarray]:
    """Return X (m, n) and y (m,), validated by scikit-learn."""
    rows, labels = validate_data(
        estimator, X, y, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
    )
    check_classification_targets(labels)
    return rows, labels


def read(
    estimator: BaseEstimator,
    X: Table,
    y: np.ndarray,
    sample_weight: object,
    C: float = 1.0,
    one_model: bool = False,
) -> Rows:
    """Return rows of `check_rows` as X (n, m), with labels and weights.

    Data of `one_model` are padded only where XLA computes it.

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
            "The 'liblinear' solver does not support multiclass classification, here as in "
            f"scikit-learn: y has {len(classes)} classes: pass another solver, or wrap the "
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
    more = 0, 0
    if not one_model or _is_compiled(estimator, X, len(classes)):
        # Without a penalty a feature of zeros would be reported as collinear.
        more = _padding(m, n, penalised=bool(np.isfinite(C)))
        number, weights, given = (np.pad(part, (0, more[0])) for part in (number, weights, given))
    turned, intercept = _turned(X, more, precision), bool(estimator.fit_intercept)
    return Rows(turned, number, weights, given, n, m, classes, X.dtype, precision, intercept)


def _of_classes(
    class_weight: object, classes: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the factor of each class, (k,), 0 for a balanced class without weight."""
    if class_weight is None:
        return np.ones(len(classes))
    # Balanced weights divide by the sum of each class, which may be 0.
    with np.errstate(divide="ignore"):
        factors = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=weights)
    if isinstance(class_weight, str):
        return np.where(np.isfinite(factors), factors, 0.0)
    if not np.all(np.isfinite(factors) & (factors >= 0)):
        raise ValueError(
            f"class_weight is {brief(class_weight)}: expected finite numbers of at least 0: mend "
            "that of the class, or leave it out"
        )
    return factors


def _is_compiled(estimator: BaseEstimator, X: Table, classes: int) -> bool:
    """Return whether XLA computes a fit, which compiles every new shape."""
    (m, n), two = X.shape, classes == 2
    place = find_place(None, estimator.device, one_model=True, executor=AUTO)
    shape = n, m, 1 if two else classes
    return not computes_in_numpy(X.T, shape, BINOMIAL if two else MULTINOMIAL, place)


def _padding(m: int, n: int, penalised: bool) -> tuple[int, int]:
    """Return how many examples and features to add, so that other data have the same size."""
    if m * n > _LARGE:
        return 0, 0
    step = _FEWEST
    while 16 * step < m or (step < m and m <= _PADDED):
        step *= 2
    features = (1 << (n - 1).bit_length()) - n if penalised and n <= _FEWEST else 0
    return -m % step, features


def _turned(X: Table, more: tuple[int, int], dtype: str) -> GivenX:
    if not isinstance(X, np.ndarray):
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
    """Return the tolerance that an estimator's `tol` stands for; the default number is "auto".

    Another number bounds the gap. Small data continue as far as by default, so that a smaller
    `tol` never gives a worse answer.
    """
    if estimator.tol == _DEFAULT_TOL:
        return AUTO
    tol = float(estimator.tol)
    aim = aim_of(rows.n * rows.m * rows.k, rows.precision)
    return Goal(tol, gradient=tol, aim=aim)


def steps_of(estimator: BaseEstimator) -> int:
    """Return the steps that an estimator's `max_iter` stands for, 1,000 for the default number."""
    # Callbacks get `max_iter` steps announced beforehand.
    followed = hasattr(estimator, "_skl_callbacks")
    usual = estimator.max_iter == _DEFAULT_MAX_ITER and not followed
    return _STEPS if usual else estimator.max_iter


def penalty_of(l1_ratio: float, strength: Coefficient) -> Penalty | None:
    """Return the penalty of a strength, or of one a model; None where all strengths are 0."""
    if not np.any(strength):
        return None
    if l1_ratio == 0:
        return L2(strength)
    return L1(strength) if l1_ratio == 1 else ElasticNet(strength, l1_ratio)


def solver_of(name: str, rows: Rows, smooth: bool) -> str:
    """Return the name of the method here that scikit-learn's name of a solver stands for."""
    if not smooth:
        return "auto"
    unknowns, small = (rows.n + 1) * rows.k, rows.n * rows.m <= _SMALL
    if unknowns <= (_NEWTON if name == "newton-cholesky" else _FEW_UNKNOWNS * small):
        return "newton"
    return "lbfgs" if name == "newton-cg" else "auto"


def options_of(estimator: BaseEstimator, rows: Rows, smooth: bool) -> Options:
    """Return the options of a fit that an estimator's parameters stand for."""
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
    """Return coef_ (k, n) and intercept_ (k,) in the dtype of the rows, as writable arrays."""
    w, b = (np.asarray(part) for part in centred(params))
    return np.array(w[: rows.n].T, rows.dtype, order="C"), b[:, 0].astype(rows.dtype)


def with_coefficients(theirs: object, ours: object) -> object:
    """Return scikit-learn's estimator with the fitted attributes of ours, to predict with."""
    for name in ("coef_", "intercept_", "classes_", "n_features_in_", "feature_names_in_"):
        if hasattr(ours, name):
            setattr(theirs, name, getattr(ours, name))
    return theirs


def of_any_solver(tags: "Tags", solver: str) -> "Tags":
    """Return scikit-learn's tags: all solvers but one take several classes, and NumPy's arrays."""
    tags.array_api_support = False
    tags.classifier_tags.multi_class = solver != "liblinear"
    return tags


class BeyondTheirs:
    """Parameters that scikit-learn's class lacks: in `get_params` only where one is given.

    So scikit-learn's own estimator takes the parameters of an estimator here.
    """

    _beyond: ClassVar[tuple[str, ...]] = ("device",)

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters by name, without those beyond scikit-learn's that are not given."""
        found = super().get_params(deep)  # type: ignore[misc]
        unset = {name for name in self._beyond if found[name] is None}
        return {name: value for name, value in found.items() if name not in unset}

    def set_params(self, **params: object) -> object:
        """Set parameters by name and return the estimator."""
        for name in set(self._beyond) & set(params):
            setattr(self, name, params.pop(name))
        return super().set_params(**params)  # type: ignore[misc]
