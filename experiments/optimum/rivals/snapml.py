"""Snap ML: coordinate descent, all cores. A large constant column stands in for the intercept."""

import os

import numpy as np
from scipy import sparse
from snapml import LogisticRegression

from experiments.optimum.rivals import refuses_classes_and_dual_l1

# Its own intercept is penalised, comes back unscaled and, in the primal solver, as zero.
_INTERCEPT = {"l1": 1_000.0, "l2": 10.0}


refuses = refuses_classes_and_dual_l1


def fit(case, variant, tolerance):
    """One fit, or one a strength, each from zeros."""
    constant = np.full((len(case.y), 1), _INTERCEPT[case.penalty])
    if case.sparse:
        X = sparse.hstack([case.X, constant], format="csr")
    else:
        X = np.hstack([case.X, constant])
    w, b = [], []
    for strength in case.strengths:
        model = LogisticRegression(
            max_iter=100_000,
            regularizer=strength * len(case.y),
            penalty=case.penalty,
            dual=variant == "dual",
            tol=tolerance,
            n_jobs=os.cpu_count(),
            random_state=0,
        )
        model.fit(X, case.y.astype(np.float64))
        point = np.reshape(model.coef_, (1, -1))
        w.append(point[:, :-1].copy())
        b.append(constant[0] * point[:, -1])
    return (np.array(w), np.array(b)) if case.path else (w[0], b[0])
