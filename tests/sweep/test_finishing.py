"""Models finished one by one: a worse answer never replaces a better one."""

from types import SimpleNamespace

import numpy as np
import pytest

from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.proof.certificate import Certificate
from jax_logreg.status import Status
from jax_logreg.sweep import finishing
from jax_logreg.sweep.state import Answers

LOOP = Loop(objective=None, solver=None, steps=1000, goal=None, finish="another solver")
FLOOR, CONVERGED = Status.PRECISION_FLOOR, Status.CONVERGED


def certificate(cost, error):
    return Certificate(*(np.float32(number) for number in (cost, 1e-6, error, error, error)))


def finished(monkeypatch, before, status, after):
    """The answers after one model, with the certificate `before`, has continued to `after`."""
    params = Params(np.zeros((1, 2, 1), np.float32), np.zeros((1, 1, 1), np.float32))
    steps = np.array([60], np.int32)
    numbers = np.stack(certificate(*before))[None]
    answers = Answers(params, numbers, np.array([Status.STEPS_EXHAUSTED]), steps, np.zeros(1))
    good = Params(np.ones((2, 1), np.float32), np.ones((1, 1), np.float32))
    end = SimpleNamespace(status=status, certificate=certificate(*after), good=good, step=7)
    monkeypatch.setattr(finishing, "drive", lambda *_: (end, None))
    monkeypatch.setattr(finishing, "model_loop", lambda loop, _: loop)
    finishing.finish(LOOP, SimpleNamespace(one=lambda i: i), answers)
    return answers


@pytest.mark.parametrize(
    ("before", "status", "after", "taken"),
    [
        # A cost that is lower by its rounding proves nothing.
        ((0.50000006, 0.02), FLOOR, (0.5, 0.3), False),
        ((0.50000006, 0.02), FLOOR, (0.5, np.inf), False),
        ((0.5, 0.02), FLOOR, (0.50000006, 0.015), True),
        ((0.5, np.inf), FLOOR, (0.50000006, 0.3), True),
        # Where nothing is proven the cost is all that there is.
        ((0.6, np.inf), FLOOR, (0.5, np.inf), True),
        ((0.5, np.inf), FLOOR, (0.6, np.inf), False),
        ((0.5, np.nan), FLOOR, (np.nan, np.nan), False),
        # A converged model is proven, to the goal's other bounds too.
        ((0.5, 0.005), CONVERGED, (0.5, 0.009), True),
    ],
)
def test_a_worse_answer_replaces_none(before, status, after, taken, monkeypatch):
    answers = finished(monkeypatch, before, status, after)
    kept = after if taken else before
    np.testing.assert_array_equal(answers.certificate[0], np.stack(certificate(*kept)))
    assert bool(answers.params.w.any()) == taken
    # Steps were left, so that their number ended nothing.
    assert answers.status[0] == status
    assert answers.steps[0] == 67
