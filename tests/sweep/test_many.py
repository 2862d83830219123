"""Many models at once: each is what a fit of its own gives, however many share the machine."""

import jax
import numpy as np
import pytest
from cases import COUNTS, FAMILIES, Plain

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    ElasticNet,
    GradientDescent,
    Newton,
    Params,
    Proximal,
    Status,
    fit,
)
from jax_logreg.sweep import fit_many

assert_allclose = np.testing.assert_allclose
X = (COUNTS - 1) / 1.2
N, M = X.shape
Y = FAMILIES["binomial"]
STRENGTHS = np.array([1.0, 0.3, 0.1, 0.03, 0.01])
ROWS = np.random.default_rng(3).integers(0, 4, (5, M)).astype(float)
ROWS[:, :12] = 1
EXACT = {"dtype": "float64", "tolerance": 1e-12}


SWEEPS = {
    "binomial, auto": ("binomial", "auto", L2, {}),
    "multinomial, auto": ("multinomial", "auto", L2, {}),
    "independent, auto": ("independent", "auto", L2, {"fit_intercept": False}),
    "a shorter memory": ("binomial", LBFGS(memory=5), L2, {"class_weight": "balanced"}),
    "Newton": ("multinomial", Newton(), L2, {}),
    "L1": ("binomial", "auto", L1, {}),
    "L1, a working set": ("multinomial", Proximal(working_set=3), L1, {}),
    "gradient descent": ("binomial", GradientDescent(0.5), L2, {"steps": 5000}),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_each_is_the_fit_of_its_own(name):
    labels, solver, penalty, settings = SWEEPS[name]
    family = "multinomial" if labels == "multinomial" else "binomial"
    settings = {**EXACT, **settings, "family": family, "solver": solver}
    found = fit_many(X, FAMILIES[labels], s=ROWS, penalty=penalty(STRENGTHS), **settings)
    assert set(found.status) == {Status.CONVERGED}
    assert (found.certificate.relative_gap <= 1e-12).all()
    for i in (0, 4):
        settings["gradient_check"] = "off"
        one = fit(X, FAMILIES[labels], s=ROWS[i], penalty=penalty(STRENGTHS[i]), **settings)
        assert_allclose(found.certificate.cost[i], one.certificate.cost, rtol=1e-11)
        assert_allclose(found.params.w[i], one.params.w, atol=2e-5)
        assert_allclose(found.params.b[i], one.params.b, atol=2e-5)


def test_against_optima_by_hand():
    found = fit_many(X, Y, s=ROWS, penalty=ElasticNet(STRENGTHS, np.linspace(0, 1, 5)), **EXACT)
    for i, share in enumerate(np.linspace(0, 1, 5)):
        l1, l2 = STRENGTHS[i] * share, STRENGTHS[i] * (1 - share)
        best = Plain(X, Y, ROWS[i], l1, l2).minimise()
        assert_allclose(found.params.w[i], best[:N], atol=1e-5)


def test_the_answers_do_not_depend_on_the_memory():
    """One slot, three that five models pass through, and one for each."""
    settings = {"s": ROWS, "penalty": L2(STRENGTHS), "tolerance": 1e-5}
    found = [fit_many(X, Y, memory=memory, **settings) for memory in (6e3, 2e4, 1e9)]
    for other in found[:2]:
        assert_allclose(other.params.w, found[2].params.w, atol=1e-5)
        np.testing.assert_array_equal(other.steps, found[2].steps)
        assert other.status == found[2].status


def test_weak_penalties_in_float32():
    """The part that the shared preconditioner leaves out must not drown the rest in rounding."""
    found = fit_many(X, Y, penalty=L2(np.geomspace(1e-2, 1e-8, 4)), tolerance=1e-2)
    assert set(found.status) == {Status.CONVERGED} and found.steps.max() < 30


def test_axes_are_shared_or_not():
    """Starts and learning rates of their own, weights and penalty for all."""
    starts = Params(np.arange(3.0)[:, None, None] * np.ones((3, N, 1)), np.zeros((3, 1, 1)))
    rates = np.array([0.1, 0.2, 0.4])
    settings = {"s": ROWS[0], "penalty": L2(0.1), "steps": 3, "tolerance": 0, "dtype": "float64"}
    found = fit_many(X, Y, params=starts, solver=GradientDescent(rates), **settings)
    assert found.status == (Status.STEPS_EXHAUSTED,) * 3 and (found.steps == 3).all()
    for i in range(3):
        one = fit(
            X,
            Y,
            params=jax.tree.map(lambda part, i=i: part[i], starts),
            solver=GradientDescent(rates[i]),
            **settings,
        )
        assert_allclose(found.params.w[i], one.params.w, rtol=1e-12)


def test_what_goes_on_has_the_steps_that_are_left(monkeypatch):
    monkeypatch.setattr("jax_logreg.proof.accuracy.met", lambda *_: False)
    settings = {"solver": GradientDescent(0.1), "steps": 5, "tolerance": 0}
    found = fit_many(X, Y, penalty=L2(STRENGTHS), **settings)
    assert (found.steps == 5).all()


def test_a_single_model_and_no_axis_at_all():
    found = fit_many(X, Y, penalty=L2(0.1))
    assert found.params.w.shape == (1, N, 1) and found.status == (Status.CONVERGED,)
    one = found.result(0)
    assert one.params.w.shape == (N, 1) and one.message.startswith("converged after")
    assert one.certificate.relative_gap <= 1e-4 and one.history.cost.shape == (0,)
    assert "share" in found.solver


def test_each_has_its_own_status():
    """Without penalty one resample is separable, and said to be; the others are not."""
    line = np.arange(10.0)[None]
    labels = (np.arange(10) > 4).astype(int)
    labels[[2, 7]] = 1, 0
    rows = np.ones((3, 10))
    rows[1, [2, 7]] = 0
    found = fit_many(line, labels, s=rows)
    assert found.status == (Status.CONVERGED, Status.SEPARABLE, Status.CONVERGED)
    assert "feature 0" in found.notes[1][0] and not found.notes[0]


def test_penalised_and_not_in_one_sweep():
    found = fit_many(X, Y, penalty=L2(np.array([0.0, 0.1])), tolerance=1e-4)
    assert np.isinf(found.certificate.gap[0]) and found.certificate.relative_gap[1] <= 1e-4


WRONG = {
    "lengths": (
        {"penalty": L2(STRENGTHS), "s": ROWS[:3]},
        r"s is of 3 models, L2\.strength is of 5 models: expected as many of each",
    ),
    "none": ({"penalty": L2(np.array([]))}, r"L2\.strength is empty"),
    "a strength": ({"penalty": L2(np.array([0.1, -1.0]))}, r"L2\.strength is -1\.0"),
    "a row": ({"s": np.where(Y == 1, 0, ROWS)}, r"s\[0\] of 5 models: class 1 has no examples"),
    "columns": ({"s": ROWS[:, 1:]}, rf"s has shape \(5, {M - 1}\): expected \(r, {M}\)"),
    "a start": (
        {"params": (np.zeros((2, N, 2)), np.zeros((2, 1, 1)))},
        rf"params\.w has shape \(2, {N}, 2\): expected \(2, {N}, 1\)",
    ),
    "memory": (
        {"penalty": L2(STRENGTHS), "memory": 1000},
        r"memory is 1000 bytes, but one of the 5 models needs \d+: pass memory=",
    ),
    "the solver": ({"penalty": L1(STRENGTHS), "solver": Newton()}, "cannot take the penalty L1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        fit_many(X, Y, **arguments)
    assert "\n" not in str(caught.value)
