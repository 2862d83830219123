"""Options of every function that fits, declared once with their defaults."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, TypedDict, TypeVar, cast, get_type_hints

import jax

from jax_logreg.errors.checks import check_dtype
from jax_logreg.errors.nearest import nearest
from jax_logreg.objective import Solver
from jax_logreg.problem.settings import check_settings

F = TypeVar("F", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """Options of a fit beside X, Y and the penalty: each its type and its default.

    `fit`, `fit_many`, `cross_validate`, `bootstrap` and `path` take them; `fit` describes them.
    """

    s: Annotated[Any, None]
    family: Annotated[str, "auto"]
    class_weight: Annotated[Any, None]
    fit_intercept: Annotated[bool, True]
    solver: Annotated[Solver | str, "auto"]
    steps: Annotated[int, 1000]
    tolerance: Annotated[float | str, "auto"]
    dtype: Annotated[str, "float32"]
    device: Annotated[str | jax.Device | None, None]
    devices: Annotated[int | str | Mapping[str, int | str] | None, None]


_TYPES = get_type_hints(Options)
_DEFAULTS = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Options, include_extras=True).items()
}


def complete(**given: Any) -> Options:
    """Return all options: those given, and the defaults of the rest."""
    return cast(Options, {**_DEFAULTS, **given})


def takes_options(f: F) -> F:
    """Give a function of `**options` all of them, and show them in its signature.

    Raises:
        TypeError: a keyword that the signature does not have.
    """
    own = inspect.signature(f)
    named = [part for part in own.parameters.values() if part.kind is not part.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_TYPES[name]
        )
        for name, default in _DEFAULTS.items()
    ]
    signature = own.replace(parameters=[*named, *options])

    @wraps(f)
    def call(*arguments: Any, **given: Any) -> Any:
        unknown = next((name for name in given if name not in signature.parameters), None)
        if unknown is not None:
            mend = nearest(unknown, signature.parameters)
            raise TypeError(f"{f.__name__}() got an unexpected keyword argument '{unknown}'{mend}")
        return f(*arguments, **{**_DEFAULTS, **given})

    call.__signature__ = signature  # type: ignore[attr-defined]
    return cast(F, call)


def checked(options: Options) -> Options:
    """Return the options with a dtype by its name, their numbers in range (else ValueError)."""
    check_settings(options["steps"], options["tolerance"], "off")
    valid = {"dtype": check_dtype(options["dtype"]), "steps": int(options["steps"])}
    return cast(Options, {**options, **valid})
