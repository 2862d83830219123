"""One CPU device a core, for the runs that are faster so: experiments/one_pass.py."""

import jax
import numpy as np

from jax_logreg.cli.arguments import FitArguments
from jax_logreg.matrix import Matrix, compress, in_numpy
from jax_logreg.placement.memory import machine_memory
from jax_logreg.problem.arguments import default_platform
from jax_logreg.solver.declared import declares

# Bytes of X above which a step mostly reads it: several times the size of caches.
_LARGE = 2**27
# Steps that gain more time than it takes to make the blocks.
_MANY = 500


def spread_out(
    X: np.ndarray | Matrix, arguments: FitArguments
) -> tuple[np.ndarray | Matrix, FitArguments]:
    """Return X and the arguments of `fit`: in blocks over all cores, where steps are faster so.

    A step then reads a dense X (n, m) once, each core its own blocks. To make them takes the time
    that some hundred steps gain.
    """
    device = arguments["device"] or default_platform()
    faster = (
        device == "cpu"
        and arguments["devices"] is None
        and len(jax.local_devices(backend="cpu")) > 1
        and declares(arguments["solver"], "one_pass")
        and arguments["steps"] >= _MANY
        and in_numpy(X)
        and X.dtype == np.float32
        # Blocks are a copy, and each core's part another for a moment.
        and _LARGE <= X.nbytes <= machine_memory() / 4
    )
    if not faster:
        return X, arguments
    return compress(X, "float32"), {**arguments, "devices": "all"}
