"""Scores of held-out examples: where the models are, or by any scorer of scikit-learn."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from sklearn import linear_model
from sklearn.base import BaseEstimator
from sklearn.metrics import make_scorer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from jax_logreg.evaluation.scores import SCORES
from jax_logreg.logistic import Params
from jax_logreg.sklearn.border import Rows, Table, unpack
from jax_logreg.sklearn.grid import Grid
from jax_logreg.sweep.fold_models import score_models

# Scores here by scikit-learn's names for them.
_SCORES = {score.scikit_learn: score for score in SCORES.values() if score.scikit_learn}


class Scorer(Protocol):
    """A scorer of scikit-learn: a function of an estimator, X and y."""

    _kwargs: Mapping[str, object]
    _response_method: object
    _sign: int

    def __call__(
        self, estimator: BaseEstimator, X: object, y: object, **params: object
    ) -> float: ...


def name_of_score(scoring: object, given: Mapping[str, object], rows: Rows) -> str | None:
    """Return the name of the score here that means the same, or None."""
    scoring = "accuracy" if scoring is None else scoring
    score = _SCORES.get(scoring) if isinstance(scoring, str) else None
    # For several classes ours is a mean over the outputs, which scikit-learn's is not.
    if score is None or (score.ranks and rows.k > 1):
        return None
    # A class without weight is no class of the models, but its examples are scored.
    if len(rows.fitted(rows.weights)) < len(rows.classes):
        return None
    return score.name if set(given) <= {"sample_weight"} else None


def score_here(
    grids: list[Grid], name: str, test: np.ndarray, sample_weight: object, rows: Rows
) -> np.ndarray:
    """Return the scores (l1_ratios, Cs, folds) of the held-out examples, where the models are."""
    weights = np.ones(rows.m) if sample_weight is None else np.asarray(sample_weight, float)
    held = test * np.pad(weights, (0, test.shape[1] - rows.m))
    scores = []
    for grid in grids:
        assert grid.problem is not None
        count = len(grid.models.steps)
        scores.append(
            score_models(SCORES[name], grid.problem, grid.fold_models.params, held, count)
        )
    return np.stack(scores).astype(np.float64)


def score_there(
    estimator: BaseEstimator,
    grids: list[Grid],
    X: Table,
    y: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    params: Mapping[str, object],
    rows: Rows,
) -> np.ndarray:
    """Return the scores (l1_ratios, Cs, folds) by any scorer, called a model at a time.

    The order is scikit-learn's, as a scorer may count its calls: fold, l1_ratio, C.
    """
    scorer = _of_all_classes(estimator._get_scorer(), rows.classes)
    model = linear_model.LogisticRegression()
    model.classes_, model.n_features_in_ = rows.classes, rows.n
    if hasattr(estimator, "feature_names_in_"):
        model.feature_names_in_ = estimator.feature_names_in_
    scores = np.empty((len(grids), len(grids[0].models.steps), len(folds)))
    for fold, (_, test) in enumerate(folds):
        given = _check_method_params(X, params, test)
        held = _safe_indexing(X, test), _safe_indexing(y, test)
        for ratio, grid in enumerate(grids):
            w, b = grid.fold_models.params
            for C in range(scores.shape[1]):
                i = C * len(folds) + fold
                model.coef_, model.intercept_ = unpack(Params(w[i], b[i]), rows)
                scores[ratio, C, fold] = scorer(model, *held, **given)
    return scores


def _of_all_classes(scorer: Scorer, classes: np.ndarray) -> Scorer:
    """Return the scorer with all classes, which a fold may lack, if its metric takes `labels`."""
    metric = getattr(scorer, "_score_func", None)
    if metric is None:
        return scorer
    takes, given = inspect.signature(metric).parameters, dict(scorer._kwargs)
    if "labels" not in takes:
        return scorer
    given.setdefault("labels", classes)
    if len(classes) == 2 and "pos_label" in takes:
        given.setdefault("pos_label", classes[1])
    return make_scorer(
        metric,
        response_method=scorer._response_method,
        greater_is_better=scorer._sign == 1,
        **given,
    )
