"""Logistic regression in JAX: the lecture's gradients, checked against jax.grad, in one scan."""

import time
from importlib import import_module
from typing import TYPE_CHECKING

from jax_logreg._jax.collecting import uncollected

if TYPE_CHECKING:
    from jax_logreg.fitting import fit, solve
    from jax_logreg.logistic import Batch, Params, backprop, cost, train_step
    from jax_logreg.loop.progress import Progress
    from jax_logreg.penalty import L1, L2, ElasticNet
    from jax_logreg.predictions import forward
    from jax_logreg.proof.gradient_check import GradientCheck, check_gradients
    from jax_logreg.result import History, Result
    from jax_logreg.solver import LBFGS, GradientDescent, MiniBatch, Newton, Optax, Proximal
    from jax_logreg.status import Status

__version__ = "0.1.0"
# Modules are those of this time, whatever is written later.
_imported = time.time()

# The module of each name. It is imported when the name is first used: JAX alone takes most of a
# second, which `jax-logreg --help` spares.
_MODULES = {
    "L1": "penalty",
    "L2": "penalty",
    "LBFGS": "solver",
    "Batch": "logistic",
    "ElasticNet": "penalty",
    "GradientCheck": "proof.gradient_check",
    "GradientDescent": "solver",
    "History": "result",
    "MiniBatch": "solver",
    "Newton": "solver",
    "Optax": "solver",
    "Params": "logistic",
    "Progress": "loop.progress",
    "Proximal": "solver",
    "Result": "result",
    "Status": "status",
    "backprop": "logistic",
    "check_gradients": "proof.gradient_check",
    "cost": "logistic",
    "fit": "fitting",
    "forward": "predictions",
    "solve": "fitting",
    "train_step": "logistic",
}

__all__ = [
    "L1",
    "L2",
    "LBFGS",
    "Batch",
    "ElasticNet",
    "GradientCheck",
    "GradientDescent",
    "History",
    "MiniBatch",
    "Newton",
    "Optax",
    "Params",
    "Progress",
    "Proximal",
    "Result",
    "Status",
    "backprop",
    "check_gradients",
    "cost",
    "fit",
    "forward",
    "solve",
    "train_step",
]


def __getattr__(name: str) -> object:
    """Return a public name, and keep it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
