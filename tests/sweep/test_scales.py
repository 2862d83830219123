"""Many models at once reach what one reaches, whatever the scale and the origin of a feature."""

import jax
import numpy as np
import pytest

from jax_logreg import L2, Status, fit
from jax_logreg.solver import basis
from jax_logreg.sweep import fit_many

assert_allclose = np.testing.assert_allclose
RNG = np.random.default_rng(0)
M = 300
X = np.vstack([4 * RNG.random(M) - 2, RNG.standard_normal((2, M))])
Y = (X[0] + X[1] + RNG.logistic(size=M) > 0).astype(int)
STRENGTHS = np.array([1e-3, 1e-2])
# Origin and scale of the first feature, and the scale of all.
SCALES = {
    "as it is": (0, 1, 1),
    "seconds since 1970": (1.45e9, 7.5e7, 1),
    "milliseconds": (1.45e12, 7.5e10, 1),
    "far from 0": (1e3, 1, 1),
    "large": (0, 1e6, 1),
    "small": (0, 1e-6, 1),
    "all large": (0, 1, 1e5),
    "all small": (0, 1, 1e-5),
}


def scaled(name):
    origin, scale, of_all = SCALES[name]
    changed = X.copy()
    changed[0] = origin + scale * X[0]
    # The penalty is of the same size for the models of scaled features.
    return of_all * changed, STRENGTHS * (scale * of_all) ** (2 * (of_all != 1))


@pytest.mark.parametrize("name", SCALES)
def test_one_by_one_is_batched(name):
    changed, strengths = scaled(name)
    many = fit_many(changed, Y, penalty=L2(strengths), tolerance=1e-5)
    for i, strength in enumerate(strengths):
        settings = {"penalty": L2(strength), "gradient_check": "off"}
        exact = fit(changed, Y, dtype="float64", tolerance=1e-9, **settings).certificate.cost
        one = fit(changed, Y, tolerance=1e-5, **settings).certificate.cost
        for found in (one, many.certificate.cost[i]):
            assert exact * (1 - 1e-5) <= found <= exact * (1 + 1e-4) + 1e-5
    # Dates have no digit left for the tolerance, which the precision floor says.
    assert Status.STEPS_EXHAUSTED not in many.status


def test_the_largest_vectors_alone_see_through_scales_too(monkeypatch):
    changed, strengths = scaled("seconds since 1970")
    whole = fit_many(changed, Y, penalty=L2(strengths), tolerance=1e-5)
    monkeypatch.setattr(basis, "_LARGEST", 0)
    # A traced function keeps the number that it was traced with.
    jax.clear_caches()
    found = fit_many(changed, Y, penalty=L2(strengths), tolerance=1e-5)
    jax.clear_caches()
    assert_allclose(found.certificate.cost, whole.certificate.cost, rtol=1e-5)
    assert Status.STEPS_EXHAUSTED not in found.status
