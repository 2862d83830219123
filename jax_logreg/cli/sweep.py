"""The sweep of a config: every strength tried, what each scored, and the one that is trained."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.checkpoint import Checkpoint
from jax_logreg.cli.config import SweepConfig
from jax_logreg.cli.progress import show_models
from jax_logreg.cli.report import as_csv
from jax_logreg.cli.report.tables import paths
from jax_logreg.data import Prepared
from jax_logreg.errors.extras import needs
from jax_logreg.errors.one_line import one_line
from jax_logreg.status import Status
from jax_logreg.sweep import CrossValidation, Fits, cross_validate

with needs("run"):
    from rich.console import Console

# The arguments of a fit that its models share.
_SHARED = (
    "s",
    "family",
    "class_weight",
    "fit_intercept",
    "solver",
    "steps",
    "tolerance",
    "dtype",
    "device",
    "devices",
    "penalty",
)


class Swept(NamedTuple):
    """What is said of a sweep, and its tables by file name."""

    summary: dict[str, Any]
    files: dict[str, bytes]


@one_line()
def run_sweep(
    sweep: SweepConfig,
    data: Prepared,
    arguments: dict[str, Any],
    console: Console,
    checkpoint: Checkpoint | None = None,
    standardise: bool = False,
) -> tuple[Swept, dict[str, Any]]:
    """Try the strengths; the arguments of the fit come back with that of the one chosen.

    `standardise` scales the numbers of each fold by the part of the fold that is trained on.
    """
    numbers = np.arange(data.X_train.shape[0]) < len(data.scaling.mean)
    with show_models(console) as show:
        found = cross_validate(
            data.X_train,
            data.Y_train,
            **{name: arguments[name] for name in _SHARED},
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
    penalty = replace(arguments["penalty"], strength=float(found.strengths[chosen]))
    summary = _summarise(sweep, found, chosen)
    weights = np.asarray(found.models.params.w)
    files = {
        "models.csv": _models(found).encode(),
        "validation.csv": _curve(found).encode(),
        "path.csv": as_csv.write(paths(found.strengths, weights, data.features, data.classes)),
    }
    return Swept(summary, files), {**arguments, "penalty": penalty}


def _summarise(sweep: SweepConfig, found: CrossValidation, chosen: int) -> dict[str, Any]:
    """The part of result.json; what is NaN is None."""
    status = [*found.models.status, *found.fold_models.status]
    error = [None if np.isnan(one) else float(one) for one in found.error]
    return {
        "scoring": sweep.scoring,
        "choose": sweep.choose,
        "folds": found.scores.shape[1],
        "strengths": found.strengths.tolist(),
        "mean": found.mean.tolist(),
        "standard_error": error,
        "best": found.best,
        "one_standard_error": found.one_standard_error,
        "chosen": chosen,
        "models": len(status),
        "status": {
            kind.name.lower(): status.count(kind) for kind in Status if status.count(kind) > 0
        },
    }


def _models(found: CrossValidation) -> str:
    """models.csv: a row a model, those of all examples without fold and score."""
    lines = [
        "strength,fold,score,status,steps,cost,gradient_norm,relative_gap,error_in_std_errs,nonzero_weights",
        *(_row(found.models, i, strength, "", "") for i, strength in enumerate(found.strengths)),
    ]
    for i, ((which, fold), score) in enumerate(np.ndenumerate(found.scores)):
        lines.append(_row(found.fold_models, i, found.strengths[which], fold, score))
    return "\n".join([*lines, ""])


def _row(fits: Fits, i: int, strength: Any, fold: Any, score: Any) -> str:
    J, norm, _, *bounds = (part[i] for part in fits.certificate)
    status = fits.status[i].name.lower()
    shown = (bound if np.isfinite(bound) else "" for bound in bounds)
    weights = np.count_nonzero(fits.params.w[i])
    row = (strength, fold, score, status, fits.steps[i], J, norm, *shown, weights)
    return ",".join(map(str, row))


def _curve(found: CrossValidation) -> str:
    """validation.csv: a row a strength."""
    lines = ["strength,mean_score,standard_error"]
    for strength, mean, error in zip(found.strengths, found.mean, found.error, strict=True):
        lines.append(f"{strength!s},{mean!s},{'' if np.isnan(error) else str(error)}")
    return "\n".join([*lines, ""])
