"""Resampling: how far coefficients and predictions move with the examples drawn."""

from collections.abc import Iterator
from functools import partial
from typing import Generic, NamedTuple, Unpack

import jax
import numpy as np

from jax_logreg._jax.programs import program
from jax_logreg.arrays import of_kind
from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.protocol import Checkpointer, check_checkpoint
from jax_logreg.display import displayed, dtype_and_shape
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import check_integer, check_number, read_array
from jax_logreg.fitting import fit
from jax_logreg.logistic import Family, Params, forward
from jax_logreg.matrix import place, plain_errors
from jax_logreg.penalty import Penalty
from jax_logreg.problem.options import Options, checked, takes_options
from jax_logreg.problem.prepare import Problem, prepare
from jax_logreg.problem.settings import check_seed
from jax_logreg.problem.weights import relative_weights
from jax_logreg.proof.goal import SHARE
from jax_logreg.result import Result
from jax_logreg.shapes import T, X_nm
from jax_logreg.solver import choose_solver, executor_for
from jax_logreg.sweep.chains import unchained
from jax_logreg.sweep.driver import run_many
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.many import count_slots, loop_of
from jax_logreg.sweep.stack import Stack, weigh_rows

# How often a resample without an example of some class is drawn again.
_DRAWS = 100


@displayed
class Interval(NamedTuple, Generic[T]):
    """The lower and the upper end of a percentile interval."""

    low: T
    high: T


@displayed
class Bootstrap(NamedTuple):
    """The fit of all examples, the models of the resamples, and percentile intervals.

    They are of the parameters, and of the probabilities (k, q) at the q examples asked for.
    """

    result: Result
    models: Fits
    params: Interval[Params]
    probabilities: Interval[np.ndarray] | None

    def _shown(self) -> dict[str, object]:
        of_models = self.models._shown()
        shown = {name: of_models[name] for name in ("models", "status", "w", "classes")}
        at = self.probabilities
        return shown | {"probabilities": None if at is None else dtype_and_shape(at.low)}


@plain_errors()
@takes_options
def bootstrap(
    X: object,
    Y: object,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    at: object = None,
    penalty: Penalty | None = None,
    memory: float = 1e9,
    checkpoint: Checkpointer | None = None,
    **options: Unpack[Options],
) -> Bootstrap:
    """Fit resamples of the m examples, drawn with replacement, and take percentiles (Efron, 1979).

    A resample is a row of integer weights, how often each example was drawn. One that lacks a class
    is drawn again. It starts from the fit of all, and differs from it by about a standard error. So
    it runs until its error is a hundredth of one, whatever the tolerance.

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
        tolerance: of each model; that of a resample is met beside an error of 0.01 standard errors.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        executor: as in `fit_many`.
        memory: as in `fit_many`.
        checkpoint: as in `fit_many`.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or classes so rare that
            resamples hardly ever have them all.
    """
    check_integer("resamples", resamples, 1, 2**31)
    check_number("confidence", confidence, 0, 1)
    check_checkpoint(checkpoint)
    check_seed(seed)
    options = checked(options)
    with jax.enable_x64(options["dtype"] == "float64"):
        executor = executor_for(options["solver"], options["executor"])
        problem = prepare(X, Y, options, penalty=penalty, executor=executor, models=resamples)
        method, _ = choose_solver(options["solver"], problem.objective, many=True)
        count_slots(problem.objective, method, resamples, memory)
    labels = problem.labels
    if options["devices"] is None:
        X = problem.objective.batch.X
    if at is not None:
        _check_at(read_array("at", at), len(problem.params.w))
    result = fit(X, Y, penalty=penalty, checkpoint=checkpoint, **options)
    kind = problem.objective.family
    weights = relative_weights(options["s"], labels.shape[1])[0]
    classes = np.concatenate([labels, 1 - labels]) if kind.independent else labels
    parts = []
    for i, rows in enumerate(_blocks(resamples, seed, classes, weights, memory)):
        saved = None if checkpoint is None else checkpoint.part(f"resamples{i}")
        with jax.enable_x64(options["dtype"] == "float64"):
            parts.append(_fit_rows(problem, rows, options, result.params, memory, saved))
    models = _joined(parts, resamples)
    interval = partial(_interval, confidence=confidence)
    probabilities = (
        None if at is None else interval(_predict(models.params, at, kind, options["dtype"]))
    )
    return Bootstrap(result, models, interval(models.params), probabilities)


def _fit_rows(
    problem: Problem,
    rows: np.ndarray,
    options: Options,
    params: Params,
    memory: float,
    checkpoint: Checkpointer | None,
) -> Fits:
    """The models of rows (r, m) of weights, each from the parameters to its own optimum."""
    class_weight, tolerance = options["class_weight"], options["tolerance"]
    steps = options["steps"]
    loop, chosen = loop_of(options["solver"], problem, steps, tolerance)
    method, goal = loop.solver, loop.goal
    if goal.asked:
        loop = loop._replace(goal=goal._replace(share=min(goal.share, SHARE)))
    numbers = np.arange(len(rows), dtype=np.int32)
    weights = problem.place_rows(weigh_rows(rows, class_weight, problem))
    starts = jax.tree.map(lambda part: np.asarray(part)[None], params)
    own = {"s": rows, "class_weight": class_weight, "start": starts}
    checkpoint = bind(checkpoint, problem, **own, solver=method, steps=steps, tolerance=tolerance)
    chains = unchained(len(rows), count_slots(problem.objective, method, len(rows), memory))
    stack = Stack(weights, of_kind(numbers, weights), {}, {})
    return run_many(loop, problem, stack, starts, chains, chosen, checkpoint=checkpoint)


def _check_at(at: np.ndarray, n: int) -> None:
    if at.ndim != 2 or len(at) != n:
        raise InputError(f"at has shape {at.shape}: expected ({n}, q), examples in columns as in X")
    if at.dtype.kind not in "buif" or not np.all(np.isfinite(at)):
        raise InputError("at holds NaN, infinity or no numbers: expected finite features, as in X")


def _interval(values: T, confidence: float) -> Interval[T]:
    """The percentiles of a tree of arrays (r, ...)."""
    ends = (1 - confidence) / 2 * 100, (1 + confidence) / 2 * 100
    both = jax.tree.map(lambda part: np.percentile(part, ends, axis=0), values)
    return Interval(*(jax.tree.map(lambda part, i=i: part[i], both) for i in range(2)))


def _blocks(
    resamples: int, seed: int, classes: np.ndarray, weights: np.ndarray, memory: float
) -> Iterator[np.ndarray]:
    """Rows of weights, as many at a time as the memory holds, and at least two.

    One row alone would be weights that all models share.
    """
    size = max(int(memory // (24 * len(weights))), 2)
    for first in range(0, resamples, size):
        numbers = range(first, max(min(first + size, resamples), first + 2))
        # Each has a seed of its own: the draws do not depend on the memory.
        rngs = (np.random.default_rng([seed, i]) for i in numbers)
        yield np.stack([_draw(rng, classes, weights) for rng in rngs]) * weights


def _draw(rng: np.random.Generator, classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return how often each example is drawn, (m,), some of every class being among them."""
    m = len(weights)
    for _ in range(_DRAWS):
        counts = np.bincount(rng.integers(0, m, m), minlength=m)
        if np.all(classes @ (counts * weights) > 0):
            return counts
    raise InputError(
        f"Y has a class of {int((classes @ (weights > 0)).min())} of {m} examples, and none of "
        f"{_DRAWS} resamples held every class: expected more of it: leave it out, or merge it"
    )


def _joined(parts: list[Fits], models: int) -> Fits:
    params, certificate = (
        jax.tree.map(lambda *a: np.concatenate(a)[:models], *(getattr(p, name) for p in parts))
        for name in ("params", "certificate")
    )
    steps = np.concatenate([part.steps for part in parts])[:models]
    status = sum((part.status for part in parts), ())[:models]
    notes = sum((part.notes for part in parts), ())[:models]
    first = parts[0]
    return Fits(
        params,
        certificate,
        status,
        steps,
        first.classes,
        first.solver,
        notes,
        first.family,
        first.executor,
    )


def _predict(params: Params, at: object, family: Family, dtype: str) -> np.ndarray:
    """The probabilities (r, k, q) of the examples by each model."""
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(_forward_each(params, place(at, dtype), family))


@partial(program, static_argnames="family")
def _forward_each(params: Params, X: X_nm, family: Family) -> jax.Array:
    return jax.vmap(partial(forward, family=family), in_axes=(0, None))(params, X)
