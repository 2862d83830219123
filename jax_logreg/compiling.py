"""How the programs of the loop are compiled."""

from functools import partial
from typing import Any

import jax
from jaxlib.version import __version__ as _jaxlib

# Of its two code generators for loops on a CPU, jaxlib 0.10's default takes twice as long to
# compile them, and what it makes is no faster. Later versions have but one.
_OPTIONS: dict[str, Any] | None = (
    {"xla_cpu_use_fusion_emitters": False}
    if tuple(map(int, _jaxlib.split(".")[:2])) < (0, 11)
    else None
)

# `jax.jit` of what nothing else traces: JAX takes options of the compiler nowhere deeper.
jit = partial(jax.jit, compiler_options=_OPTIONS)
