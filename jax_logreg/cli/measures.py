"""The measures of a run in words, for the closing table and for the report."""

from collections.abc import Sequence
from typing import Literal

from jax_logreg.cli.summary import Summary, SweepSummary
from jax_logreg.evaluation.scores import SCORES
from jax_logreg.proof.goal import in_words

_RULES = {"best": "best", "one_standard_error": "strongest within a standard error of the best"}


def measures(summary: Summary, notes: Sequence[str]) -> dict[str, str]:
    """Return the rows of the closing table and of the report in words, these notes among them."""
    shown = {
        "status": summary.status,
        "steps": str(summary.steps),
        "solver": summary.solver or "none",
        "cost": number(summary.cost, ".6f"),
        "gradient norm": number(summary.gradient_norm, ".2e"),
        "relative gap": _gap(summary),
        "numerical error": _error(summary),
        "weights not 0": (
            f"{number(summary.nonzero_weights, ',')} of {number(summary.weights, ',')}"
        ),
        "train accuracy": accuracy(summary, "train"),
        "test accuracy": accuracy(summary, "test"),
    }
    if summary.sweep is not None:
        shown |= _sweep(summary.sweep)
    if summary.penalty.kind not in ("l1", "elastic_net"):
        # Only these penalties make weights exactly 0.
        del shown["weights not 0"]
    for i, note in enumerate(notes):
        shown["note" if i == 0 else f"note {i + 1}"] = note
    return shown


def _sweep(sweep: SweepSummary) -> dict[str, str]:
    """Return the choice of a sweep, and the numbers of its models by status."""
    i = sweep.chosen
    error = sweep.standard_error[i]
    band = "" if error is None else f" ± {error:.2g}"
    status = ", ".join(f"{count} {name}" for name, count in sweep.status.items())
    strengths = sweep.strengths
    ends = {
        max(strengths): "; the best is the strongest tried: try stronger ones",
        min(strengths): "; the best is the weakest tried: try weaker ones",
    }
    end = ends.get(strengths[sweep.best], "") if len(strengths) > 1 else ""
    return {
        "strength": f"{strengths[i]:.4g}, the {_RULES[sweep.choose]} of {len(strengths)}{end}",
        SCORES[sweep.scoring].upwards: f"{sweep.mean[i]:.4g}{band}, held out",
        "models": f"{sweep.models}: {status}",
    }


def accuracy(summary: Summary, part: Literal["train", "test"]) -> str:
    """Return the accuracy of the training or of the test part in words; "none" if unknown."""
    value = summary.train_accuracy if part == "train" else summary.test_accuracy
    weighted = None if summary.data is None else summary.data.weighted
    by_weight = weighted is not None and (weighted.train if part == "train" else weighted.test)
    return f"{number(value, '.2%')}, weighted" if by_weight else number(value, ".2%")


def number(value: float | None, form: str) -> str:
    """Return the number in a format, or "none"."""
    return "none" if value is None else format(value, form)


def _gap(summary: Summary) -> str:
    gap = None if summary.certificate is None else summary.certificate.relative_gap
    if gap is not None:
        return f"at most {gap:.1e} of J(0) above the optimal cost"
    without = summary.penalty.kind == "none"
    return "no bound without a penalty" if without else "no bound: a feature is unpenalised"


def _error(summary: Summary) -> str:
    error = None if summary.certificate is None else summary.certificate.error_in_std_errs
    return "no bound" if error is None else in_words(error)
