"""adelie's grpnet, one feature a group, early exit off, all cores."""

import os

import adelie
import numpy as np
from scipy import sparse

SETTINGS = tuple(10.0**-e for e in range(3, 15))


def refuses(case, variant):
    """Nothing."""


def fit(case, variant, tolerance):
    """The path in one call, or a path of one."""
    # On small data starting the threads takes longer than they save.
    threads = os.cpu_count() if case.X.size > 1e6 else 1
    X = np.asfortranarray(case.X) if not case.sparse else _matrix(case, threads)
    if case.k == 1:
        family = adelie.glm.binomial(case.y.astype(np.float64))
    else:
        family = adelie.glm.multinomial(np.eye(case.k)[case.y])
    state = adelie.grpnet(
        X,
        family,
        alpha=float(case.penalty == "l1"),
        # By default the root of the group's size.
        penalty=np.ones(case.X.shape[1]),
        # Its multinomial cost is divided by the number of classes.
        lmda_path=case.strengths / case.k,
        tol=tolerance,
        irls_tol=tolerance,
        max_iters=100_000_000,
        early_exit=False,
        n_threads=threads,
        progress_bar=False,
    )
    # In feature-major order, the classes of a feature together.
    w = state.betas.toarray().reshape(len(case.strengths), -1, case.k).swapaxes(1, 2)
    b = np.asarray(state.intercepts).reshape(-1, case.k)
    return (w, b) if case.path else (w[0], b[0])


def _matrix(case, threads):
    return adelie.matrix.sparse(sparse.csc_matrix(case.X), method="naive", n_threads=threads)
