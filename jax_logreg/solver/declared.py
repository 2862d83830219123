"""Properties that a solver may declare, and what holds where it says nothing.

Flags of a class are False unless declared:

- `takes_l1`: it can take a penalty that has no gradient at 0.
- `descends`: its steps never raise the cost.
- `by_rate`: a cost that rises is the fault of its learning rate.
- `needs_blocks`: it makes an update of each block of X.
- `needs_whole_features`: no devices may share the features.
- `one_pass`: a step reads X for the cost and its gradient alone.
- `in_numpy`: its text runs on NumPy's arrays too.
- `at_any_strength`: its state holds at another strength of the penalty.

The type that `init` returns declares which axes lie with the examples, or with the features, where
devices share these: `placement/axes.py` says how.

Methods and properties, each optional:

- `check(many)` refuses numbers out of range.
- `entries(objective)` counts the numbers of its largest array, `arrays` the arrays of the size of
  the parameters that a model keeps.
- `share(objective, params)` computes what many models over one X share; `sharing(shared)` is the
  solver that has it.
- `narrowed()` starts a path of penalties; `widened(active, n)` continues where it is full.
"""

from typing import Any

from jax_logreg.logistic import Params
from jax_logreg.objective import Objective, Solver


def declares(solver: object, flag: str) -> bool:
    """Return a flag of a solver."""
    return bool(getattr(solver, flag, False))


def arrays_of(solver: object) -> int:
    """Return how many arrays of the size of the parameters a model of the solver keeps."""
    return int(getattr(solver, "arrays", 0))


def shared_by_models(solver: Any, objective: Objective, params: Params) -> Any:
    """Return the arrays that many models over one X share, or None."""
    return solver.share(objective, params) if hasattr(solver, "share") else None


def sharing(solver: Any, shared: Any) -> Solver:
    """Return the solver of models that share something; the same where they share nothing."""
    found: Solver = solver if shared is None else solver.sharing(shared)
    return found


def narrowed(solver: Any) -> Solver:
    """Return the solver that starts a path of penalties, where few features are in the model."""
    found: Solver = solver.narrowed() if hasattr(solver, "narrowed") else solver
    return found


def widened(solver: object, active: int, n: int) -> Solver | None:
    """Return the solver for a model of so many active features of n, None where it may stay."""
    return solver.widened(active, n) if hasattr(solver, "widened") else None
