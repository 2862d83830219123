"""Solvers, one method a file."""

from typing import Any

from jax_logreg.arguments import brief
from jax_logreg.errors import InputError
from jax_logreg.objective import Solver
from jax_logreg.solver.gradient_descent import GradientDescent
from jax_logreg.solver.optax import LBFGS, Optax

__all__ = ["GradientDescent", "Optax", "check_solver"]


def check_solver(solver: Any) -> Solver:
    """The solver, "auto" being L-BFGS; what has no `init` and `step` is a ValueError."""
    if isinstance(solver, str) and solver == "auto":
        return LBFGS
    if hasattr(solver, "init") and hasattr(solver, "step") and not isinstance(solver, type):
        return solver
    mend = "expected 'auto', GradientDescent(learning_rate) or Optax(transformation)"
    if hasattr(solver, "init") and hasattr(solver, "update"):
        mend = "an optax transformation goes into Optax(...): solver=Optax(optax.adam(0.01))"
    raise InputError(f"solver is {brief(solver)}: {mend}")
