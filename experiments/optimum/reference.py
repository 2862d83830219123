"""J*: the best optimum in float64, found once a case, with a duality gap that vouches for it."""

import warnings
from dataclasses import replace

import numpy as np
from scipy.special import expit

from experiments.optimum.objective import costs, gaps


def reference(case, folder):
    """J* at each strength and the gap of the point behind it, from the folder if already there."""
    file = folder / "reference.npz"
    if not file.exists():
        with warnings.catch_warnings():
            # They ask for more than rounding leaves; the gap says what was reached.
            warnings.simplefilter("ignore")
            w, b = (_lasso if case.penalty == "l1" else _ridge)(case)
        np.savez(file, best=costs(case, w, b), gap=gaps(case, w, b))
    kept = np.load(file)
    return kept["best"], kept["gap"]


def remember(folder, best):
    """Keep a better J* that a rival found; the gap stays, it bounds the older one."""
    kept = np.load(folder / "reference.npz")
    np.savez(folder / "reference.npz", best=np.minimum(best, kept["best"]), gap=kept["gap"])


def _ridge(case):
    """scikit-learn's L-BFGS, then Newton's method from there; the better of the two."""
    from sklearn.linear_model import LogisticRegression

    C = 1 / (case.strength * len(case.y))
    # A Hessian up to 5,000 x 5,000 is no trouble.
    newton = "newton-cholesky" if case.k * case.X.shape[1] <= 5_000 else "newton-cg"
    model = LogisticRegression(C=C, tol=1e-12, max_iter=20_000, warm_start=True)
    points = []
    for solver, tol in (("lbfgs", 1e-12), (newton, 1e-11)):
        model.set_params(solver=solver, tol=tol).fit(case.X, case.y)
        points.append((model.coef_.copy(), model.intercept_.copy()))
    # Near the optimum costs differ by rounding only; their gaps still differ.
    return min(points, key=lambda point: abs(gaps(case, *point)[0]))


def _lasso(case):
    """The answer of this project in float64, polished on its support; the gap stands apart."""
    from jax_logreg import L1
    from jax_logreg.sweep import path

    found = path(
        case.X.T, case.y, strengths=case.strengths, penalty=L1, tolerance=1e-9, dtype="float64"
    )
    w, b = np.swapaxes(np.array(found.w), 1, 2), np.array(found.b)[:, :, 0]
    for i, strength in enumerate(case.strengths):
        one = replace(case, strengths=np.array([strength]), path=False)
        better = _polish(one, w[i], b[i])
        if gaps(one, *better)[0] < gaps(one, w[i], b[i])[0]:
            w[i], b[i] = better
    return w, b


def _polish(case, w, b):
    """Newton's method where w is not zero: with the signs held the penalty is a straight line."""
    (support,), m = np.nonzero(w[0]), len(case.y)
    columns = np.column_stack([case.X[:, support], np.ones(m)])
    slope = case.strength * np.append(np.sign(w[0, support]), 0)
    point = np.append(w[0, support], b[0])
    for _ in range(5):
        A = expit(columns @ point)
        gradient = columns.T @ (A - case.y) / m + slope
        hessian = (columns.T * (A * (1 - A))) @ columns / m
        point = point - np.linalg.lstsq(hessian, gradient)[0]
    # A sign that changed makes this a worse point, which its gap then shows.
    polished = np.zeros_like(w)
    polished[0, support] = point[:-1]
    return polished, point[-1:]
