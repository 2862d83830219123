"""LIBLINEAR's own interface: -s 0 and 7 for L2, -s 6 for L1; -R leaves the intercept free."""

import numpy as np
from liblinear.liblinearutil import parameter, problem, train
from scipy import sparse

from experiments.optimum.rivals import refuses_classes_and_dual_l1

refuses = refuses_classes_and_dual_l1


def fit(case, variant, tolerance):
    """One training, or one a strength: its L1 solver cannot start from an earlier answer."""
    # The dual solver knows no -R: a larger constant's coefficient is penalised less.
    bias = 10 if variant == "dual" else 1
    how = "-s 7" if variant == "dual" else "-R -s 6" if case.penalty == "l1" else "-R -s 0"
    data = problem(np.where(case.y == 1, 1.0, -1.0), sparse.csr_matrix(case.X), bias)
    w, b, n = [], [], case.X.shape[1]
    for strength in case.strengths:
        C = 1 / (strength * len(case.y))
        model = train(data, parameter(f"{how} -B {bias} -c {C:.17g} -e {tolerance:.17g} -q"))
        # Its w belongs to the label seen first.
        sign = 1 if model.get_labels()[0] == 1 else -1
        point = sign * np.ctypeslib.as_array(model.w, (n + 1,))
        w.append(point[None, :n].copy())
        b.append(bias * point[n:])
    return (np.array(w), np.array(b)) if case.path else (w[0], b[0])
