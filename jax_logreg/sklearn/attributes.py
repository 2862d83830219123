"""The fitted attributes of a search, as scikit-learn shapes them."""

import numpy as np
from sklearn.base import BaseEstimator

from jax_logreg.sklearn.border import Rows, unpack


def set_attributes(search: BaseEstimator, scores: np.ndarray, rows: Rows) -> None:
    """Set scikit-learn's attributes of 1.10 from scores (folds, l1_ratios, Cs)."""
    shape = (len(search.Cs_), len(scores))

    def by_fold(parts: list[np.ndarray]) -> np.ndarray:
        """Return (folds, l1_ratios, Cs, ...) from a part (Cs · folds, ...) of each l1_ratio."""
        return np.moveaxis(np.stack([p.reshape(*shape, *p.shape[1:]) for p in parts]), 2, 0)

    paths = np.swapaxes(by_fold([fits.params.w for fits in search.fold_models_]), -1, -2)
    if search.fit_intercept:
        b = by_fold([fits.params.b for fits in search.fold_models_])
        paths = np.concatenate([paths, b], axis=-1)
    search.coefs_paths_, search.scores_ = paths.astype(rows.dtype), scores
    search.n_iter_ = by_fold([fits.steps for fits in search.fold_models_]).astype(np.int32)
    # As there, ties go to the first C, then the first l1_ratio.
    order = np.swapaxes(scores, 1, 2)
    if search.refit:
        best = np.unravel_index(np.argmax(order.sum(axis=0)), order.shape[1:])
        search.result_ = search.models_[best[1]].result(int(best[0]))
        search.C_, search.l1_ratio_ = float(search.Cs_[best[0]]), float(search.l1_ratios_[best[1]])
        search.coef_, search.intercept_ = unpack(search.result_.params, rows)
        return
    flat = np.argmax(order.reshape(len(scores), -1), axis=1)
    which, ratio = np.unravel_index(flat, order.shape[1:])
    search.C_ = float(np.mean(search.Cs_[which]))
    search.l1_ratio_ = float(np.mean(search.l1_ratios_[ratio]))
    mean = search.coefs_paths_[np.arange(len(scores)), ratio, which].mean(axis=0)
    search.coef_ = np.ascontiguousarray(mean[:, : rows.n])
    search.intercept_ = mean[:, rows.n].copy() if search.fit_intercept else np.zeros(rows.k)


def repeat_by_class(search: BaseEstimator, rows: Rows, kept: bool) -> None:
    """Turn the attributes into those before 1.8, each repeated for every class.

    `kept` keeps the axis of the l1_ratios, which is left out where none were given.
    """
    names = search.classes_[1:] if rows.k == 1 else search.classes_
    paths = np.moveaxis(np.swapaxes(search.coefs_paths_, 1, 2), 3, 0)
    scores, n_iter = (np.swapaxes(a, 1, 2) for a in (search.scores_, search.n_iter_))
    if not kept:
        paths, scores, n_iter = paths[:, :, :, 0], scores[:, :, 0], n_iter[:, :, 0]
    search.coefs_paths_ = dict(zip(names, paths, strict=True))
    search.scores_ = dict.fromkeys(names, scores)
    search.n_iter_ = n_iter[None]
    search.C_ = np.full(rows.k, search.C_)
    search.l1_ratio_ = np.full(rows.k, search.l1_ratio_)
