"""The compilation of the programs of a loop.

Of the code generators for a CPU: https://github.com/jax-ml/jax/issues/26145
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from jaxlib.version import __version__ as _jaxlib

from jax_logreg._jax.programs import program
from jax_logreg.arrays import all_numpy, is_numpy

_F = TypeVar("_F", bound=Callable[..., object])
# jaxlib 0.10 has two code generators for loops on a CPU, later versions one. The default takes
# twice as long to compile a loop: three seconds more for several outputs. Its code was faster by a
# tenth for 10 classes of 20,000 x 64, and no faster for one output or for 50 classes.
_QUICK: dict[str, object] | None = (
    {"xla_cpu_use_fusion_emitters": False}
    if tuple(map(int, _jaxlib.split(".")[:2])) < (0, 11)
    else None
)


def hurried() -> dict[str, object]:
    """Return the options of a program that runs too rarely to be worth optimising."""
    return {
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
        **(_QUICK or {}),
    }


def jit(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function whose first argument is a loop; no other function may trace it.

    JAX takes options of the compiler at the outermost level only.
    """
    of_jax = program(f, compiler_options=_QUICK, **options)

    @wraps(of_jax)
    def call(loop: Any, *rest: object, **named: object) -> object:
        if is_numpy(loop.objective.batch.s):
            return _in_numpy(f, loop, *rest, **named)
        return of_jax(loop, *rest, **named)

    return call


def compiled(f: _F, first_static: tuple[str, ...] = ()) -> _F:
    """Compile a function, but call it directly where all of its arguments are NumPy's.

    The first arguments may be static, by their names.
    """
    of_jax = program(f, static_argnames=first_static)

    @wraps(of_jax)
    def call(*arguments: object) -> object:
        numpy = all_numpy(arguments[len(first_static) :])
        return _in_numpy(f, *arguments) if numpy else of_jax(*arguments)

    return cast(_F, call)


def _in_numpy(f: Callable[..., object], *arguments: object, **named: object) -> object:
    """Call f with NumPy as silent as XLA about overflow and numbers that are not finite."""
    with np.errstate(all="ignore"):
        return f(*arguments, **named)
