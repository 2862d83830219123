"""Small sets of classes, probabilities and weights, with ties and weights of 0."""

import numpy as np

M = 60


def judgements(k, weighted, seed=0):
    """Truth (M,), probabilities (k, M) in tenths, or (1, M) where k is 1, weights (M,) or None."""
    rng = np.random.default_rng([k, seed])
    truth = rng.integers(0, max(k, 2), M)
    A = rng.integers(1, 10, (max(k, 2), M)) / 10
    A[truth, np.arange(M)] += rng.integers(0, 2, M)
    A = A / A.sum(axis=0)
    s = rng.integers(0, 4, M) / 2 if weighted else None
    return truth, A[1:] if k == 1 else A, s


def columns(A):
    """Probabilities as scikit-learn wants them, (m, k)."""
    return np.vstack([1 - A, A]).T if len(A) == 1 else A.T
