"""Penalties x folds: the strength that predicts held-out examples best."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Unpack

import jax
import numpy as np

from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.protocol import Checkpointer, check_checkpoint
from jax_logreg.display import count, displayed, show
from jax_logreg.errors.checks import check_callable
from jax_logreg.evaluation.scores import Score
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import plain_errors
from jax_logreg.penalty import L1, L2, Penalty
from jax_logreg.problem.options import Options, checked, takes_options
from jax_logreg.problem.prepare import Problem, prepare
from jax_logreg.problem.settings import check_seed
from jax_logreg.problem.weights import relative_weights
from jax_logreg.solver import executor_for
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.fold_models import fit_folds, score_models
from jax_logreg.sweep.folds import count_folds, held_out
from jax_logreg.sweep.many import check_memory, loop_of
from jax_logreg.sweep.null_model import largest_strength
from jax_logreg.sweep.scaling import check_features, find_scaling
from jax_logreg.sweep.scores import check_scorable, find_score
from jax_logreg.sweep.stack import Scaling, scaling_of, weigh_rows, with_scaling
from jax_logreg.sweep.strengths import check_grid, grid, with_strength

# Strengths whose scores a table shows.
_AROUND = 20


@displayed
class CrossValidation(NamedTuple):
    """Scores (p, f) of p strengths on f folds, higher being better, and the models behind them.

    `mean` and `error` (p,) are their mean and standard error, NaN of a single fold. `best` is the
    number of the best strength, `one_standard_error` that of the strongest within an error of it.
    `models` are those of all examples, one a strength. `fold_models` are those without a fold,
    strength by strength, (p·f, ...).
    """

    strengths: np.ndarray
    scores: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    best: int
    one_standard_error: int
    models: Fits
    fold_models: Fits
    held_out: np.ndarray

    def _shown(self) -> dict[str, object]:
        return {
            "strengths": self.strengths,
            "folds": self.scores.shape[1],
            "best": self._scored(self.best),
            "one_standard_error": self._scored(self.one_standard_error),
            "models": count(self.models.status),
            "fold_models": count(self.fold_models.status),
            "solver": self.models.solver,
        }

    def _more(self) -> dict[str, object]:
        """Return the validation curve about its best score, for a table."""
        first = max(0, min(self.best - _AROUND // 2, len(self.mean) - _AROUND))
        which = range(first, min(first + _AROUND, len(self.mean)))
        return {f"mean score of number {i}": self._scored(i) for i in which}

    def _scored(self, i: int) -> str:
        band = "" if np.isnan(self.error[i]) else f" ± {self.error[i]:.2g}"
        return f"{show(self.mean[i])}{band} at strength {show(self.strengths[i])}"


@plain_errors()
@takes_options
def cross_validate(
    X: object,
    Y: object,
    *,
    strengths: object = 10,
    smallest: float = 1e-4,
    penalty: Penalty | type[L1] | type[L2] = L2,
    folds: object = 5,
    groups: object = None,
    scoring: str | Score = "log_loss",
    seed: int = 0,
    standardise: object = False,
    memory: float = 1e9,
    callback: Callable[[int, int], None] | None = None,
    checkpoint: Checkpointer | None = None,
    **options: Unpack[Options],
) -> CrossValidation:
    """Fit every strength on all examples and without each fold, and score what was held out.

    At given strengths no model of a fold depends on the labels of its held-out examples. It starts
    at zero, or at the answer of a stronger penalty on the same examples. The models of all examples
    are beside them: a refit of the chosen strength is there already.

    Args:
        X: as in `fit`.
        Y: as in `fit`.
        strengths: as in `path`. The largest of a grid is that of all examples, for all folds.
        smallest: as in `path`.
        penalty: as in `path`.
        folds: their number, stratified by class; or the share that one alone holds; or the fold of
            each example, (m,). Or pairs (train, test) of indices, as scikit-learn's splitters yield
            them.
        groups: (m,): examples of one group stay together.
        scoring: "log_loss", "accuracy", "balanced_accuracy", "roc_auc", "brier" or
            "expected_calibration_error", or an `evaluation.scores.Score`; with a minus where lower
            is better.
        seed: of the shuffle that deals the examples out.
        standardise: True scales every feature, and (n,) of bool some features. Mean 0 and deviation
            1 are those of the training examples of each model, weighted by s. Parameters are those
            of X itself.
        s: as in `fit`; held-out examples are weighted by it too.
        family: as in `fit`.
        class_weight: as in `fit`; of training alone.
        fit_intercept: as in `fit`.
        solver: as in `fit`.
        steps: the largest number of updates of each model.
        tolerance: of each model.
        dtype: as in `fit`.
        device: as in `fit`.
        devices: as in `fit`.
        executor: as in `fit_many`.
        memory: as in `fit_many`.
        callback: as in `fit_many`.
        checkpoint: as in `fit_many`.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or a checkpoint of other
            arguments.
    """
    options = checked(options)
    check_callable("callback", callback, "two integers")
    check_checkpoint(checkpoint)
    check_seed(seed)
    score = find_score(scoring)
    asked_for = check_grid(strengths, smallest)
    check_memory(memory)
    one = with_strength(penalty)
    s, class_weight, solver = options["s"], options["class_weight"], options["solver"]
    steps, tolerance = options["steps"], options["tolerance"]
    with jax.enable_x64(options["dtype"] == "float64"):
        executor = executor_for(solver, options["executor"])
        count = asked_for if isinstance(asked_for, int) else len(asked_for)
        work = count * (1 + count_folds(folds))
        problem = prepare(X, Y, options, penalty=one, executor=executor, models=work)
        scaled = check_features(standardise, problem.n)
        out = held_out(folds, problem.labels, groups, seed)
        given = relative_weights(s, problem.m)
        check_scorable(score, given * out, problem.labels)
        loop, chosen = loop_of(solver, problem, steps, tolerance)
        trained = given * np.concatenate([np.ones_like(out[:1]), ~out])
        scaling = None if not scaled.any() else _scaling(problem, trained, scaled)
        values = grid(strengths, smallest, partial(_largest, loop, problem, scaling))
        rows = weigh_rows(given * ~out, class_weight, problem)
        # A grid is bound by its arguments: its largest strength comes from a sum, which rounds.
        asked = {"strengths": strengths, "smallest": smallest, "weights": rows}
        asked |= {"solver": loop.solver, "steps": steps, "tolerance": tolerance}
        models, fold_models = fit_folds(
            loop,
            problem,
            values,
            np.repeat(values[:, None], len(out), 1),
            rows,
            memory,
            chosen,
            callback,
            bind(checkpoint, problem, **asked, standardise=scaled),
            given=given,
            scaling=scaling,
        )
        found = score_models(score, problem, fold_models.params, given * out, len(values))
    return _chosen(values, found, models, fold_models, out)


def _scaling(problem: Problem, trained: np.ndarray, scaled: np.ndarray) -> Scaling:
    return find_scaling(problem.objective.batch.X, problem.place_rows(trained), scaled)


def _largest(loop: Loop, problem: Problem, scaling: Scaling | None) -> float:
    """The largest strength of all examples, their features as they are scaled."""
    of_all = None if scaling is None else scaling_of(scaling, 0)
    seen = loop._replace(objective=with_scaling(loop.objective, of_all))
    return largest_strength(seen, problem.params)


def _chosen(
    strengths: np.ndarray, scores: np.ndarray, models: Fits, fold_models: Fits, out: np.ndarray
) -> CrossValidation:
    mean = scores.mean(axis=1)
    folds, error = scores.shape[1], np.full_like(mean, np.nan)
    if folds > 1:
        error = scores.std(axis=1, ddof=1) / np.sqrt(folds)
    best = int(np.argmax(mean))
    near = np.flatnonzero(mean >= mean[best] - np.nan_to_num(error[best]))
    strongest = int(near[np.argmax(strengths[near])])
    return CrossValidation(
        strengths, scores, mean, error, best, strongest, models, fold_models, out
    )
