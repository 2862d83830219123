"""The sweep of a config: every strength, its score, and the choice among them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np

from jax_logreg.checkpoint import Checkpoint
from jax_logreg.cli.arguments import FitArguments
from jax_logreg.cli.config import SweepConfig
from jax_logreg.cli.progress import show_models
from jax_logreg.cli.report.tables import paths
from jax_logreg.cli.summary import SweepSummary
from jax_logreg.data import Prepared
from jax_logreg.data.csv_columns import csv_bytes, finite_or_nan
from jax_logreg.errors.extras import needs
from jax_logreg.errors.one_line import one_line
from jax_logreg.problem.options import Options, declared
from jax_logreg.status import Status
from jax_logreg.sweep import CrossValidation, Fits, cross_validate

with needs("run"):
    from rich.console import Console


class Swept(NamedTuple):
    """The summary of a sweep, and its tables by file name."""

    summary: SweepSummary
    files: dict[str, bytes]


@one_line()
def run_sweep(
    sweep: SweepConfig,
    data: Prepared,
    arguments: FitArguments,
    console: Console,
    checkpoint: Checkpoint | None = None,
    standardise: bool = False,
) -> tuple[Swept, FitArguments]:
    """Try the strengths; return also the arguments of the fit with the strength chosen.

    `standardise` scales the numbers of each fold by the part of the fold that is trained on.
    """
    penalty = arguments["penalty"]
    # A config with a sweep and without a penalty has been refused.
    assert penalty is not None
    shared = {name: value for name, value in arguments.items() if name in declared(Options)}
    numbers = np.arange(data.X_train.shape[0]) < len(data.scaling.mean)
    with show_models(console) as show:
        found = cross_validate(
            data.X_train,
            data.Y_train,
            **cast(Options, shared),
            penalty=penalty,
            strengths=sweep.strengths,
            smallest=sweep.smallest,
            folds=sweep.folds,
            scoring=sweep.scoring,
            seed=sweep.seed,
            standardise=numbers & standardise,
            memory=sweep.memory,
            callback=show,
            checkpoint=None if checkpoint is None else checkpoint.part("sweep"),
        )
    chosen = found.best if sweep.choose == "best" else found.one_standard_error
    best = replace(penalty, strength=float(found.strengths[chosen]))
    summary = _summarise(sweep, found, chosen)
    weights = np.asarray(found.models.params.w)
    files = {
        "models.csv": _models(found),
        "validation.csv": _curve(found),
        "path.csv": csv_bytes(paths(found.strengths, weights, data.features, data.classes)),
    }
    return Swept(summary, files), {**arguments, "penalty": best}


def _summarise(sweep: SweepConfig, found: CrossValidation, chosen: int) -> SweepSummary:
    """Return the part of result.json, in which NaN is None."""
    status = [*found.models.status, *found.fold_models.status]
    error = [None if np.isnan(one) else float(one) for one in found.error]
    return SweepSummary(
        scoring=sweep.scoring,
        choose=sweep.choose,
        folds=found.scores.shape[1],
        strengths=found.strengths.tolist(),
        mean=found.mean.tolist(),
        standard_error=error,
        best=found.best,
        one_standard_error=found.one_standard_error,
        chosen=chosen,
        models=len(status),
        status={kind.name.lower(): status.count(kind) for kind in Status if kind in status},
    )


def _models(found: CrossValidation) -> bytes:
    """Return models.csv: a row a model, those of all examples without fold and score."""
    shape = found.scores.shape
    which, fold = (index.ravel() for index in np.indices(shape))
    whole, folds = _columns(found.models), _columns(found.fold_models)
    blank = [""] * len(found.strengths)
    return csv_bytes(
        {
            "strength": np.concatenate([found.strengths, found.strengths[which]]),
            "fold": [*blank, *fold.tolist()],
            "score": [*blank, *np.ravel(found.scores)],
            **{name: [*whole[name], *folds[name]] for name in whole},
        }
    )


def _columns(fits: Fits) -> dict[str, Iterable[object]]:
    """Return the columns of models.csv on the end of each model and its certificate."""
    found = fits.certificate
    return {
        "status": [one.name.lower() for one in fits.status],
        "steps": fits.steps,
        "cost": np.asarray(found.cost),
        "gradient_norm": np.asarray(found.gradient_norm),
        "relative_gap": finite_or_nan(found.relative_gap),
        "error_in_std_errs": finite_or_nan(found.error_in_std_errs),
        "nonzero_weights": [np.count_nonzero(w) for w in np.asarray(fits.params.w)],
    }


def _curve(found: CrossValidation) -> bytes:
    """Return validation.csv: a row a strength."""
    return csv_bytes(
        {"strength": found.strengths, "mean_score": found.mean, "standard_error": found.error}
    )
