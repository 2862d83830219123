"""Resampling: how far coefficients and predictions move with the examples drawn."""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.fit import fit
from jax_logreg.labels import encode
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, Family, Params, forward
from jax_logreg.matrix import place
from jax_logreg.penalty import Penalty
from jax_logreg.result import Result
from jax_logreg.sweep.many import fit_many
from jax_logreg.sweep.slots import Fits

# How often a resample without an example of some class is drawn again.
_DRAWS = 100


class Interval(NamedTuple):
    """The lower and the upper end of a percentile interval."""

    low: Any
    high: Any


class Bootstrap(NamedTuple):
    """The fit of all examples, the models of the resamples, and intervals: of the parameters, and
    of the probabilities (k, q) at the q examples asked for.
    """

    result: Result
    models: Fits
    params: Interval
    probabilities: Interval | None


def bootstrap(
    X: Any,
    Y: Any,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    at: Any = None,
    s: Any = None,
    family: str = "auto",
    penalty: Penalty | None = None,
    class_weight: Any = None,
    fit_intercept: bool = True,
    solver: Any = "auto",
    steps: int = 1000,
    tolerance: float = 1e-4,
    dtype: str = "float32",
    device: Any = None,
    memory: float = 1e9,
) -> Bootstrap:
    """Fit resamples of the m examples, drawn with replacement, and take percentiles (Efron, 1979).

    A resample is a row of integer weights, how often each example was drawn; it starts from the fit
    of all. One that lacks a class is drawn again.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        resamples: how many.
        seed: of the draws.
        confidence: of the intervals, which leave half of the rest at each end.
        at: (n, q) examples whose probabilities get intervals too.
        s: as in `fit`; a draw counts as much as the example weighs.
        family: as in `fit`.
        penalty: as in `fit`.
        class_weight: as in `fit`; "balanced" by what was drawn.
        fit_intercept: as in `fit`.
        solver: as in `fit`.
        steps: the largest number of updates of each model.
        tolerance: of each model.
        dtype: as in `fit`.
        device: as in `fit`.
        memory: as in `fit_many`.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or classes so rare that
            resamples hardly ever have them all.
    """
    if not isinstance(resamples, int | np.integer) or resamples < 1:
        raise InputError(f"resamples is {resamples!r}: expected an integer of at least 1")
    if not isinstance(confidence, int | float | np.number) or not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence!r}: expected a number between 0 and 1")
    settings = {
        "family": family,
        "penalty": penalty,
        "class_weight": class_weight,
        "fit_intercept": fit_intercept,
        "solver": solver,
        "steps": steps,
        "tolerance": tolerance,
        "dtype": dtype,
        "device": device,
    }
    result = fit(X, Y, s=s, **settings)
    n, m = X.shape
    labels, kind, _ = encode(Y, n, m, family)
    weights = np.ones(m) if s is None else np.asarray(s, float).ravel()
    rng, block = np.random.default_rng(seed), max(int(memory // (4 * m)), 1)
    settings["params"], settings["memory"] = result.params, memory
    parts = []
    for first in range(0, resamples, block):
        counts = [_draw(rng, labels, weights, kind) for _ in range(min(block, resamples - first))]
        # One row alone would be weights that all models share.
        rows = np.stack(counts if len(counts) > 1 else 2 * counts) * weights
        parts.append(fit_many(X, Y, s=rows, **settings))
    models = _joined(parts, resamples)
    A = None if at is None else _predict(models.params, at, kind, dtype)
    ends = (1 - confidence) / 2 * 100, (1 + confidence) / 2 * 100

    def interval(values: Any) -> Interval:
        both = jax.tree.map(lambda part: np.percentile(part, ends, axis=0), values)
        return Interval(*(jax.tree.map(lambda part, i=i: part[i], both) for i in range(2)))

    return Bootstrap(result, models, interval(models.params), None if A is None else interval(A))


def _draw(
    rng: np.random.Generator, Y: np.ndarray, weights: np.ndarray, family: Family
) -> np.ndarray:
    """How often each example is drawn, (m,), some of every class being among them."""
    m = Y.shape[1]
    classes = np.concatenate([Y, 1 - Y]) if family.independent else Y
    for _ in range(_DRAWS):
        counts = np.bincount(rng.integers(0, m, m), minlength=m)
        if np.all(classes @ (counts * weights) > 0):
            return counts
    raise InputError(
        f"of {_DRAWS} resamples none held every class, the rarest of which has "
        f"{int((classes @ (weights > 0)).min())} of {m} examples: leave it out, or merge it"
    )


def _joined(parts: list[Fits], models: int) -> Fits:
    params, certificate = (
        jax.tree.map(lambda *a: np.concatenate(a)[:models], *(getattr(p, name) for p in parts))
        for name in ("params", "certificate")
    )
    steps = np.concatenate([part.steps for part in parts])[:models]
    status = sum((part.status for part in parts), ())[:models]
    notes = sum((part.notes for part in parts), ())[:models]
    return Fits(params, certificate, status, steps, parts[0].classes, parts[0].solver, notes)


def _predict(params: Params, at: Any, family: Family, dtype: str) -> np.ndarray:
    """The probabilities (r, k, q) of the examples by each model."""
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(_FORWARD[family.name](params, place(at, dtype)))


_FORWARD = {
    family.name: jax.jit(jax.vmap(partial(forward, family=family), in_axes=(0, None)))
    for family in (BINOMIAL, MULTINOMIAL)
}
