"""scikit-learn's LogisticRegression, a variant a solver; in float32 where the solver keeps it."""

import numpy as np
from sklearn.linear_model import LogisticRegression

# liblinear penalises the intercept: as a column this large its share of the penalty is small.
_INTERCEPT = {"l1": 1_000.0, "l2": 10.0}


def refuses(case, variant):
    """Why this solver cannot do the case, or None."""
    if case.penalty == "l1" and variant not in ("liblinear", "saga"):
        return "no L1 in this solver"
    if case.k > 1 and variant == "liblinear":
        return "no multinomial, only one against the rest"
    size = (case.k * (case.X.shape[1] + 1)) ** 2 * 8
    if variant.startswith("newton-cholesky") and size > 4e9:
        return f"its Hessian would take {size / 1e9:.0f} GB"
    return None


def fit(case, variant, tolerance):
    """One fit, or one a strength, each from the last where the solver can."""
    solver, _, dtype = variant.partition(" ")
    X = case.X.astype(np.dtype(dtype or "float64"), copy=False)
    model = LogisticRegression(
        solver=solver,
        tol=tolerance,
        max_iter=1_000_000,
        l1_ratio=float(case.penalty == "l1"),
        intercept_scaling=_INTERCEPT[case.penalty],
        warm_start=case.path,
        random_state=0,
    )
    w, b = [], []
    for strength in case.strengths:
        model.set_params(C=1 / (strength * len(case.y))).fit(X, case.y)
        w.append(model.coef_.copy())
        b.append(model.intercept_.copy())
    return (np.array(w), np.array(b)) if case.path else (w[0], b[0])
