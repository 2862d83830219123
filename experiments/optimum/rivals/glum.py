"""glum: weighted least squares (coordinate descent for L1), or its L-BFGS."""

import numpy as np
from glum import GeneralizedLinearRegressor


def refuses(case, variant):
    """Why this solver cannot do the case, or None."""
    if case.k > 1:
        return "no multinomial family"
    if case.penalty == "l1" and variant == "lbfgs":
        return "no L1 in this solver"
    size = case.X.shape[1] ** 2 * 8
    if variant == "irls" and size > 4e9:
        return f"its Hessian would take {size / 1e9:.0f} GB"
    return None


def fit(case, variant, tolerance):
    """One fit, or its own search along the given path."""
    lasso = case.penalty == "l1"
    model = GeneralizedLinearRegressor(
        family="binomial",
        l1_ratio=float(lasso),
        solver="lbfgs" if variant == "lbfgs" else "irls-cd" if lasso else "irls-ls",
        alpha=None if case.path else case.strength,
        alpha_search=case.path,
        alphas=case.strengths if case.path else None,
        gradient_tol=tolerance,
        max_iter=10_000,
    ).fit(case.X, case.y.astype(np.float64))
    if case.path:
        return model.coef_path_[:, None, :], np.asarray(model.intercept_path_).reshape(-1, 1)
    return model.coef_[None], np.atleast_1d(model.intercept_)
