"""The check of shapes at run time, and the modules that have it: `conftest.py` installs it."""

from contextlib import contextmanager

import jax
import numpy as np
from beartype import beartype
from jaxtyping import config, install_import_hook

# Modules where arrays meet. Those at the border take what users give, and refuse it themselves.
MODULES = (
    "jax_logreg.logistic",
    "jax_logreg.objective",
    "jax_logreg.penalty",
    "jax_logreg.solver",
    "jax_logreg.matrix",
    "jax_logreg.proof",
    "jax_logreg.placement",
    "jax_logreg.problem",
    "jax_logreg.predictions",
    "jax_logreg.result",
    "jax_logreg.loop.body",
)


def check(function):
    """Check the arguments of a function, and what it returns, that have shapes.

    Inner functions are left alone: every trace makes them again, and a check is compiled.
    """
    shaped = {name: hint for name, hint in function.__annotations__.items() if _has_shape(hint)}
    inner = "<locals>" in function.__qualname__
    # A pytree is put together of what stands where its arrays do too.
    if inner or not shaped or function.__name__ == "__init__":
        return function
    function.__annotations__ = shaped
    return beartype(function)


def _has_shape(hint):
    return "jaxtyping." in repr(hint)


def install():
    """Check the modules that are imported from now on."""
    install_import_hook(MODULES, "shapes_checked.check")
    _check_numpy_as_seldom_as_traces()


def _check_numpy_as_seldom_as_traces():
    """Check what NumPy computes once for arguments of the same shapes: a trace is checked once too.

    The checks of a step take ten times as long as the step.
    """
    from jax_logreg._jax import compiling
    from jax_logreg.arrays import control

    in_numpy, seen, at_once = compiling._in_numpy, set(), control._at_once

    def checked_once(f, *arguments, **named):
        leaves, kind = jax.tree.flatten((arguments, named))
        shapes = tuple((np.shape(leaf), getattr(leaf, "dtype", None)) for leaf in leaves)
        signature = (f, kind, shapes)
        if signature in seen:
            with _unchecked():
                return in_numpy(f, *arguments, **named)
        found = in_numpy(f, *arguments, **named)
        seen.add(signature)
        return found

    def unchecked(*arguments):
        # The arrays of many models are no arrays to the checker, which sees the text of one.
        with _unchecked():
            return at_once(*arguments)

    compiling._in_numpy, control._at_once = checked_once, unchecked


@contextmanager
def _unchecked():
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", before)
