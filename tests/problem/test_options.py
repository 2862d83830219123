"""The options of every fit, declared once."""

import inspect

import pytest

from jax_logreg import fit
from jax_logreg.cli.config import Config
from jax_logreg.problem.options import complete
from jax_logreg.sweep import bootstrap, cross_validate, fit_many, path

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


def test_the_table_fit_of_a_config_has_the_defaults_of_fit():
    shown = inspect.signature(fit).parameters
    fields = Config.model_fields["fit"].annotation.model_fields
    assert {name: shown[name].default for name in fields} == {
        name: field.default for name, field in fields.items()
    }
