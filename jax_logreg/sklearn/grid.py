"""C x folds of each l1_ratio as sweeps over one X, and the scores of what was held out."""

from typing import Any, NamedTuple

import numpy as np
from sklearn import linear_model
from sklearn.utils import _safe_indexing

from jax_logreg.arguments import Task, place_arguments
from jax_logreg.logistic import Params
from jax_logreg.loop import Loop
from jax_logreg.sklearn.border import Rows, penalty_of, solver_of, unpack
from jax_logreg.sweep.cross_validation import fit_folds, score_models
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.many import choose_many
from jax_logreg.sweep.scores import SCORES

# scikit-learn's names of the scores that are computed where the models are.
_SCORES = {
    None: "accuracy",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "neg_log_loss": "log_loss",
    "neg_brier_score": "brier",
    "roc_auc": "roc_auc",
}


class Grid(NamedTuple):
    """Of one l1_ratio: the data, and the models of all examples (Cs,), of the folds (Cs·folds,)."""

    task: Task
    models: Fits
    fold_models: Fits


def masks(indices: list[Any], rows: Rows) -> np.ndarray:
    """Which examples each fold's indices name, (f, m') of bool."""
    masks = np.zeros((len(indices), len(rows.weights)), bool)
    for mask, index in zip(masks, indices, strict=True):
        mask[: rows.m][index] = True
    return masks


def check_classes(weights: np.ndarray, rows: Rows) -> None:
    """Refuse folds whose weights (f, m') leave a class without any (ValueError)."""
    of_class = weights @ (rows.number[:, None] == np.arange(len(rows.classes)))
    missing = np.argwhere(of_class <= 0)
    if missing.size:
        fold, label = missing[0]
        name = rows.classes.tolist()[label]
        raise ValueError(
            f"fold {fold} trains on no example of class {name!r}: expected some of every class in "
            "all folds: use fewer, or stratified ones"
        )


def fit_grids(
    estimator: Any,
    rows: Rows,
    weights: np.ndarray,
    Cs: np.ndarray,
    l1_ratios: np.ndarray,
) -> list[Grid]:
    """For each l1_ratio the models of all examples, and of each fold's weights (f, m')."""
    grids, X = [], rows.X
    for ratio in l1_ratios:
        penalty = penalty_of(float(ratio), 1.0)
        task = place_arguments(
            X,
            rows.labels,
            rows.weights,
            None,
            rows.precision,
            estimator.device,
            "binomial" if rows.k == 1 else "multinomial",
            penalty,
            None,
            estimator.fit_intercept,
        )
        X = task.objective.batch.X
        name = solver_of(estimator.solver, rows, task.objective.smooth)
        method, chosen = choose_many(name, task)
        loop = Loop(task.objective, method, estimator.max_iter, float(estimator.tol))
        # C weighs a sum of losses, a strength their mean.
        models, fold_models = fit_folds(
            loop,
            task,
            1 / (Cs * rows.weights.sum()),
            1 / (Cs[:, None] * weights.sum(axis=1)),
            weights,
            estimator.memory,
            chosen,
            given=np.any(weights > 0, axis=0, keepdims=True),
        )
        grids.append(Grid(task, models, fold_models))
    return grids


def name_of_score(scoring: Any, given: dict[str, Any], rows: Rows) -> str | None:
    """The score here that means the same, None where there is none."""
    name = _SCORES.get(scoring) if isinstance(scoring, str | None) else None
    # Of several classes ours is a mean over the outputs, which is not theirs.
    if name == "roc_auc" and rows.k > 1:
        return None
    return name if set(given) <= {"sample_weight"} else None


def score_here(
    grids: list[Grid], name: str, test: np.ndarray, sample_weight: Any, rows: Rows
) -> np.ndarray:
    """The scores (l1_ratios, Cs, folds) of the held-out examples, where the models are."""
    weights = np.ones(rows.m) if sample_weight is None else np.asarray(sample_weight, float)
    held = test * np.pad(weights, (0, test.shape[1] - rows.m))
    scores = []
    for grid in grids:
        count = len(grid.models.steps)
        scores.append(score_models(SCORES[name], grid.task, grid.fold_models.params, held, count))
    return np.stack(scores).astype(np.float64)


def score_there(
    estimator: Any,
    grids: list[Grid],
    X: Any,
    y: Any,
    folds: list[Any],
    params: dict[str, Any],
    rows: Rows,
) -> np.ndarray:
    """The scores (l1_ratios, Cs, folds) by any scorer of scikit-learn, a model at a time."""
    scorer = estimator._get_scorer()
    model = linear_model.LogisticRegression()
    model.classes_, model.n_features_in_ = rows.classes, rows.n
    if hasattr(estimator, "feature_names_in_"):
        model.feature_names_in_ = estimator.feature_names_in_
    scores = []
    for grid in grids:
        of_grid = []
        for i, params_of in enumerate(zip(*grid.fold_models.params, strict=True)):
            model.coef_, model.intercept_ = unpack(Params(*params_of), rows)
            test = folds[i % len(folds)][1]
            given = {name: _safe_indexing(value, test) for name, value in params.items()}
            of_grid.append(scorer(model, _safe_indexing(X, test), _safe_indexing(y, test), **given))
        scores.append(np.reshape(of_grid, (-1, len(folds))))
    return np.stack(scores)
