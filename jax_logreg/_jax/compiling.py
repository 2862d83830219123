"""The compilation of the programs of a loop.

Of the code generators for a CPU: https://github.com/jax-ml/jax/issues/26145
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax
from jaxlib.version import __version__ as _jaxlib

# Of its two code generators for loops on a CPU, jaxlib 0.10's default takes twice as long to
# compile them. Its code is no faster except for several outputs, whose softmax takes a tenth
# less. Later versions have but one.
_QUICK: dict[str, object] | None = (
    {"xla_cpu_use_fusion_emitters": False}
    if tuple(map(int, _jaxlib.split(".")[:2])) < (0, 11)
    else None
)


def jit(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function that starts with a loop, which nothing else traces.

    JAX takes options of the compiler nowhere deeper.
    """
    usual = jax.jit(f, **options)
    quick = jax.jit(f, compiler_options=_QUICK, **options)

    @wraps(usual)
    def call(loop: Any, *rest: object, **named: object) -> object:
        hurried = jax.config.read("jax_disable_most_optimizations")
        one = loop.objective.batch.Y.shape[0] == 1
        return (quick if one or hurried else usual)(loop, *rest, **named)

    return call
