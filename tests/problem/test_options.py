"""The options of every fit, declared once."""

import inspect
from typing import Annotated, Unpack

import pytest

from jax_logreg import fit
from jax_logreg.cli import config
from jax_logreg.cli.config import Config
from jax_logreg.problem.options import FitOptions, Option, complete, declared, takes_options
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

EXTRA = {"gradient_check": "ends", "refine": False, "sharpen": False}
FITS = (fit, fit_many, cross_validate, bootstrap, path)


@pytest.mark.parametrize("function", FITS)
def test_every_fit_shows_the_options_and_their_defaults(function):
    shown = inspect.signature(function).parameters
    assert {name: shown[name].default for name in complete()} == complete()
    assert not any(one.kind is one.VAR_KEYWORD for one in shown.values())


@pytest.mark.parametrize("function", FITS)
def test_another_name_is_refused_as_python_does_and_with_what_was_meant(function):
    with pytest.raises(
        TypeError, match=r"unexpected keyword argument 'step'; did you mean 'steps'"
    ):
        function(None, None, step=3)


def test_the_table_fit_of_a_config_is_the_declaration_of_fit():
    shown = inspect.signature(fit).parameters
    fields = Config.model_fields["fit"].annotation.model_fields
    options = declared()
    assert set(fields) == {name for name, one in options.items() if one.description}
    for name, field in fields.items():
        assert field.default == shown[name].default == options[name].default
        assert field.description == options[name].description


def test_an_option_is_declared_with_its_default_and_its_words_at_once(monkeypatch):
    """Neither a signature nor a config has a copy of its own."""

    class More(FitOptions, total=False):
        rounds: Annotated[int, Option(7, "How many.")]

    @takes_options
    def f(**options: Unpack[More]):
        return options

    assert f(steps=3) == complete(steps=3, **EXTRA, rounds=7)
    monkeypatch.setitem(config._DECLARED, "rounds", declared(More)["rounds"])
    field = config.declared_as("rounds", ge=1)
    assert (field.default, field.description) == (7, "How many.")
