"""The arrays that differ between the models of a sweep, along a leading axis."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.compiling import compiled
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import read_array
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import Standardised
from jax_logreg.objective import Objective
from jax_logreg.problem.prepare import Problem
from jax_logreg.problem.weights import weigh, weigh_each
from jax_logreg.shapes import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The mean and the scale of the features, each (r, n, 1) of r rows or (n, 1) of one.
Scaling = tuple[Array, Array]


class Stack(NamedTuple):
    """The arrays of each model i; None, or empty, where all have the loop's.

    Its weights are rows[row[i]] of rows (r, m). Its features are (X − mean) / scale, both of number
    row[i] in `scaling`, each (r, n, 1). `penalty` holds fields (models,) by name, and `solver`
    numbers (models,) by their place among its leaves.
    """

    rows: Array | None
    row: NDArray
    penalty: Mapping[str, NDArray]
    solver: dict[int, Array]
    scaling: Scaling | None = None

    def take(self, index: NDArray) -> "Stack":
        """Return the models of an index, the weights of each as its own."""
        row = self.row[index]
        return Stack(
            None if self.rows is None else self.rows[row][:, None],
            row,
            {name: values[index] for name, values in self.penalty.items()},
            {place: values[index] for place, values in self.solver.items()},
            None if self.scaling is None else scaling_of(self.scaling, row),
        )

    def one(self, i: int) -> "Stack":
        """Return model i alone, without the axis."""
        return _one(self, np.array([i], np.int32))


@compiled
def _one(stack: Stack, index: NDArray) -> Stack:
    own: Stack = jax.tree.map(lambda part: part[0], stack.take(index))
    return own


def model_loop(loop: Loop, own: Stack) -> Loop:
    """Return the loop of one model: what all share, with its own arrays."""
    objective, solver = loop.objective, loop.solver
    if own.rows is not None:
        objective = objective.on(objective.batch._replace(s=own.rows))
    objective = with_scaling(objective, own.scaling)
    if own.penalty:
        assert objective.penalty is not None
        objective = replace(objective, penalty=replace(objective.penalty, **own.penalty))
    if own.solver:
        leaves, kind = jax.tree.flatten(solver)
        leaves = [own.solver.get(i, leaf) for i, leaf in enumerate(leaves)]
        solver = jax.tree.unflatten(kind, leaves)
    return loop._replace(objective=objective, solver=solver)


def with_scaling(objective: Objective, scaling: Scaling | None) -> Objective:
    """Return the objective of X less the mean (n, 1), over the scale, if there is a scaling."""
    if scaling is None:
        return objective
    batch = objective.batch
    return objective.on(batch._replace(X=Standardised(batch.X, *scaling)))


def scaling_of(scaling: Scaling, row: object) -> Scaling:
    """Return the mean and the scale of a row by its number, or of several rows."""
    mean, scale = scaling
    return mean[row], scale[row]


class Axes(NamedTuple):
    """The arguments of a sweep taken apart: number of models, their own arrays, shared ones."""

    models: int
    s: np.ndarray | None  # (models, m), before class weights
    penalty: dict[str, np.ndarray]
    solver: dict[int, np.ndarray]
    params: tuple[object, object] | None
    shared_s: np.ndarray | None
    shared_penalty: object
    shared_params: object


def find_axes(s: object, penalty: object, solver: object, params: object) -> Axes:
    """Return which arguments have a leading axis of models, and its length, 1 if none does.

    Raises:
        ValueError: two of different length.
    """
    found: dict[str, int] = {}
    rows, shared_s = None, None if s is None else read_array("s", s)
    if shared_s is not None and shared_s.ndim == 2 and len(shared_s) > 1:
        rows, shared_s = shared_s, None
        found["s"] = len(rows)
    own: dict[str, np.ndarray] = {}
    if is_dataclass(penalty) and not isinstance(penalty, type):
        for field in fields(penalty):
            name = f"{type(penalty).__name__}.{field.name}"
            values = read_array(name, getattr(penalty, field.name))
            if field.name != "factors" and values.ndim == 1:
                own[field.name] = values
                found[name] = len(values)
        penalty = _first_valid(penalty, own)
    numbers = _numbers(solver)
    found |= {f"number {i} of the solver": len(values) for i, values in numbers.items()}
    starts = None
    if (
        isinstance(params, tuple)
        and len(params) == 2
        and read_array("params.w", params[0]).ndim == 3
    ):
        starts, params = params, None
        found["params"] = len(starts[0])
    if len(set(found.values())) > 1:
        counts = ", ".join(f"{name} is of {count} models" for name, count in found.items())
        raise InputError(f"{counts}: expected as many of each, one for each model")
    models = max(found.values(), default=1)
    if models == 0:
        raise InputError(f"{next(iter(found))} is empty: expected one for each model")
    return Axes(models, rows, own, numbers, starts, shared_s, penalty, params)


def _first_valid(penalty: "DataclassInstance", own: dict[str, np.ndarray]) -> object:
    """Return the penalty with one number in place of many: one out of range, if there is any."""
    shown = {}
    for name, values in own.items():
        highest = 1 if name == "l1_ratio" else np.inf
        number = values.dtype.kind in "iuf"
        wrong = (
            values[~(np.isfinite(values) & (values >= 0) & (values <= highest))] if number else ()
        )
        shown[name] = next(iter(wrong), values[0] if values.size else 0.0)
    return replace(penalty, **shown)


def _numbers(solver: object) -> dict[int, np.ndarray]:
    if isinstance(solver, str | type):
        return {}
    # Anything but a solver is refused where one is chosen.
    leaves = jax.tree.leaves(solver) if is_dataclass(solver) else []
    arrays = (read_array("a number of the solver", leaf) for leaf in leaves)
    return {i: array for i, array in enumerate(arrays) if array.ndim == 1}


def weigh_rows(rows: np.ndarray, class_weight: object, problem: Problem) -> np.ndarray:
    """Return the weights of each model, checked, and multiplied by those of its classes.

    Raises:
        ValueError: as for one model, with the row's number.
    """
    rows = np.asarray(rows)
    given = (class_weight, problem.labels, problem.objective.family, problem.classes)
    valid = rows.dtype.kind in "biuf" and bool(np.all(np.isfinite(rows) & (rows >= 0)))
    if valid and np.all(np.any(rows > 0, axis=1)):
        with suppress(InputError):
            return weigh_each(rows.astype(np.float64), *given)
    for i, row in enumerate(rows):
        try:
            weigh(row, *given)
        except InputError as error:
            raise InputError(f"s[{i}] of {len(rows)} models: {error}") from None
    raise AssertionError("one of the rows must have been refused")
