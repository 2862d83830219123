"""The rival of this project: float32, its own choice of solver."""

import numpy as np

from jax_logreg import L1, L2
from jax_logreg import fit as fit_one

note = ""


def refuses(case, variant):
    """Nothing."""


def fit(case, variant, tolerance):
    """One fit, or the whole path in one call; tolerance bounds the relative duality gap."""
    global note
    Y = case.y if case.k == 1 else np.eye(case.k, dtype=np.float32)[:, case.y]
    penalty = L1 if case.penalty == "l1" else L2
    if case.path:
        from jax_logreg.sweep import path

        found = path(case.X.T, Y, strengths=case.strengths, penalty=penalty, tolerance=tolerance)
        note = found.models.executor
        return np.swapaxes(np.asarray(found.w), 1, 2), np.asarray(found.b)[:, :, 0]
    found = fit_one(
        case.X.T, Y, penalty=penalty(case.strength), tolerance=tolerance, gradient_check="off"
    )
    note = f"{found.solver}, {found.steps} steps, {found.status.name.lower()}"
    return np.asarray(found.params.w).T, np.asarray(found.params.b)[:, 0]
