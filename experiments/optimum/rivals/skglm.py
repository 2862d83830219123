"""skglm: working sets and proximal Newton, warm starts along a path; L2 as an elastic net's end."""

import numpy as np
from scipy import sparse
from skglm import GeneralizedLinearEstimator
from skglm.datafits import Logistic
from skglm.penalties import L1, L1_plus_L2
from skglm.solvers import ProxNewton


def refuses(case, variant):
    """Why it cannot do the case, or None."""
    return "no multinomial, only one against the rest" if case.k > 1 else None


def fit(case, variant, tolerance):
    """One fit, or one a strength from the last."""
    X = sparse.csc_matrix(case.X) if case.sparse else np.asfortranarray(case.X)
    penalty = L1(1.0) if case.penalty == "l1" else L1_plus_L2(1.0, 0.0)
    solver = ProxNewton(tol=tolerance, max_iter=1_000, fit_intercept=True, warm_start=True)
    model = GeneralizedLinearEstimator(Logistic(), penalty, solver)
    w, b = [], []
    for strength in case.strengths:
        penalty.alpha = strength
        model.fit(X, case.y)
        w.append(np.reshape(model.coef_, (1, -1)).copy())
        b.append(np.reshape(model.intercept_, 1).copy())
    return (np.array(w), np.array(b)) if case.path else (w[0], b[0])
