"""A path of penalties, each model started from the one before."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Unpack

import jax
import numpy as np

from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.protocol import Checkpointer, check_checkpoint
from jax_logreg.display import displayed
from jax_logreg.errors.checks import check_callable
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import plain_errors
from jax_logreg.penalty import L1, L2, Penalty
from jax_logreg.problem.options import Options, checked, takes_options
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.goal import goal_of
from jax_logreg.shapes import Array
from jax_logreg.solver import choose_solver, executor_for
from jax_logreg.solver.declared import narrowed
from jax_logreg.status import Status
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.fitted import fit_models
from jax_logreg.sweep.in_turn import run_in_turn
from jax_logreg.sweep.null_model import least_empty, null_model
from jax_logreg.sweep.stack import Stack
from jax_logreg.sweep.strengths import check_grid, grid, with_strength


@displayed
class Path(NamedTuple):
    """The models of a path, one for each of the strengths (p,): `models.result(i)` is one alone."""

    strengths: np.ndarray
    models: Fits

    @property
    def w(self) -> Array:
        """Weights (p, n, k)."""
        return self.models.params.w

    @property
    def b(self) -> Array:
        """Intercepts (p, k, 1)."""
        return self.models.params.b

    @property
    def cost(self) -> Array:
        """Cost of each in nats, (p,)."""
        return self.models.certificate.cost

    @property
    def relative_gap(self) -> Array:
        """Duality gap of each, relative to J(0), (p,)."""
        return self.models.certificate.relative_gap

    @property
    def error_in_std_errs(self) -> Array:
        """Error of each in its own standard errors, (p,)."""
        return self.models.certificate.error_in_std_errs

    @property
    def status(self) -> tuple[Status, ...]:
        """Status of each."""
        return self.models.status

    @property
    def steps(self) -> np.ndarray:
        """Steps of each, (p,)."""
        return self.models.steps

    @property
    def classes(self) -> tuple[object, ...]:
        """Classes of the outputs."""
        return self.models.classes

    @property
    def solver(self) -> str:
        """The method that ran, and why."""
        return self.models.solver

    @property
    def notes(self) -> tuple[tuple[str, ...], ...]:
        """Findings in the data of each, as `Result.notes` are."""
        return self.models.notes

    def _shown(self) -> dict[str, object]:
        return {"strengths": self.strengths} | self.models._shown()


@plain_errors()
@takes_options
def path(
    X: object,
    Y: object,
    *,
    strengths: object = 100,
    smallest: float = 1e-2,
    penalty: Penalty | type[L1] | type[L2] = L1,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Checkpointer | None = None,
    **options: Unpack[Options],
) -> Path:
    """Fit one penalty strength after the other, each from the answer before it.

    The certificate of each is computed from its parameters alone, as that of `fit` is.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        strengths: their values, or their number, of a geometric grid. It starts at the least
            strength at which all w are 0, for L2 at ten times that of L1. It ends at `smallest`
            times the first.
        smallest: the last strength of a grid, as a share of the first.
        penalty: L1, L2, or one with factors or an l1_ratio, whose strength is then replaced.
        s: as in `fit`.
        family: as in `fit`.
        class_weight: as in `fit`.
        fit_intercept: as in `fit`.
        solver: as in `fit`.
        steps: the largest number of updates of each fit.
        tolerance: of each fit.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        executor: as in `fit`.
        callback: called with the number of models done, and of all, after each.
        checkpoint: as in `fit_many`.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or a checkpoint of other
            arguments.
    """
    options = checked(options)
    check_callable("callback", callback, "two integers")
    check_checkpoint(checkpoint)
    check_grid(strengths, smallest)
    one = with_strength(penalty)
    steps, tolerance = options["steps"], options["tolerance"]
    with jax.enable_x64(options["dtype"] == "float64"):
        executor = executor_for(options["solver"], options["executor"])
        problem = prepare(X, Y, options, penalty=one, executor=executor)
        objective = problem.objective
        method, chosen = choose_solver(options["solver"], objective)
        if options["solver"] == "auto":
            method = narrowed(method)
        goal = goal_of(tolerance, objective)
        loop, start = null_model(Loop(objective, method, steps, goal), problem.params)
        values = grid(strengths, smallest, lambda: least_empty(loop, start))
        # A grid is bound by its arguments: its largest strength comes from a sum, which rounds.
        asked = {"strengths": strengths, "smallest": smallest, "solver": method}
        saved = bind(checkpoint, problem, **asked, steps=steps, tolerance=tolerance)
        stack = _stack(values, problem.dtype)
        run = partial(run_in_turn, loop, stack, start, callback)
        begin = jax.tree.map(lambda part: np.asarray(part)[None], start.good)
        return Path(values, fit_models(run, loop, problem, stack, begin, chosen, saved))


def _stack(strengths: np.ndarray, dtype: str) -> Stack:
    """Return the arrays that differ between the models, in NumPy: its parts need no program."""
    rows = np.zeros(len(strengths), np.int32)
    return Stack(None, rows, {"strength": strengths.astype(dtype)}, {})
