"""Properties that a solver may declare, and their defaults.

Flags of a class are False unless declared:

- `takes_l1`: it can take a penalty that has no gradient at 0.
- `descends`: its steps never raise the cost.
- `by_rate`: a rising cost means that its learning rate is too large.
- `needs_blocks`: it makes an update for each block of X.
- `needs_whole_features`: devices may not share the features.
- `one_pass`: a step reads X for the cost and its gradient alone.
- `in_numpy`: its code runs on NumPy arrays too.
- `many_in_numpy`: it runs on those of many models at once, `arrays.Batched`.
- `at_any_strength`: its state holds at another strength of the penalty.

The type that `init` returns declares the axes of examples and of features, which devices may
share: `placement/axes.py` says how.

Methods and properties, each optional:

- `check(many)` refuses numbers out of range.
- `entries(objective)` counts the numbers of its largest array.
- `arrays` counts the arrays of the size of the parameters that a model keeps.
- `share(objective, params)` computes the arrays that many models over one X share, and
  `sharing(shared)` is the solver that has them.
- `evaluated(objective, params, state)` is the evaluation at the parameters, None where a state of
  NumPy has none that they alone determine.
- `narrowed()` is the solver that starts a path of penalties.
- `widened(active, n)` is the solver that continues where the working set is full.
"""

from jax_logreg.logistic import Params
from jax_logreg.objective import Evaluation, Objective, Solver


def declares(solver: object, flag: str) -> bool:
    """Return a flag of a solver."""
    return bool(getattr(solver, flag, False))


def arrays_of(solver: object) -> int:
    """Return how many arrays of the size of the parameters a model of the solver keeps."""
    return int(getattr(solver, "arrays", 0))


def shared_by_models(solver: Solver, objective: Objective, params: Params) -> object:
    """Return the arrays that many models over one X share, or None."""
    return solver.share(objective, params) if hasattr(solver, "share") else None


def sharing(solver: Solver, shared: object) -> Solver:
    """Return the solver of models that share arrays, or the solver itself where they share none."""
    found: Solver = solver
    if shared is not None and hasattr(solver, "sharing"):
        found = solver.sharing(shared)
    return found


def narrowed(solver: Solver) -> Solver:
    """Return the solver that starts a path of penalties, with few features in the model."""
    found: Solver = solver.narrowed() if hasattr(solver, "narrowed") else solver
    return found


def widened(solver: object, active: int, n: int) -> Solver | None:
    """Return the solver for a model with `active` of n features, or None where it may stay."""
    return solver.widened(active, n) if hasattr(solver, "widened") else None


def evaluated(
    solver: object, objective: Objective, params: Params, state: object
) -> Evaluation | None:
    """Return the evaluation at the parameters that a state of NumPy holds, None without one."""
    if not hasattr(solver, "evaluated"):
        return None
    found: Evaluation | None = solver.evaluated(objective, params, state)
    return found
