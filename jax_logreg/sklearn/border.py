"""The border: rows (m, n) and labels as scikit-learn has them, to X (n, m) and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from jax_logreg.logistic import Params
from jax_logreg.penalty import L1, L2, ElasticNet, Penalty
from jax_logreg.sweep import Fits

# scikit-learn's names, and "auto": each reaches the optimum; those that name a method here get it
# where it can take the penalty and the size.
SOLVERS = ("auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
# Below this tolerance float32 has no digits left; below this size float64 costs nothing.
_FLOAT32, _SMALL = 1e-6, 2**18
# Unknowns up to which Newton's Hessians are small, asked for by name; and of small data anyhow: its
# steps depend less on the order of sums than those of L-BFGS.
_NEWTON, _FEW_UNKNOWNS = 2000, 128
# Sizes up to which examples and features are padded to the next of 1, 2, 4, ..., as every new shape
# is compiled; beyond, examples are padded to a sixteenth of that, and a large X not at all.
_PADDED, _FEWEST, _LARGE = 4096, 64, 2**27


class Rows(NamedTuple):
    """Training data, X (n', m') padded with zeros, the number (m',) of each one's class,
    weights (m',), 0 for padding; the n features, m examples that there are; the dtype that X came
    in, and the one to compute in.
    """

    X: Any
    number: np.ndarray
    weights: np.ndarray
    n: int
    m: int
    classes: np.ndarray
    dtype: np.dtype[Any]
    precision: str

    @property
    def k(self) -> int:
        """The number of outputs: 1 for two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def labels(self) -> np.ndarray:
        """The labels as rows of 0 and 1, (k, m')."""
        if self.k == 1:
            return self.number[None]
        return (self.number == np.arange(self.k)[:, None]).astype(np.uint8)

    def unpadded(self, fits: Fits) -> Fits:
        """The models with the features and the classes that there are."""
        params = fits.params._replace(w=fits.params.w[:, : self.n])
        return fits._replace(params=params, classes=tuple(self.classes.tolist()))


def read(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Rows:
    """Validated as scikit-learn does it, and worded as its checks expect."""
    X, y = validate_data(
        estimator, X, y, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
    )
    check_classification_targets(y)
    classes, index = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds only one class, {classes.tolist()[0]!r}: expected at least two: "
            "with one class there is no finite optimum"
        )
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    without = np.flatnonzero(np.bincount(index, weights, len(classes)) == 0)
    if without.size:
        raise ValueError(
            f"sample_weight is 0 for every example of class {classes.tolist()[without[0]]!r}: "
            "expected a positive weight for some of every class"
        )
    weights = weights * _of_classes(estimator.class_weight, classes, index, weights)
    m, n = X.shape
    precise = estimator.tol < _FLOAT32 or m * n <= _SMALL
    precision = "float64" if precise else "float32"
    # Without penalty a feature of zeros would be one more that is collinear.
    more = _padding(m, n, penalised=bool(np.isfinite(getattr(estimator, "C", 1.0))))
    index, weights = np.pad(index, (0, more[0])), np.pad(weights, (0, more[0]))
    return Rows(_turned(X, more, precision), index, weights, n, m, classes, X.dtype, precision)


def _of_classes(
    class_weight: Any, classes: np.ndarray, index: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The factor of each example's class, (m,)."""
    if class_weight is None:
        return np.ones(len(index))
    if isinstance(class_weight, Mapping):
        unknown = set(class_weight) - set(classes.tolist())
        if unknown:
            raise ValueError(
                f"class_weight names {sorted(map(str, unknown))}, which are no classes of y: "
                f"expected some of {classes.tolist()}"
            )
        return np.array([class_weight.get(name, 1.0) for name in classes.tolist()])[index]
    sums = np.bincount(index, weights, len(classes))
    return (weights.sum() / (len(classes) * sums))[index]


def _padding(m: int, n: int, penalised: bool) -> tuple[int, int]:
    """How many examples and features more make a size that others have too."""
    if m * n > _LARGE:
        return 0, 0
    step = _FEWEST
    while 16 * step < m or (step < m and m <= _PADDED):
        step *= 2
    features = (1 << (n - 1).bit_length()) - n if penalised and n <= _FEWEST else 0
    return -m % step, features


def _turned(X: Any, more: tuple[int, int], dtype: str) -> Any:
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


def penalty_of(l1_ratio: float, strength: float) -> Penalty | None:
    """The penalty of a strength, none where it is 0."""
    if strength == 0:
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


def unpack(params: Params, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """coef_ (k, n) and intercept_ (k,) in the dtype of the rows."""
    w, b = (np.asarray(part) for part in params)
    return np.ascontiguousarray(w[: rows.n].T, rows.dtype), b[:, 0].astype(rows.dtype)


def with_coefficients(theirs: Any, ours: Any) -> Any:
    """scikit-learn's object with what a fit of ours found, all that predicting needs."""
    for name in ("coef_", "intercept_", "classes_", "n_features_in_", "feature_names_in_"):
        if hasattr(ours, name):
            setattr(theirs, name, getattr(ours, name))
    return theirs


def of_any_solver(tags: Any) -> Any:
    """scikit-learn's tags where every solver takes several classes, and only NumPy's arrays."""
    tags.array_api_support = False
    tags.classifier_tags.multi_class = True
    return tags
