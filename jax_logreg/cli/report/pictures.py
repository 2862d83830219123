"""The pictures of a report, each drawn from a table of the run's folder."""

from collections.abc import Callable

import numpy as np

from jax_logreg.cli.report import as_csv
from jax_logreg.cli.report.figure import MAIN, Picture, Tables, drawing, log_scale, to_svg
from jax_logreg.cli.report.quality import calibration, confusion, curves
from jax_logreg.cli.report.weights import coefficients, paths, validation
from jax_logreg.cli.summary import Summary

# Points of a curve: more than pixels would only make the page heavy.
_POINTS = 1000


def steps(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw cost, gradient norm, relative gap and error of the gradient check, if there are such."""
    table = tables["history.csv"]
    if table["step"].size == 0:
        return []
    found = [
        _by_step(table, "cost", "Cost before each update, nats", "linear"),
        _by_step(table, "gradient_norm", "Largest absolute entry of the gradient", "log"),
    ]
    for name, label in (
        ("relative_gap", "Relative duality gap, a bound"),
        ("gradient_error", "Relative error of the gradient check"),
    ):
        # Two points, or an exact agreement, are no curve.
        if np.sum(table[name] > 0) > 2:
            found.append(_by_step(table, name, label, "log"))
    return found


def _by_step(table: as_csv.Table, column: str, title: str, scale: str) -> Picture:
    values = np.where(np.isfinite(table[column]), table[column], np.nan)
    known = np.flatnonzero(~np.isnan(values) & ((scale == "linear") | (values > 0)))
    if known.size == 0:
        return Picture(title, "", "history.csv", "No finite value.")
    shown = thinned(known)
    with drawing(fixed=True) as (figure, axes):
        x, y = table["step"][shown], values[shown]
        axes.plot(x, y, color=MAIN, marker="." if shown.size < 30 else "")
        axes.set(xlabel="step")
        if scale == "log":
            log_scale(axes, "y")
    first, last = values[known[0]], values[known[-1]]
    alt = f"{title}: from {first:.4g} at step {int(x[0])} to {last:.4g} at step {int(x[-1])}."
    return Picture(title, to_svg(figure, f"steps-{column}", alt), "history.csv")


def thinned(points: np.ndarray) -> np.ndarray:
    """Return at most as many of the points as pixels show, with the first and the last."""
    kept = np.linspace(0, points.size - 1, min(points.size, _POINTS)).astype(int)
    return points[kept]


Draw = Callable[[Tables, Summary], list[Picture]]

# The sections of the page, in its order: heading, the tables that it needs, and its pictures.
SECTIONS: dict[str, tuple[tuple[str, ...], Draw]] = {
    "Validation curve": (("validation.csv",), validation),
    "ROC curve": (("roc.csv", "precision_recall.csv", "classes.csv"), curves),
    "Calibration": (("calibration.csv",), calibration),
    "Confusion matrix": (("confusion.csv",), confusion),
    "Coefficients": (("coefficients.csv",), coefficients),
    "Coefficient paths": (("path.csv",), paths),
    "Training curve": (("history.csv",), steps),
}
