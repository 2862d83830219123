"""The analytic gradients against `jax.grad` of the cost."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.compiling import hurried
from jax_logreg._jax.forking import check_process
from jax_logreg._jax.programs import program
from jax_logreg.arrays import all_numpy
from jax_logreg.arrays import xp as jnp
from jax_logreg.display import displayed
from jax_logreg.errors import InputError, brief
from jax_logreg.logistic import BINOMIAL, Batch, Family, Params, backprop, cost
from jax_logreg.matrix import magnitude


@displayed
class GradientCheck(NamedTuple):
    """The differences between `backprop` and `jax.grad(cost)` at one point.

    The relative error of an entry dw[i, k] is |analytic − automatic| / (Σ s·|X_i| / Σ s). This mean
    bounds the entry, as |A − Y| ≤ 1. So the size of the summed terms is the measure also at an
    optimum, where the gradient vanishes. For db the mean is 1. `row` and `column` are of the entry
    with the largest relative error; row −1 stands for db.
    """

    max_absolute_error: Array
    max_relative_error: Array
    passed: Array
    tolerance: Array
    row: Array
    column: Array
    analytic: Array
    automatic: Array

    @property
    def worst(self) -> str:
        """The entry with the largest relative error, as `dw[row, column]` or `db[column, 0]`."""
        row, column = int(self.row), int(self.column)
        return f"db[{column}, 0]" if row < 0 else f"dw[{row}, {column}]"


def relative_tolerance(dtype: object, m: int) -> float:
    """The relative error that rounding alone may leave: 8·eps·√m, for sums of m terms.

    Rounding errors of a sum behave like a random walk, so its error grows with √m rather than m
    (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019); 8 covers the few operations on each term.
    """
    return 8 * float(jnp.finfo(dtype).eps) * m**0.5


def check_gradients(params: Params, batch: Batch, family: Family = BINOMIAL) -> GradientCheck:
    """Compare `backprop` with `jax.grad(cost)` entry by entry, in the dtype of the parameters.

    Args:
        params: w (n, k) and b (k, 1).
        batch: X (n, m), Y (k, m) of 0 and 1, s (1, m).
        family: BINOMIAL or MULTINOMIAL.

    Raises:
        InputError: arguments of another kind, or of shapes that do not fit.
    """
    check_problem(params, batch, family)
    if all_numpy((params, batch)):
        with np.errstate(all="ignore"):
            return compare(params, batch, magnitude(batch.X, batch.s), family)
    return _check(params, batch, family)


def check_problem(params: Params, batch: Batch, family: Family) -> None:
    """Refuse parameters, a batch or a family of another kind or shape (InputError)."""
    if not isinstance(family, Family):
        raise InputError(f"family is {brief(family)}: expected BINOMIAL or MULTINOMIAL")
    for name, tree, parts in (("params", params, "w, b"), ("batch", batch, "X, Y, s")):
        names = parts.split(", ")
        whole = isinstance(tree, tuple) and len(tree) == len(names)
        if not whole or not all(len(getattr(part, "shape", ())) == 2 for part in tree):
            raise InputError(
                f"{name} is {brief(tree)}: expected {name.title()}({parts}) of arrays with two axes"
            )
    (n, k), (_, m) = params[0].shape, batch[0].shape
    expected = {"b": (k, 1), "X": (n, m), "Y": (k, m), "s": (1, m)}
    for (name, shape), part in zip(expected.items(), (params[1], *batch), strict=True):
        if tuple(part.shape) != shape:
            raise InputError(
                f"{name} has shape {tuple(part.shape)}: expected {shape}, with w of ({n}, {k}) and "
                f"X of {m} examples"
            )


@partial(program, static_argnames="family")
def _check(params: Params, batch: Batch, family: Family) -> GradientCheck:
    return compare(params, batch, magnitude(batch.X, batch.s), family)


def automatic_gradient(params: Params, batch: Batch, family: Family) -> Params:
    """`jax.grad` of the cost; NumPy arrays go through a program of their own."""
    if not all_numpy((params, batch)):
        return jax.grad(cost)(params, batch, family=family)
    check_process()
    with jax.enable_x64(params.w.dtype == np.float64):
        found = jax.device_get(_automatic(params, batch, family))
    return Params(*found)


@partial(program, static_argnames="family", compiler_options=hurried())
def _automatic(params: Params, batch: Batch, family: Family) -> Params:
    return jax.grad(cost)(params, batch, family=family)


def compare(params: Params, batch: Batch, scale: Array, family: Family) -> GradientCheck:
    """`check_gradients`, given the scale of the features (n, 1), so that it is computed once."""
    _, analytic = backprop(params, batch, family=family)
    automatic = automatic_gradient(params, batch, family)
    # One column per output, db first.
    a, g = (jnp.concatenate([p.b.T, p.w]) for p in (analytic, automatic))
    scale = jnp.concatenate([jnp.ones_like(scale, shape=(1, 1)), scale])
    absolute = jnp.abs(a - g)
    relative = jnp.where(absolute == 0, 0, absolute / scale)
    worst = jnp.unravel_index(jnp.argmax(relative), relative.shape)
    tolerance = relative_tolerance(relative.dtype, batch.s.size)
    return GradientCheck(
        max_absolute_error=jnp.max(absolute),
        max_relative_error=relative[worst],
        passed=relative[worst] <= tolerance,
        tolerance=jnp.asarray(tolerance, relative.dtype),
        row=worst[0].astype(np.int32) - 1,
        column=worst[1].astype(np.int32),
        analytic=a[worst],
        automatic=g[worst],
    )
