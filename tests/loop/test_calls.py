"""The calls of Python that one small fit makes: each costs as much as a product with its X.

A call more in each step, or in each fit, is to be seen here before users wait for it. Calls of
other libraries are not counted, as their versions differ.
"""

import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer

import jax_logreg
from jax_logreg import L2, LBFGS, Newton, fit
from jax_logreg.loop import body
from jax_logreg.sklearn import LogisticRegression

PACKAGE = str(Path(jax_logreg.__file__).parent)
ROWS, LABELS = load_breast_cancer(return_X_y=True)
ROWS = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)
SETTINGS = {"penalty": L2(1 / LABELS.size), "gradient_check": "off", "executor": "numpy"}


def calls(f):
    """The calls of functions of this package, and what f returns."""
    f()
    found, before = [], sys.getprofile()

    def see(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            found.append(frame.f_code)

    sys.setprofile(see)
    try:
        returned = f()
    finally:
        sys.setprofile(before)
    return len(found), returned


def once_and_a_step(**settings):
    """The calls of a fit beside its steps, and of each step."""
    once, _ = calls(lambda: fit(ROWS.T, LABELS, steps=0, **SETTINGS, **settings))
    whole, found = calls(lambda: fit(ROWS.T, LABELS, **SETTINGS, **settings))
    assert found.steps > 3
    return once, (whole - once) / found.steps


# About a twentieth beyond today.
MOST = {"Newton": (Newton(), 910, 386), "LBFGS": (LBFGS(), 1_050, 450)}


@pytest.mark.parametrize(("solver", "once", "a_step"), MOST.values(), ids=MOST)
def test_a_fit_makes_few_calls(solver, once, a_step):
    found = once_and_a_step(solver=solver)
    assert found[0] <= once and found[1] <= a_step


def test_an_estimator_adds_few():
    of_fit, _ = calls(lambda: fit(ROWS.T, LABELS, solver="newton", dtype="float64", **SETTINGS))
    found, _ = calls(lambda: LogisticRegression().fit(ROWS, LABELS))
    assert found - of_fit <= 60


def test_a_certificate_computed_twice_is_seen(monkeypatch):
    def twice(*arguments):
        certify(*arguments)
        return certify(*arguments)

    certify = body.certify_from
    monkeypatch.setattr(body, "certify_from", twice)
    _, a_step = once_and_a_step(solver=Newton())
    assert a_step > MOST["Newton"][2]
