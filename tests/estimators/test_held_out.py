"""`LogisticRegressionCV`: what a fold holds out stays out, its labels as well as their counts."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES
from sklearn import linear_model
from sklearn.metrics import brier_score_loss

from jax_logreg.sklearn import LogisticRegressionCV

ROWS = ((COUNTS - 1) / 1.2).T
M = len(ROWS)
LABELS = {2: FAMILIES["binomial"][0].astype(int), 3: FAMILIES["multinomial"].argmax(axis=0)}
WEIGHTS = np.random.default_rng(3).integers(1, 4, M).astype(float)
FOLD = np.arange(M) % 3
FOLDS = [(np.flatnonzero(fold != FOLD), np.flatnonzero(fold == FOLD)) for fold in range(3)]
KINDS = {
    "binomial": (2, {}),
    "three classes": (3, {"scoring": "neg_log_loss"}),
    "L1 and L2": (2, {"l1_ratios": (0.0, 1.0)}),
    "balanced, weights": (3, {"class_weight": "balanced", "s": WEIGHTS}),
    "a table, a score of scikit-learn's": (2, {"class_weight": {0: 3.0}, "scoring": "f1"}),
    "few slots": (2, {"memory": 4e4}),
}


def searched(k, labels, s=None, **settings):
    settings = {
        "Cs": [1e3, 1e-2, 1.0],
        "l1_ratios": (0.0,),
        "scoring": "neg_log_loss",
        **settings,
    }
    model = LogisticRegressionCV(cv=FOLDS, use_legacy_attributes=False, max_iter=1000, **settings)
    return model.fit(ROWS, labels, s)


@pytest.mark.parametrize("name", KINDS)
def test_labels_that_are_held_out_change_no_bit(name):
    k, settings = KINDS[name]
    changed = np.where(FOLD == 0, (LABELS[k] + 1) % k, LABELS[k])
    here, there = (searched(k, labels, **settings) for labels in (LABELS[k], changed))
    np.testing.assert_array_equal(here.coefs_paths_[0], there.coefs_paths_[0])
    np.testing.assert_array_equal(here.n_iter_[0], there.n_iter_[0])
    assert np.any(here.coefs_paths_[1] != there.coefs_paths_[1])
    assert np.any(here.coef_ != there.coef_) and np.any(here.scores_[0] != there.scores_[0])


def test_balanced_classes_are_those_of_the_training_part():
    """Each fold is a fit of its own, which scikit-learn balances by what it is given."""
    settings = {"class_weight": "balanced", "scoring": "neg_brier_score", "tol": 1e-12}
    y = LABELS[2]
    ours = searched(2, y, **settings)
    for j, (train, test) in enumerate(FOLDS):
        for i, C in enumerate(ours.Cs_):
            theirs = linear_model.LogisticRegression(
                C=C, class_weight="balanced", tol=1e-11, max_iter=10_000
            ).fit(ROWS[train], y[train])
            np.testing.assert_allclose(
                ours.coefs_paths_[j, 0, i, 0],
                [*theirs.coef_[0], *theirs.intercept_],
                rtol=1e-4,
                atol=1e-5,
            )
            score = -brier_score_loss(y[test], theirs.predict_proba(ROWS[test])[:, 1])
            np.testing.assert_allclose(ours.scores_[j, 0, i], score, rtol=1e-5)
