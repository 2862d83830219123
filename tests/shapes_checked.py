"""The check of shapes at run time, and the modules that have it: `conftest.py` installs it."""

from beartype import beartype
from jaxtyping import install_import_hook

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
