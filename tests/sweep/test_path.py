"""Paths: where they start, that each model is converged, and equal to a fit of its own."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import COUNTS, FAMILIES, Plain

from jax_logreg import L1, L2, Batch, ElasticNet, Newton, Params, Result, Status, fit
from jax_logreg.objective import Objective
from jax_logreg.proof.certificate import certify
from jax_logreg.pytree import pytree
from jax_logreg.solver import working_set
from jax_logreg.sweep import path

assert_allclose = np.testing.assert_allclose
X, Y = (COUNTS - 1) / 1.2, FAMILIES["binomial"]
FACTORS = np.array([1, 2, 0.5, 1, 3, 1.0])
S = np.random.default_rng(5).random((1, X.shape[1]))
SETTINGS = {"dtype": "float64", "tolerance": 1e-9}


PATHS = {
    "L1": (Y[0], L1, {}),
    "L1, multinomial": (FAMILIES["multinomial"].argmax(axis=0), L1, {}),
    "L1, no intercept": (Y[0], L1, {"fit_intercept": False}),
    "factors and weights": (Y[0], L1(1.0, FACTORS), {"s": S}),
    "ElasticNet": (Y[0], ElasticNet(1.0, 0.5), {}),
}


@pytest.mark.parametrize("grows", [False, True], ids=["whole", "by columns"])
@pytest.mark.parametrize("name", PATHS)
def test_each_model_of_a_path_is_the_optimum(name, grows, monkeypatch):
    if grows:
        # Working sets in NumPy begin with a feature, and columns are always added to them.
        monkeypatch.setattr(working_set, "_FEWEST", 1)
        monkeypatch.setattr(working_set, "_COLUMN", 0)
    labels, penalty, settings = PATHS[name]
    found = path(X, labels, penalty=penalty, strengths=6, smallest=0.05, **settings, **SETTINGS)
    assert found.strengths.shape == (6,) and (np.diff(found.strengths) < 0).all()
    assert_allclose(found.strengths[-1] / found.strengths[0], 0.05)
    # At the first all are out, up to the rounding of a tie; a little below, something is in.
    assert np.abs(found.w[0]).max() < 1e-7 and np.abs(found.w[1]).max() > 1e-3
    assert set(found.status) == {Status.CONVERGED}
    assert (found.relative_gap <= 1e-9).all() and (found.relative_gap >= 0).all()
    assert found.w.dtype == "float64" and found.steps.shape == (6,)
    one = penalty(1.0) if isinstance(penalty, type) else penalty
    Y = FAMILIES["multinomial" if found.b.shape[1] == 3 else "binomial"]
    for i in (0, 2, 5):
        l1, l2 = (found.strengths[i] * np.asarray(a) for a in (one.l1, one.l2))
        plain = Plain(
            X,
            Y,
            settings.get("s"),
            l1,
            l2,
            classes=len(Y) == 3,
            intercept=settings.get("fit_intercept", True),
        )
        best = plain.minimise()
        cost = plain.cost(best)
        assert cost - 1e-13 < plain.cost(plain.pack(found.w[i], found.b[i])) < cost + 2e-9
        assert_allclose(found.cost[i], cost, atol=2e-9)
        assert_allclose(found.w[i], best[:6], atol=1e-3)


@pytest.mark.parametrize("share", [0.999, 1.001])
def test_the_largest_strength_is_where_something_enters(share):
    largest = path(X, Y, strengths=2, smallest=0.5, **SETTINGS).strengths[0]
    found = path(X, Y, strengths=[share * largest, share * largest], **SETTINGS)
    assert (found.w[0] != 0).any() == (share < 1)


def test_the_largest_strength_is_the_largest_slope_of_the_null_model():
    weights = {"s": S}
    found = path(X, Y, penalty=L1(1.0, FACTORS), strengths=6, smallest=0.05, **weights, **SETTINGS)
    mean = (S * Y).sum() / S.sum()
    slope = np.abs(X @ (S * (mean - Y)).T) / S.sum() / FACTORS[:, None]
    assert_allclose(found.strengths[0], slope.max(), rtol=1e-9)
    plain = Plain(X, Y, S, found.strengths[0] * FACTORS)
    assert_allclose(found.cost[0], plain.cost(np.vstack([np.zeros((6, 1)), found.b[0]])), rtol=1e-9)


def test_given_strengths_in_any_order_are_separate_fits():
    found = path(X, Y, strengths=[0.01, 0.1, 0.02], **SETTINGS)
    assert found.strengths.tolist() == [0.01, 0.1, 0.02]
    for i, strength in enumerate(found.strengths):
        result = fit(X, Y, penalty=L1(strength), gradient_check="off", **SETTINGS)
        # Both within 1e-9 of J(0) of the optimum.
        assert_allclose(found.cost[i], result.certificate.cost, atol=2e-9)
        assert_allclose(found.w[i], result.params.w, atol=1e-3)
        assert result.classes == found.classes


def test_a_ridge_path():
    found = path(X, Y, penalty=L2, strengths=[1.0, 0.1, 0.01], **SETTINGS)
    assert set(found.status) == {Status.CONVERGED} and "Newton" in found.solver
    for i, strength in enumerate(found.strengths):
        plain = Plain(X, Y, None, 0, strength)
        assert_allclose(found.cost[i], plain.cost(plain.minimise()), atol=1e-9)


BAD = {
    "none": (dict(strengths=0), "at least 1"),
    "negative": (dict(strengths=[0.1, -1.0]), "at least 0"),
    "NaN": (dict(strengths=[np.nan]), "at least 0"),
    "empty": (dict(strengths=[]), "at least 0"),
    "a table": (dict(strengths=np.ones((2, 2))), "at least 0"),
    "text": (dict(strengths="many"), "strengths is 'many'"),
    "True": (dict(strengths=True), "strengths is True"),
    "smallest": (dict(smallest=1.5), "between 0 and 1"),
    "smallest text": (dict(smallest="tiny"), "smallest 'tiny'"),
    "no penalty": (dict(penalty=None), "penalty is None"),
    "a name": (dict(penalty="l1"), "penalty is 'l1'"),
    "ratio": (dict(penalty=ElasticNet), "ElasticNet class.*l1_ratio"),
    "solver": (dict(solver="newton"), "Newton cannot take"),
    "dtype": (dict(dtype="float16"), "dtype is"),
    "steps": (dict(steps=-1), "steps is"),
    "all factors 0": (dict(penalty=L1(1.0, np.zeros(6))), "unpenalised"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_arguments_are_one_line(bad):
    settings, message = BAD[bad]
    with pytest.raises(ValueError, match=message) as caught:
        path(X, Y, **settings)
    assert "\n" not in str(caught.value)


def test_unpenalised_features_belong_to_the_null_model():
    factors = np.array([0.0, 1, 1, 1, 1, 1])
    found = path(X, Y, strengths=5, penalty=L1(1.0, factors), dtype="float64", tolerance=1e-6)
    assert np.count_nonzero(found.w[0]) == 1 and found.w[0][0] != 0
    alone = fit(X[:1], Y, dtype="float64", tolerance=1e-8)
    np.testing.assert_allclose(found.w[0][0], alone.params.w[0], rtol=1e-3)
    assert np.count_nonzero(found.w[1]) > 1


def test_certificates_are_those_of_the_parameters_alone():
    """Solvers move Z along with the parameters, and ask for no sharper gap than they need."""
    settings = {"dtype": "float64", "tolerance": 1e-3}
    for penalty, strengths in {L1: 4, L2: [1.0, 0.1, 0.01]}.items():
        found = path(X, Y, penalty=penalty, strengths=strengths, smallest=0.05, **settings)
        with jax.enable_x64(True):
            batch = Batch(*(jnp.asarray(a, "float64") for a in (X, Y, np.ones((1, 60)))))
            for i, strength in enumerate(found.strengths):
                objective = Objective(batch, penalty(strength))
                own = certify(objective, Params(jnp.asarray(found.w[i]), jnp.asarray(found.b[i])))
                assert_allclose(found.relative_gap[i], own.relative_gap, rtol=1e-6, atol=1e-15)
                assert_allclose(found.cost[i], own.cost, rtol=1e-12)


@pytree
@dataclass(frozen=True)
class Sure(Newton):
    """A solver whose evaluations look better than they are."""

    def evaluate(self, objective, params, state):
        at = super().evaluate(objective, params, state)
        return at._replace(gradient=jax.tree.map(lambda part: 1e-6 * part, at.gradient))


def test_no_model_is_said_to_have_converged_that_has_not():
    factors = np.array([0.0, 1, 1, 1, 1, 1])
    settings = {"penalty": L2(1.0, factors), "strengths": [1.0, 0.1], "dtype": "float64"}
    found = path(X, Y, solver=Sure(), tolerance=1e-4, **settings)
    assert set(found.status) == {Status.PRECISION_FLOOR}
    right = path(X, Y, tolerance=1e-10, **settings)
    assert set(right.status) == {Status.CONVERGED}
    # "auto" runs until the Hessian proves the answer.
    proven = path(X, Y, solver=Sure(), **settings)
    assert set(proven.status) == {Status.CONVERGED}
    assert_allclose(proven.w, right.w, atol=1e-4)


def test_a_path_says_what_it_finds_in_the_data():
    """Feature 0 separates the classes; 5 is a combination of 1 and 2."""
    data = np.vstack([np.where(Y > 0, 1, -1) * (1 + np.arange(60) % 3), X[1:]])
    data[5] = data[1] - data[2]
    factors = np.array([0.0, 1, 1, 1, 1, 1])
    settings = {"penalty": L2(1.0, factors), "steps": 40}
    found = path(data, Y, strengths=[1.0, 0.1], **settings)
    assert found.status == (Status.SEPARABLE, Status.SEPARABLE)
    assert found.notes == (("The classes are completely separable by feature 0.",),) * 2
    # A strength of 0 leaves all of them free.
    # The combination is exact up to float32's rounding, of which its float64 answer is free.
    for dtype, end in (("float32", Status.PRECISION_FLOOR), ("float64", Status.CONVERGED)):
        found = path(data[1:], Y, penalty=L2, strengths=[0.1, 0.0], steps=40, dtype=dtype)
        assert found.status == (Status.CONVERGED, end)
        assert found.notes[0] == () and "Feature 4 is a linear combination" in found.notes[1][0]
    endless = path(data, Y, strengths=[0.1], tolerance=0, **settings | {"steps": 3})
    assert endless.status == (Status.STEPS_EXHAUSTED,) and endless.notes == ((),)


def test_each_model_of_a_path_is_diagnosed_as_its_fit_is():
    """Feature 0 separates, 5 is a combination of 1 and 2, 4 is constant; some are unpenalised."""
    data = np.vstack([np.where(Y > 0, 1, -1) * (1 + np.arange(60) % 3), X[1:]])
    data[4], data[5] = 3, data[1] - data[2]
    for free in ([0], [1, 2, 5], [4], []):
        factors = np.ones(6)
        factors[free] = 0
        settings = {"steps": 60, "tolerance": 1e-6, "solver": Newton()}
        found = path(data, Y, strengths=[1.0, 0.1], penalty=L2(1.0, factors), **settings)
        for i, strength in enumerate(found.strengths):
            own = fit(data, Y, penalty=L2(strength, factors), gradient_check="off", **settings)
            model = found.models.result(i)
            assert (model.status, model.notes) == (own.status, own.notes)
            assert bool(model.notes) == bool(free)
            assert isinstance(model, Result) and model.classes == own.classes


def test_a_callback_gets_how_many_are_done():
    seen = []
    path(X, Y, penalty=L2, strengths=[1.0, 0.1], callback=lambda *done: seen.append(done))
    assert seen == [(1, 2), (2, 2)]
