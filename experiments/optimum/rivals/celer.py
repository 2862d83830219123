"""celer's path for L1. It has no intercept: a large constant column stands in, hardly penalised."""

import numpy as np
from celer import celer_path

_INTERCEPT = 10_000.0


def refuses(case, variant):
    """Why it cannot do the case, or None."""
    return None if case.penalty == "l1" else "L1 only"


def fit(case, variant, tolerance):
    """The path in one call."""
    X = np.empty((len(case.y), case.X.shape[1] + 1), order="F")
    X[:, :-1], X[:, -1] = case.X, _INTERCEPT
    # Its cost is a sum over the examples.
    _, w, _ = celer_path(
        X,
        np.where(case.y == 1, 1.0, -1.0),
        "logreg",
        alphas=case.strengths * len(case.y),
        tol=tolerance,
        max_iter=1_000,
        use_PN=True,
    )
    return w[:-1].T[:, None, :], _INTERCEPT * w[-1][:, None]
