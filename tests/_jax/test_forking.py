"""A fit by XLA in a fork of a process in which JAX has computed ends in one line."""

import os
import subprocess
import sys

import numpy as np
import pytest

from jax_logreg import L1, fit
from jax_logreg._jax import forking

PROGRAM = """
import warnings
warnings.simplefilter("ignore")
from joblib import Parallel, delayed
from jax_logreg import fit
from jax_logreg.sklearn import LogisticRegression

def fitted(device):
    found = LogisticRegression(device=device).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    return found.coef_[0, 0]

def in_forks(device):
    return Parallel(2, backend="multiprocessing")(delayed(fitted)(device) for _ in range(2))

in_forks("cpu")
fitted("cpu")
assert in_forks(None) == [fitted(None)] * 2
X, Y = [[0.0, 1.0, 2.0, 3.0]], [0, 1, 0, 1]
placed, result = (fit(X, Y, executor=executor) for executor in ("xla", "numpy"))
(there,) = Parallel(2, backend="multiprocessing")([delayed(result.predict)(X)])
assert (there == result.predict(X)).all()
for call in (
    lambda: in_forks("cpu"),
    # NumPy computes it, and JAX its check.
    lambda: Parallel(2, backend="multiprocessing")([delayed(fit)(X, Y)]),
    lambda: Parallel(2, backend="multiprocessing")([delayed(placed.predict_proba)(X)]),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_after_the_first_fit_is_refused_in_one_line():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and len(set(lines)) == 1
    assert lines[0].startswith("this process is a fork of one in which JAX has computed")
    assert "backend='loky'" in lines[0]


def test_a_process_of_its_own_is_not():
    forking.check_process()


def test_numpys_fits_of_l1_need_no_program_of_jax(monkeypatch):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((80, 200)), rng.integers(0, 2, 200)
    asked = {"penalty": L1(1e-3), "gradient_check": "off", "executor": "numpy"}
    before = fit(X, Y, **asked)
    monkeypatch.setattr(forking._Fork, "stranded", True)
    after = fit(X, Y, **asked)
    assert np.count_nonzero(after.params.w) > 64
    np.testing.assert_array_equal(after.params.w, before.params.w)
