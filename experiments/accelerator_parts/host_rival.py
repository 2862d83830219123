"""scikit-learn on a case: python -m experiments.accelerator_parts.host_rival FOLDER fit|sweep."""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

from experiments.optimum.cases import load


def main(folder, kind, *strengths):
    """Fit once, or a sweep of penalties x 5 folds, at scikit-learn's defaults in float32."""
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from threadpoolctl import threadpool_info

    case = load(folder)
    X = np.asarray(case.X, np.float32)
    m = len(case.y)
    if kind == "fit":
        model = LogisticRegression(C=1 / (case.strength * m))
    else:
        # Of a fold's training examples, as strengths are.
        Cs = [1 / (float(strength) * m * 4 / 5) for strength in strengths]
        model = LogisticRegressionCV(Cs=Cs, cv=5, scoring="neg_log_loss")
    with warnings.catch_warnings():
        # Of arguments that are about to change, and of steps that were all taken.
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        model.fit(X, case.y)
        seconds = time.perf_counter() - began
    blas = {one.get("architecture", one["internal_api"]) for one in threadpool_info()}
    np.savez(
        Path(folder) / "found.npz",
        w=model.coef_,
        b=model.intercept_,
        seconds=seconds,
        steps=float(np.mean(model.n_iter_)),
        libraries=", ".join(sorted(blas)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
