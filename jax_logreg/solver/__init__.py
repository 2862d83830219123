"""Solvers, one method a file."""

from typing import TypeGuard

import jax
import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_choice, read_array
from jax_logreg.matrix import one_by_one
from jax_logreg.objective import Objective, Solver
from jax_logreg.placement.devices import by_feature
from jax_logreg.placement.memory import check_room
from jax_logreg.solver.declared import declares
from jax_logreg.solver.from_optax import Optax
from jax_logreg.solver.gradient_descent import GradientDescent
from jax_logreg.solver.lbfgs import LBFGS
from jax_logreg.solver.minibatch import MiniBatch
from jax_logreg.solver.newton import Newton
from jax_logreg.solver.proximal import Proximal

__all__ = [
    "LBFGS",
    "GradientDescent",
    "MiniBatch",
    "Newton",
    "Optax",
    "Proximal",
    "check_solver",
    "choose_solver",
]

_BY_NAME = {"newton": Newton, "lbfgs": LBFGS, "proximal": Proximal}
_VERBS = ("init", "evaluate", "step")
# Newton's Hessian has (n·k)² entries, each a sum of m terms.
_LARGEST_NEWTON = 64


def choose_solver(solver: object, objective: Objective, many: bool = False) -> tuple[Solver, str]:
    """The solver, and a text with its name and the reason; many models may each have its numbers.

    Raises:
        InputError: no solver, or one that cannot take the penalty, X or devices.
    """
    if isinstance(solver, str) and solver == "auto":
        return _pick_for_many(objective) if many else _pick(objective)
    if isinstance(solver, str) and solver in _BY_NAME:
        solver = _BY_NAME[solver]()
    solver = check_solver(solver)
    name = type(solver).__name__
    if not objective.smooth and not declares(solver, "takes_l1"):
        raise InputError(
            f"solver {name} cannot take the penalty {type(objective.penalty).__name__}, whose |w| "
            "has no gradient at 0: expected Proximal() or 'auto', or the penalty L2(strength)"
        )
    if declares(solver, "needs_blocks") and not one_by_one(objective.batch.X):
        raise InputError(
            f"solver {name} makes an update for each block of X, but X does not come in blocks on "
            "one device: expected jax_logreg.matrix.compress(X, 'float32'), or a stream"
        )
    if declares(solver, "needs_whole_features") and by_feature(objective.batch.s):
        raise InputError(
            f"solver {name} makes a Hessian of all features, but devices share them: expected "
            "LBFGS() or 'auto', or devices=N, which share the examples"
        )
    _check_numbers(name, solver, objective, many)
    return solver, f"{name}, as asked"


def executor_for(solver: object, executor: object) -> str:
    """The executor that the user named, or "xla" where the solver leaves no choice.

    Raises:
        InputError: no executor, or NumPy for a solver that XLA alone computes.
    """
    check_choice("executor", executor, ("auto", "numpy", "xla"))
    kind = _BY_NAME.get(solver) if isinstance(solver, str) else solver
    if kind is None or declares(kind, "in_numpy"):
        return str(executor)
    if executor == "numpy":
        able = [f"{one.__name__}()" for one in _BY_NAME.values() if declares(one, "in_numpy")]
        raise InputError(
            f"executor is 'numpy', but the solver is {brief(solver)}: expected 'auto' or 'xla', or "
            f"the solver 'auto' or {' or '.join(able)}"
        )
    return "xla"


def check_solver(solver: object) -> Solver:
    """The solver; a value that is no solver is an InputError."""
    if not _is_solver(solver):
        raise InputError(_no_solver(solver))
    return solver


def _is_solver(solver: object) -> TypeGuard[Solver]:
    return not isinstance(solver, type) and all(hasattr(solver, verb) for verb in _VERBS)


def _check_numbers(name: str, solver: Solver, objective: Objective, many: bool) -> None:
    """Refuse bad numbers of a solver, and a state that does not fit into memory (InputError)."""
    if hasattr(solver, "check"):
        solver.check(many)
    for path, number in jax.tree_util.tree_leaves_with_path(solver):
        of_solver = f"{name}{jax.tree_util.keystr(path)}"
        array = read_array(of_solver, number)
        if array.dtype.kind not in "biuf" or not np.all(np.isfinite(array)):
            raise InputError(
                f"{of_solver} is {brief(number)}: expected a finite number, or one for each model "
                "of a sweep"
            )
    if hasattr(solver, "entries"):
        itemsize = objective.batch.s.dtype.itemsize
        check_room(f"solver {name}", itemsize * solver.entries(objective))


def _pick(objective: Objective) -> tuple[Solver, str]:
    n, k = objective.batch.X.shape[0], objective.batch.Y.shape[0]
    if not objective.smooth:
        return Proximal(), f"Proximal: {type(objective.penalty).__name__} is not smooth at 0"
    if (n + 1) * k <= _LARGEST_NEWTON and not by_feature(objective.batch.s):
        return Newton(), f"Newton: {(n + 1) * k} parameters make a small Hessian"
    return LBFGS(), f"LBFGS: {(n + 1) * k} parameters and a smooth cost"


def _pick_for_many(objective: Objective) -> tuple[Solver, str]:
    """The solver of which many models share the work."""
    if not objective.smooth:
        return _pick(objective)
    return LBFGS(), "LBFGS: many models and a smooth cost, which share a preconditioner"


def _no_solver(solver: object) -> str:
    mend = "expected 'auto', 'newton', 'lbfgs', 'proximal', GradientDescent(learning_rate) "
    mend += "or Optax(transformation)"
    if hasattr(solver, "init") and hasattr(solver, "update"):
        mend = "an optax transformation goes into Optax(...): solver=Optax(optax.adam(0.01))"
    return f"solver is {brief(solver)}: {mend}"
