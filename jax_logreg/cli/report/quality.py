"""The pictures of a model's probabilities: curves, calibration, confusion matrix."""

import numpy as np

from jax_logreg.cli.measures import number
from jax_logreg.cli.report import as_csv
from jax_logreg.cli.report.figure import (
    GRID,
    MAIN,
    SERIES,
    Picture,
    Tables,
    drawing,
    panels,
    short,
    to_svg,
)
from jax_logreg.cli.summary import Summary

# The most classes whose numbers are written into the matrix, and the most that have names there.
_WRITTEN, _NAMED = 12, 40


def curves(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw ROC and precision-recall curves, of each class against the rest."""
    classes = tables["classes.csv"]
    areas = {
        name: dict(zip(classes["class"], classes[name], strict=True))
        for name in ("roc_auc", "average_precision")
    }
    many = len(set(tables["roc.csv"]["class"])) < classes["class"].size
    note = "The ten classes of the smallest area; classes.csv has all." if many else ""
    return [
        _curves(
            "ROC curve",
            "roc.csv",
            tables["roc.csv"],
            ("false_positive_rate", "true_positive_rate"),
            areas["roc_auc"],
            note,
        ),
        _curves(
            "Precision and recall",
            "precision_recall.csv",
            tables["precision_recall.csv"],
            ("recall", "precision"),
            areas["average_precision"],
            note,
        ),
    ]


def _curves(
    title: str,
    name: str,
    table: as_csv.Table,
    axis_names: tuple[str, str],
    areas: dict[str, float],
    note: str,
) -> Picture:
    x, y = axis_names
    of_classes = list(dict.fromkeys(table["class"]))
    single = len(of_classes) == 1
    with drawing(height=3.4, fixed=True) as (figure, axes):
        for i, one in enumerate(of_classes):
            mine = table["class"] == one
            axes.plot(
                table[x][mine],
                table[y][mine],
                # Average precision is the area under steps, that of the ROC under lines.
                drawstyle="steps-pre" if x == "recall" else "default",
                color=MAIN if single else SERIES[i],
                label=f"{short(one, 14)}  {areas[one]:.3f}",
            )
        if x != "recall":
            axes.plot([0, 1], [0, 1], color=GRID, lw=1, ls="--")
        axes.set(
            xlabel=x.replace("_", " "),
            ylabel=y.replace("_", " "),
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
        )
        title_of_legend = "area" if single else "class, area"
        axes.legend(title=title_of_legend, fontsize=8, title_fontsize=8, framealpha=0, loc="best")
    listed = ", ".join(f"{one} {areas[one]:.4f}" for one in of_classes)
    return Picture(
        title, to_svg(figure, name.removesuffix(".csv"), f"{title}; area: {listed}."), name, note
    )


def calibration(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw observed shares over mean probabilities, and below them the examples of each bin."""
    table = tables["calibration.csv"]
    two = len(summary.classes) == 2
    title = (
        f"Calibration: Brier score {number(summary.measure('brier'), '.4g')}, "
        f"expected error {number(summary.measure('expected_calibration_error'), '.3g')}"
    )
    there = table["count"] > 0
    with panels(2, 1, height=4.2, fixed=True) as (figure, (above, below)):
        above.plot([0, 1], [0, 1], color=GRID, lw=1, ls="--")
        x, y = table["mean_probability"][there], table["observed"][there]
        above.plot(x, y, color=MAIN, lw=1, alpha=0.5)
        above.plot(x, y, color=MAIN, ls="", marker="o", ms=4)
        above.set(ylabel="observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
        width = table["high"] - table["low"]
        sizes, label = table["count"], "examples"
        if summary.evaluation is not None and summary.evaluation.weighted:
            sizes, label = table["weight"], "weight of examples"
        below.bar(table["low"], sizes, width, align="edge", color=MAIN, alpha=0.6)
        what = f"probability of {summary.classes[-1]}" if two else "probability of the predicted"
        below.set(xlabel=short(what, 40), ylabel=label, xlim=(-0.02, 1.02))
        # Symlog, so that the emptiest bin shows beside the fullest.
        below.set_yscale("symlog", linthresh=min(1, sizes[sizes > 0].min()))
        below.yaxis.set_major_formatter("{x:g}")
    bins = ", ".join(
        f"{mean:.2f} observed {share:.2f} of {_amount(size)}"
        for mean, share, size in zip(x, y, sizes[there], strict=True)
    )
    return [Picture(title, to_svg(figure, "calibration", f"{title}. {bins}."), "calibration.csv")]


def _amount(value: float) -> str:
    """Return a number of examples, or a sum of weights, in at least three digits."""
    return f"{value:.0f}" if value == np.round(value) or value >= 100 else f"{value:.3g}"


def confusion(tables: Tables, summary: Summary) -> list[Picture]:
    """Draw the number, or the weight, of the examples of each class by predicted class."""
    table = tables["confusion.csv"]
    names = [str(name) for name in summary.classes]
    number = {name: i for i, name in enumerate(names)}
    k = len(names)
    counts = np.zeros((k, k))
    for actual, predicted, weight in zip(*table.values(), strict=True):
        counts[number[actual], number[predicted]] = weight
    of_class = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, of_class, out=np.zeros_like(counts), where=of_class > 0)
    with drawing(height=min(2.2 + 0.2 * k, 4.6)) as (figure, axes):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto" if k < 6 else "equal")
        axes.grid(False)
        axes.set(xlabel="predicted", ylabel="actual")
        if k <= _NAMED:
            labels = [short(name, 12) for name in names]
            size, turn = 8 if k < 20 else 6, 90 if max(map(len, labels)) * k > 40 else 0
            axes.set_xticks(range(k), labels, fontsize=size, rotation=turn)
            axes.set_yticks(range(k), labels, fontsize=size)
        for (i, j), count in np.ndenumerate(counts) if k <= _WRITTEN else ():
            # The fields have the same colours in either of the page's schemes.
            colour = "white" if shares[i, j] > 0.55 else "#222222"
            axes.text(j, i, _amount(count), ha="center", va="center", color=colour, fontsize=9)
    right = np.trace(counts) / counts.sum()
    wrong = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(np.argmax(wrong), wrong.shape)
    alt = f"Confusion matrix: {right:.2%} on the diagonal"
    if wrong[i, j]:
        weighted = summary.evaluation is not None and summary.evaluation.weighted
        often = f"a weight of {_amount(wrong[i, j])}" if weighted else f"{wrong[i, j]:.0f} times"
        alt += f"; most often {names[i]} was taken for {names[j]}, {often}"
    return [Picture("Confusion matrix", to_svg(figure, "confusion", f"{alt}."), "confusion.csv")]
