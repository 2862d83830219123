"""Logistic regression in JAX: the lecture's gradients, checked against jax.grad, in one scan."""

from jax_logreg.fit import Progress, fit, solve
from jax_logreg.gradient_check import GradientCheck, check_gradients
from jax_logreg.logistic import Batch, Params, backprop, cost, forward, train_step
from jax_logreg.result import History, Result
from jax_logreg.solver import GradientDescent, Optax
from jax_logreg.status import Status

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "GradientCheck",
    "GradientDescent",
    "History",
    "Optax",
    "Params",
    "Progress",
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
