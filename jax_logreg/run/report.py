"""report.html: what a person looks at first, in one file that needs no network."""

import io
import re
from importlib.resources import files
from typing import Any

import numpy as np

from jax_logreg.extras import needs
from jax_logreg.result import Result
from jax_logreg.run.summary import SCORES, measures, number

_POINTS = 2000
_BLUE = "#2166ac"


def render(result: Result, summary: dict[str, Any], config: str, source: str) -> str:
    """The page: status, measures, cost and gradient norm by step, gradient check, config."""
    with needs("run"):
        import jinja2
    template = (files("jax_logreg.run") / "report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = number
    return environment.from_string(template).render(
        summary=summary,
        measures=measures(summary),
        config=config,
        source=source,
        curves=_curves(result),
        validation=_validation(summary["sweep"]) if "sweep" in summary else None,
    )


def _validation(sweep: dict[str, Any]) -> str:
    """The mean score by strength, with a band of a standard error, and the strength chosen."""
    order = np.argsort(sweep["strengths"])
    strengths, mean, error = (
        np.asarray(sweep[name], np.float64)[order]
        for name in ("strengths", "mean", "standard_error")
    )
    label = f"{SCORES[sweep['scoring']]} of what was held out"
    figure, axes = _figure(label, "strength of the penalty")
    if np.all(strengths > 0):
        axes.set_xscale("log")
    axes.plot(strengths, mean, color=_BLUE, marker=".")
    if sweep["folds"] > 1:
        axes.fill_between(strengths, mean - error, mean + error, color=_BLUE, alpha=0.2, lw=0)
    chosen = sweep["strengths"][sweep["chosen"]]
    axes.axvline(chosen, color="#b2182b", ls="--", lw=1)
    axes.annotate(
        f" {chosen:.3g}", (chosen, 0.02), xycoords=("data", "axes fraction"), color="#b2182b"
    )
    return _svg(figure, label)


def _curves(result: Result) -> list[str]:
    """Inline SVG pictures, one a quantity; none of them where no step was taken."""
    if result.steps == 0:
        return []
    gap, error = (np.asarray(a) for a in result.history[2:])
    pictures = [
        _curve(result.history.cost, "cost before each update, nats", "linear"),
        _curve(result.history.gradient_norm, "largest absolute gradient entry", "log"),
    ]
    if np.sum(np.isfinite(gap)) > 2:
        gap = np.where(np.isfinite(gap), gap, np.nan)
        pictures.append(_curve(gap, "relative duality gap, a bound", "log"))
    # Two points, or an exact agreement, are no curve.
    if np.sum(error > 0) > 2:
        pictures.append(_curve(error, "relative error of the gradient check", "log"))
    return pictures


def _curve(values: Any, label: str, scale: str) -> str:
    values = np.asarray(values, np.float64)
    steps = np.flatnonzero(~np.isnan(values))
    # More points than pixels would only make the page heavy.
    steps = steps[:: max(1, steps.size // _POINTS)]
    figure, axes = _figure(label, "step")
    axes.plot(steps, values[steps], color=_BLUE, marker="." if steps.size < 3 else "")
    axes.set_yscale(scale)
    return _svg(figure, label)


def _figure(title: str, xlabel: str) -> tuple[Any, Any]:
    with needs("run"):
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.set(xlabel=xlabel, title=title)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, label: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    # Several pictures share one page: their ids may not collide.
    prefix = re.sub(r"\W+", "-", label)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    return svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
