"""The one judge of all rivals: the cost in float64, and how far from the optimum it can be."""

import numpy as np
from scipy.special import entr, expit, logsumexp


def stack(case, w, b):
    """Coefficients as (p, k, n) and intercepts as (p, k), float64, p the number of strengths."""
    p = len(case.strengths)
    w = np.asarray(w, np.float64).reshape(p, case.k, case.X.shape[1])
    return w, np.asarray(b, np.float64).reshape(p, case.k)


def costs(case, w, b):
    """Mean cross-entropy and penalty at each strength: one number, or one a point of the path."""
    values = []
    for strength, w_one, b_one in zip(case.strengths, *stack(case, w, b), strict=True):
        Z = np.asarray(case.X @ w_one.T) + b_one
        if case.k == 1:
            entropy = np.logaddexp(0, Z[:, 0]) - case.y * Z[:, 0]
        else:
            entropy = logsumexp(Z, axis=1) - Z[np.arange(len(Z)), case.y]
        values.append(entropy.mean() + strength * _penalty(case, w_one))
    return np.array(values)


def _penalty(case, w):
    return np.abs(w).sum() if case.penalty == "l1" else np.sum(w**2) / 2


def zero_cost(case):
    """The cost where all parameters are zero."""
    p = len(case.strengths)
    return costs(case, np.zeros((p, case.k, case.X.shape[1])), np.zeros((p, case.k)))[0]


def suboptimality(case, found, best):
    """(J - J*) / J(0), the worst over the path; infinite where a cost is not finite."""
    worst = np.max((found - best) / zero_cost(case))
    return float(worst) if np.isfinite(worst) else float("inf")


def gaps(case, w, b):
    """Duality gap at each strength. The intercepts must be optimal: residuals then sum to zero."""
    found, values = costs(case, w, b), []
    Y = case.y[:, None] if case.k == 1 else np.eye(case.k)[case.y]
    for J, strength, w_one, b_one in zip(found, case.strengths, *stack(case, w, b), strict=True):
        Z = np.asarray(case.X @ w_one.T) + b_one
        dZ = (expit(Z) if case.k == 1 else np.exp(Z - logsumexp(Z, axis=1, keepdims=True))) - Y
        slope = np.asarray(case.X.T @ dZ) / len(Y)
        shrink, charge = 1.0, np.sum(slope**2) / (2 * strength)
        if case.penalty == "l1":
            shrink, charge = min(1.0, strength / np.abs(slope).max()), 0.0
        Q = Y + shrink * dZ
        entropy = entr(Q).sum(axis=1) + (entr(1 - Q[:, 0]) if case.k == 1 else 0)
        values.append(J - (entropy.mean() - charge))
    return np.array(values)
