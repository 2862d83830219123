"""Messages: nothing is advised that is on already, and nothing is said twice."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L2, GradientDescent, Newton, Status, fit
from jax_logreg.cli.advice import advise_run
from jax_logreg.cli.config import Config
from jax_logreg.matrix import standardise
from jax_logreg.proof.advice import PYTHON, Facts, advise

X, Y = COUNTS, FAMILIES["binomial"]
QUIET = {"gradient_check": "off"}
EVERY = [
    Facts(dtype, *flags) for dtype, *flags in product(["float32", "float64"], *[[False, True]] * 6)
]


def sentences(text):
    return [part for part in re.split(r"(?<=[.:;])\s+", text) if part]


@pytest.mark.parametrize("status", Status)
def test_advice_names_nothing_that_is_on(status):
    for facts in EVERY:
        text = advise(status, facts)
        on = {
            PYTHON.refine: facts.refined,
            PYTHON.float64: facts.dtype == "float64",
            PYTHON.standardise: facts.standardised,
            "tandardise": facts.standardised,
            PYTHON.automatic: facts.chosen,
            "Add a penalty": facts.penalised,
            "learning rate": not facts.by_rate,
            "tolerance was not reached": facts.endless,
        }
        assert not [name for name, already in on.items() if already and name in text], (text, facts)
        assert not text or (text.endswith(".") and "  " not in text and " or ." not in text)
        said = sentences(f"{status.explanation} {text}")
        assert len(set(said)) == len(said)


def test_advice_names_what_is_off():
    """The least settings have each option advised somewhere."""
    facts = Facts("float32", by_rate=True, chosen=False)
    text = " ".join(advise(status, facts) for status in Status)
    assert all(term in text for term in PYTHON if term != PYTHON.tolerance)
    assert PYTHON.tolerance in advise(Status.PRECISION_FLOOR, Facts("float64"))


CONFIGS = {
    "penalty.kind": [{"kind": "none"}, {"kind": "l2", "strength": 1}],
    "fit.dtype": ["float32", "float64"],
    "fit.refine": [False, True],
    "data.standardise": [False, True],
    "solver.method": ["auto", "newton", {"method": "gradient_descent", "learning_rate": 0.25}],
}


@pytest.mark.parametrize("status", Status)
def test_a_config_is_not_advised_to_set_what_it_sets(status):
    seen = set()
    for penalty, dtype, refine, scaled, solver in product(*CONFIGS.values()):
        config = Config.model_validate(
            {
                "data": {"source": "bundled", "standardise": scaled},
                "penalty": penalty,
                "fit": {"dtype": dtype, "refine": refine},
                "solver": solver if isinstance(solver, dict) else {"method": solver},
            }
        )
        text = advise_run(status, config)
        seen.add(text)
        given = {
            "fit.refine=true": refine,
            "fit.dtype=float64": dtype == "float64",
            "data.standardise=true": scaled,
            "penalty.kind=l2": penalty["kind"] == "l2",
            "solver.method=auto": solver == "auto",
            "learning_rate": not isinstance(solver, dict),
        }
        assert not [key for key, already in given.items() if already and key in text], text
        assert not re.search(r"refine=True|dtype='|L2\(|matrix\.", text)
    silent = (Status.RUNNING, Status.CONVERGED, Status.GRADIENT_CHECK_FAILED)
    assert (seen == {""}) == (status in silent)


def said_once(result):
    said = sentences(result.message)
    assert len(set(said)) == len(said), result.message
    assert result.message.count("optimum") <= 1 and result.message.count("penalty") <= 1
    return result


def test_what_fit_says_of_classes_that_separate():
    split = np.vstack([X[:2], np.where(Y > 0, 1, -1) * (1 + np.arange(60) % 3)])
    message = said_once(fit(split, Y, solver=Newton(), **QUIET)).message
    assert message.endswith("Add a penalty, for example L2(1e-4).")
    free = L2(0.1, np.array([1.0, 1, 0]))
    message = said_once(fit(split, Y, penalty=free, solver=Newton(), **QUIET)).message
    assert message.endswith("by feature 2. Give those features a penalty too.")


def test_what_fit_says_of_a_rate_that_is_too_large():
    wild = {"solver": GradientDescent(1e4), "steps": 20, **QUIET}
    scale = np.array([[1e3], [1], [1], [1], [1], [1]])
    plain = said_once(fit(X * scale, Y, **wild))
    assert plain.status is Status.DIVERGED and "lower the learning rate, or stand" in plain.message
    scaled = standardise(X.astype("float32"), np.ones((1, 60), "float32"))
    by_hand = (X - X.mean(1, keepdims=True)) / X.std(1, keepdims=True)
    for one in (scaled, by_hand):
        result = said_once(fit(one, Y, **wild))
        assert result.status is Status.DIVERGED
        assert "lower the learning rate." in result.message
        assert "tandardise" not in result.message


def test_what_fit_says_of_a_tolerance_below_the_floor():
    floor = {"solver": Newton(), "tolerance": 1e-30, **QUIET}
    for settings, words in {
        (): "Pass refine=True or dtype='float64'.",
        ("refine",): "",
        ("float64",): "Pass a larger tolerance.",
    }.items():
        dtype = "float64" if "float64" in settings else "float32"
        result = fit(X, Y, refine="refine" in settings, dtype=dtype, **floor)
        assert said_once(result).status is Status.PRECISION_FLOOR and result.advice == words


def test_what_fit_says_of_too_few_steps():
    few = said_once(fit(X, Y, steps=2, tolerance=1e-6, solver=GradientDescent(0.1), **QUIET))
    assert few.message.endswith("pass more steps or solver='auto'.")
    assert few.status is Status.STEPS_EXHAUSTED
    endless = said_once(fit(X, Y, steps=2, tolerance=0, **QUIET))
    assert endless.message == "steps_exhausted after 2 steps: All steps were taken."
    assert replace(endless, advice="Rest.").message.endswith("taken. Rest.")
