"""Options of every function that fits, declared once with their defaults."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import (
    Annotated,
    NamedTuple,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    get_args,
    get_type_hints,
)

import jax

from jax_logreg.errors.checks import check_dtype
from jax_logreg.errors.nearest import nearest
from jax_logreg.objective import Solver
from jax_logreg.problem.settings import check_settings

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T", bound="Options")


class Option(NamedTuple):
    """The default of an option, and its description in a config.

    The description is None where a config has no such key: its data, its solver and its place have
    tables of their own.
    """

    default: object
    description: str | None = None


class Options(TypedDict, total=False):
    """Options of a fit beside X, Y and the penalty, each with its type.

    `fit`, `fit_many`, `cross_validate`, `bootstrap` and `path` take them; `fit` describes them.
    """

    s: Annotated[object, Option(None)]
    family: Annotated[
        str, Option("auto", "By default binomial for two classes and multinomial for more.")
    ]
    class_weight: Annotated[
        object,
        Option(
            None,
            "A table class -> factor of its examples' weights, by default 1; 'balanced' "
            "gives every class the same sum.",
        ),
    ]
    fit_intercept: Annotated[bool, Option(True, "Whether b is learnt; false leaves it at 0.")]
    solver: Annotated[Solver | str, Option("auto")]
    steps: Annotated[int, Option(1000, "The largest number of updates.")]
    tolerance: Annotated[
        float | str,
        Option(
            "auto",
            "'auto' stops where the error is at most 0.01 standard errors. A number bounds the "
            "relative duality gap, or the largest absolute gradient entry where a feature is "
            "unpenalised. 0 never stops.",
        ),
    ]
    dtype: Annotated[str, Option("float32", "The precision of all that is computed.")]
    device: Annotated[
        str | jax.Device | None,
        Option(None, "Where to compute; by default where JAX puts new arrays."),
    ]
    devices: Annotated[
        int | str | Mapping[str, int | str] | None,
        Option(
            None,
            "How many devices of that kind share the examples, or as {features = N} the features; "
            "by default one.",
        ),
    ]
    executor: Annotated[
        str,
        Option(
            "auto",
            "'numpy' computes at once, 'xla' compiles first; 'auto' takes the one that is through "
            "sooner.",
        ),
    ]


class FitOptions(Options, total=False):
    """Options of a single fit: also those of its check and of its precision."""

    gradient_check: Annotated[
        str | int, Option("ends", "Check every step, the ends, never, or every N steps.")
    ]
    refine: Annotated[
        bool, Option(False, "Finish a float32 answer in float64, to a tolerance of 1e-10.")
    ]
    sharpen: Annotated[
        bool,
        Option(
            False,
            "Take further steps in float64, so that the gap is within 10 times of the true "
            "distance from the optimal cost. The answer stays.",
        ),
    ]


@cache
def declared(options: type[object] = FitOptions) -> dict[str, Option]:
    """Return the declarations of options by name."""
    hints = get_type_hints(options, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def complete(**given: Unpack[Options]) -> Options:
    """Return all options of every fit: those given, and the defaults of the others."""
    defaults = {name: option.default for name, option in declared(Options).items()}
    return cast(Options, {**defaults, **given})


def takes_options(f: F) -> F:
    """Return a function of `**options: Unpack[...]` that fills in defaults and lists all options.

    Raises:
        TypeError: a keyword that the signature does not have.
    """
    own = inspect.signature(f)
    named = [part for part in own.parameters.values() if part.kind is not part.VAR_KEYWORD]
    (kind,) = get_args(f.__annotations__["options"])
    types, defaults = get_type_hints(kind), {n: one.default for n, one in declared(kind).items()}
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[name]
        )
        for name, default in defaults.items()
    ]
    signature = own.replace(parameters=[*named, *options])

    @wraps(f)
    def call(*arguments: object, **given: object) -> object:
        unknown = next((name for name in given if name not in signature.parameters), None)
        if unknown is not None:
            mend = nearest(unknown, signature.parameters)
            raise TypeError(f"{f.__name__}() got an unexpected keyword argument '{unknown}'{mend}")
        return f(*arguments, **{**defaults, **given})

    call.__signature__ = signature  # type: ignore[attr-defined]
    return cast(F, call)


def checked(options: T) -> T:
    """Return the options with the name of their dtype; a number out of range is a ValueError."""
    check_settings(options["steps"], options["tolerance"], "off")
    valid = {"dtype": check_dtype(options["dtype"]), "steps": int(options["steps"])}
    return cast(T, {**options, **valid})
