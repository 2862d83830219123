"""Every public function refuses what is wrong in one line, before anything runs."""

import sys

import numpy as np
import pytest
from wrong import FUNCTIONS, VALUES, X, Y, arguments, wrong

from jax_logreg import LBFGS, Newton, fit
from jax_logreg.errors import InputError, brief
from jax_logreg.sweep import bootstrap

# Whatever would compile the loop of a fit, or the grid of a path.
RUNS = (
    ("jax_logreg.loop.run", "drive"),
    ("jax_logreg.sweep.many", "run_many"),
    ("jax_logreg.sweep.fold_models", "run_many"),
    ("jax_logreg.sweep.cross_validation", "_largest"),
    ("jax_logreg.sweep.path", "null_model"),
    ("jax_logreg.loop.chunks", "_chunk"),
    ("jax_logreg.fitting", "start"),
)
CASES = [(name, argument) for name in FUNCTIONS for argument in arguments(name)]


class Ran(BaseException):
    """Raised in place of running: no one takes it for a refusal."""


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch, tmp_path):
    def ran(*_, **__):
        raise Ran

    for module, name in RUNS:
        monkeypatch.setattr(sys.modules[module], name, ran)
    monkeypatch.chdir(tmp_path)


def line(call):
    """The one line with which a call is refused."""
    with pytest.raises(InputError) as caught:
        call()
    said = str(caught.value)
    assert said.isprintable() and 10 < len(said) < 500, said
    assert "0x" not in said, said
    return said


@pytest.mark.parametrize(("name", "argument"), CASES, ids=[" ".join(case) for case in CASES])
def test_a_wrong_argument_is_refused_in_one_line(name, argument):
    function, valid = FUNCTIONS[name]
    for case, value in wrong(name, argument).items():
        try:
            line(lambda value=value: function(**{**valid, argument: value}))
        except BaseException as error:
            error.add_note(f"{name}({argument} = {case})")
            raise


def test_they_are_thousands():
    assert sum(len(wrong(name, argument)) for name, argument in CASES) > 8000


def test_a_line_names_the_argument():
    for name, argument in CASES:
        function, valid = FUNCTIONS[name]
        if "object" in wrong(name, argument):
            said = line(lambda f=function, v=valid, a=argument: f(**{**v, a: VALUES["object"]}))
            assert argument in said or name in ("Optax", "MiniBatch", "choose_threshold"), said


# Never read: it is refused by its shape.
WIDE = np.broadcast_to(X[:1], (2**20, X.shape[1]))
LARGE = {
    "resamples": (lambda: bootstrap(X, Y, resamples=2**31 - 1), "the answers of 2147483647 models"),
    "memory": (lambda: fit(X, Y, solver=LBFGS(memory=10**9)), "solver LBFGS would take"),
    "Hessian": (lambda: fit(WIDE, Y, solver=Newton()), "solver Newton would take"),
}


def test_what_no_memory_holds_is_refused():
    for call, said in LARGE.values():
        assert said in line(call)


@pytest.mark.parametrize("case", VALUES)
def test_what_came_is_shown_in_short(case):
    shown = brief(VALUES[case])
    assert shown.isprintable() and 1 <= len(shown) <= 90
