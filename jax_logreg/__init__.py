"""Logistic regression in JAX: the lecture's gradients, checked against jax.grad, in one scan."""

from jax_logreg.fit import fit, solve
from jax_logreg.logistic import Batch, Params, backprop, cost, train_step
from jax_logreg.loop.progress import Progress
from jax_logreg.penalty import L1, L2, ElasticNet
from jax_logreg.predictions import forward
from jax_logreg.proof.gradient_check import GradientCheck, check_gradients
from jax_logreg.result import History, Result
from jax_logreg.solver import LBFGS, GradientDescent, MiniBatch, Newton, Optax, Proximal
from jax_logreg.status import Status

__version__ = "0.1.0"

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
