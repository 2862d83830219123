"""The arguments of `fit` by a config and its data."""

from collections.abc import Sequence
from typing import cast

from jax_logreg.cli.config import Config
from jax_logreg.data import Prepared
from jax_logreg.data.classes import some
from jax_logreg.errors import InputError
from jax_logreg.errors.nearest import nearest
from jax_logreg.errors.one_line import one_line
from jax_logreg.hosts import count
from jax_logreg.penalty import Penalty
from jax_logreg.problem.options import FitOptions


class FitArguments(FitOptions, total=False):
    """The arguments of `fit` beyond X, Y, the callback and the checkpoint."""

    penalty: Penalty | None
    feature_names: Sequence[str]


@one_line()
def fit_arguments(config: Config, data: Prepared) -> FitArguments:
    """Return the arguments of a config, in which names have become numbers of the data.

    Raises:
        InputError: a class or a feature that the data do not have, or too many for the family.
    """
    k = len(data.classes)
    if config.fit.family == "binomial" and k > 2:
        raise InputError(
            f"fit.family is 'binomial', but {data.source} holds {k} classes, "
            f"{some(data.classes)}: name the class to predict: "
            f"--set data.positive={data.classes[-1]}, or set fit.family='multinomial'"
        )
    arguments = {name: getattr(config.fit, name) for name in type(config.fit).model_fields}
    if count() > 1:
        arguments["devices"] = "hosts"
    arguments |= {
        "s": data.s_train,
        "class_weight": _class_weight(config.fit.class_weight, data),
        "penalty": config.penalty.penalty(data.features),
        "solver": config.solver.solver(),
        "feature_names": data.features,
    }
    return cast(FitArguments, arguments)


def _class_weight(weights: object, data: Prepared) -> object:
    """Return a table of weights with numbers of the rows of Y in place of TOML's texts."""
    if not isinstance(weights, dict):
        return weights
    names = [str(name) for name in data.classes]
    unknown = [name for name in weights if name not in names]
    if unknown:
        raise InputError(
            f"fit.class_weight names '{unknown[0]}', which is no class of {data.source}: "
            f"expected some of {some(data.classes)}{nearest(unknown[0], names)}"
        )
    return {names.index(name): weight for name, weight in weights.items()}
