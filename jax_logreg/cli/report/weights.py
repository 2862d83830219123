"""The pictures of a model's coefficients, and of a sweep."""

import numpy as np

from jax_logreg.cli.measures import number
from jax_logreg.cli.report import as_csv
from jax_logreg.cli.report.figure import (
    INK,
    MAIN,
    SECOND,
    SERIES,
    Picture,
    Tables,
    drawing,
    log_scale,
    panels,
    short,
    to_svg,
)
from jax_logreg.cli.summary import Summary
from jax_logreg.evaluation.scores import SCORES

_COEFFICIENTS = 20


def coefficients(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw the largest coefficients with their names; those of pixels become a picture."""
    table = tables["coefficients.csv"]
    shape = [] if summary.data is None else summary.data.picture
    if shape and table["number"].size == np.prod(shape) * len(set(table["class"])):
        return [_pixels(table, shape, summary)]
    shown = slice(None, _COEFFICIENTS)
    weights, names = table["weight"][shown], table["feature"][shown]
    if not weights.size or not np.any(weights):
        return []
    several = len(set(table["class"])) > 1
    labels = [
        f"{short(name)}  ({short(one, 10)})" if several else short(name)
        for name, one in zip(names, table["class"][shown], strict=True)
    ]
    with drawing(height=1.0 + 0.22 * len(labels)) as (figure, axes):
        rows = np.arange(len(labels))
        colours = [MAIN if weight > 0 else SECOND for weight in weights]
        axes.barh(rows, weights, color=colours)
        axes.axvline(0, color=INK, lw=0.8)
        axes.set_yticks(rows, labels, fontsize=8)
        axes.invert_yaxis()
        axes.set(xlabel="weight, of the feature as it was scaled")
        axes.grid(axis="y", visible=False)
    title = f"The {len(labels)} largest of {number(summary.weights, ',')} coefficients"
    listed = ", ".join(f"{n} {w:.3g}" for n, w in zip(labels[:5], weights[:5], strict=True))
    alt = f"{title}; the first: {listed}."
    return [Picture(title, to_svg(figure, "coefficients", alt), "coefficients.csv")]


def _pixels(table: as_csv.Table, shape: list[int], summary: Summary) -> Picture:
    """Draw the weight of each pixel at its place, those of its colours added up."""
    classes = [name for name in map(str, summary.classes) if name in set(table["class"])]
    pictures = {}
    for one in classes:
        mine = table["class"] == one
        flat = np.zeros(int(np.prod(shape)))
        flat[table["number"][mine].astype(int)] = table["weight"][mine]
        picture = flat.reshape(shape)
        pictures[one] = picture.sum(axis=2) if picture.ndim == 3 else picture
    columns = min(len(classes), 5)
    rows = -(-len(classes) // columns)
    largest = max(float(np.abs(one).max()) for one in pictures.values()) or 1.0
    height = 3.6 if columns == 1 else 0.4 + 1.1 * rows
    with panels(rows, columns, height) as (figure, all_):
        for axes in all_:
            axes.set_axis_off()
        for axes, (one, picture) in zip(all_, pictures.items(), strict=False):
            drawn = axes.imshow(
                picture, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest"
            )
            if columns > 1:
                axes.set_title(short(one, 12), fontsize=8)
        figure.colorbar(drawn, ax=all_, shrink=0.8, label="weight")
    title = "The weights as a picture: red speaks for the class, blue against it"
    if columns == 1:
        title = f"The weights as a picture: red speaks for {classes[0]}, blue against it"
    colours = ", the colours of a pixel added up" if len(shape) == 3 else ""
    alt = f"{title}; {shape[0]} x {shape[1]} pixels{colours}, the largest {largest:.3g}."
    return Picture(title, to_svg(figure, "pixels", alt), "coefficients.csv")


def validation(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw the mean score by strength, with a band of a standard error and the chosen strength."""
    sweep = summary.sweep
    assert sweep is not None
    table = tables["validation.csv"]
    order = np.argsort(table["strength"])
    strengths, mean, error = (
        table[name][order] for name in ("strength", "mean_score", "standard_error")
    )
    label = f"{SCORES[sweep.scoring].upwards} of the held-out examples"
    title = f"{label[0].upper()}{label[1:]}"
    chosen = sweep.strengths[sweep.chosen]
    with drawing(fixed=True) as (figure, axes):
        if np.all(strengths > 0):
            log_scale(axes, "x")
        axes.plot(strengths, mean, color=MAIN, marker=".")
        if sweep.folds > 1:
            axes.fill_between(strengths, mean - error, mean + error, color=MAIN, alpha=0.2, lw=0)
        axes.axvline(chosen, color=SECOND, ls="--", lw=1)
        axes.annotate(
            f" {chosen:.3g}", (chosen, 0.02), xycoords=("data", "axes fraction"), color=SECOND
        )
        axes.set(xlabel="strength of the penalty")
    best = sweep.mean[sweep.chosen]
    alt = f"{title} over {strengths.size} strengths; chosen {chosen:.4g} with {best:.4g}."
    return [Picture(title, to_svg(figure, "validation", alt), "validation.csv")]


def paths(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw the weights of the features that become largest, over the strengths."""
    table, sweep = tables["path.csv"], summary.sweep
    assert sweep is not None
    several = len(set(table["class"])) > 1
    keys = list(dict.fromkeys(zip(table["feature"], table["class"], strict=True)))
    chosen = sweep.strengths[sweep.chosen]
    with drawing(height=4.2) as (figure, axes):
        if np.all(table["strength"] > 0):
            log_scale(axes, "x")
        for i, (feature, one) in enumerate(keys):
            mine = (table["feature"] == feature) & (table["class"] == one)
            order = np.argsort(table["strength"][mine])
            axes.plot(
                table["strength"][mine][order],
                table["weight"][mine][order],
                color=SERIES[i % len(SERIES)],
                ls="-" if i < len(SERIES) else "--",
                label=short(f"{feature} ({one})" if several else feature, 20),
            )
        axes.axvline(chosen, color=INK, ls="--", lw=1)
        axes.set(
            xlabel="strength of the penalty; the dashed line is the one chosen", ylabel="weight"
        )
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, framealpha=0)
    title = f"Coefficient paths of the {len(keys)} that become largest"
    listed = ", ".join(str(feature) for feature, _ in keys[:5])
    alt = f"{title} over the strengths, first {listed}."
    return [Picture(title, to_svg(figure, "path", alt), "path.csv")]
