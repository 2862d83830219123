"""The tables and the pictures."""

import re

from experiments.optimum.measure import GOAL
from experiments.timing import table

HEAD = [
    "rival", "setting", "first call, s", "warm, s", "of the fastest",
    "suboptimality", "memory, MB",
]  # fmt: skip
# Differences that no picture needs to show.
_FLOOR = 1e-13


def summary(cases):
    """A row a case: this project beside the fastest rival that reaches the goal."""
    head = [
        "case, examples x features", "this project, s", "suboptimality", "best rival", "s",
        "suboptimality", "this / best", "first call, s", "rival's",
    ]  # fmt: skip
    return table(head, [_pair(name, figures) for name, figures in cases.items()])


def _pair(name, figures):
    done = sorted((row for row in figures["rows"] if row["reached"]), key=_warm)
    ours = next((row for row in done if row["name"] == "jax_logreg"), None)
    best = next((row for row in done if row["name"] != "jax_logreg"), None)
    words = name.replace("_", " ")
    if best is None or ours is None:
        rival = best["rival"] if best else "none reached it"
        return [words, *_of(ours), rival, *_of(best), *["-"] * 3]
    ratio = f"**{_warm(ours) / _warm(best):.2f}**"
    firsts = [f"{row['first']:.1f}" for row in (ours, best)]
    return [words, *_of(ours), best["rival"], *_of(best), ratio, *firsts]


def _of(row):
    if row is None:
        return ["not reached", "-"]
    return [f"{_warm(row):.3g}", f"{row.get('worst', row['chosen']['suboptimality']):.0e}"]


def _warm(row):
    """The median in turns; where a first call outlasted the limit, the ladder's own time."""
    return row.get("warm", row["chosen"]["seconds"])


def case_text(name, spec, figures):
    """Heading, table and picture of a case."""
    lines = [f"## {name}", _about(spec, figures)]
    order = sorted(figures["rows"], key=_place)
    warm = [row["warm"] for row in order if "warm" in row]
    rows = [_cells(row, min(warm, default=0)) for row in order]
    return "\n\n".join([*lines, table(HEAD, rows), f"![{name}](optimum_{name}.svg)"])


def _about(spec, figures):
    shape = f"{spec.m:,} examples x {spec.n:,} features"
    classes = f", {spec.classes} classes" if spec.classes > 2 else ""
    density = "" if spec.density == 1 else f", {spec.density:.1%} of them not zero"
    if spec.path:
        penalty = f"{spec.path} L1 penalties from the largest that matters to a hundredth of it"
    else:
        penalty = f"L2, C = {spec.C:g}"
    return (
        f"{shape}{density}{classes}; {penalty}. X in float32: {figures['megabytes']:.1f} MB. "
        f"J* is within {max(figures['gap'], 1e-15):.0e} of the optimum, by its duality gap. "
        f"Medians of {figures['repeats']}; limit {figures['limit']:g} s."
    )


def _place(row):
    """The fastest first, then what came close, then what could not."""
    closeness = row["chosen"]["suboptimality"] if "chosen" in row else float("inf")
    return (not row["reached"], row.get("warm", 0), closeness, row["rival"])


def _cells(row, fastest):
    name = f"**{row['rival']}**" if row["name"] == "jax_logreg" else row["rival"]
    if "chosen" not in row:
        # In a table's cell, a bar would start another.
        return [name, (row["why"] or "no answer").replace("|", "/"), *["-"] * 5]
    chosen = row["chosen"]
    setting = f"{chosen['tolerance']:.1e}" if chosen["tolerance"] else "its own"
    words = [setting, chosen["note"], "" if row["reached"] else "not reached", row["why"] or ""]
    seconds, reached = row.get("warm", chosen["seconds"]), row["reached"]
    return [
        name,
        "; ".join(word for word in words if word).replace("|", "/"),
        f"{row['first']:.2f}",
        f"{seconds:.3g}",
        f"{seconds / fastest:.2f}" if reached else "-",
        f"{row.get('worst', chosen['suboptimality']):.0e}",
        f"{row['growth']:,.0f}",
    ]


def header(source, versions):
    """Return a note on the source of the figures, and on how to read them."""
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"""# Time to the optimum

{source["date"]}; {source["processor"]}, {source["device"]}; Python {source["python"]}; commit
{source["commit"]}. {listed}.

From float64 rows in memory to coefficients in NumPy, conversions included. Each rival walks down
its tolerances; shown is the fastest that reaches a suboptimality of {GOAL:.0e}: (J - J*) / J(0),
the worst over a path, J in float64 by one function for all, the intercept not penalised. First
call: import, compilation and fit in a fresh process. Warm: the median of some fits, the rivals in
turns, each in its own process; where the first call outlasted twice the limit, the one time on the
way down. "Not reached" shows the setting that came closest and the one time it took; a setting over
the limit is its rival's last. Memory: what a warm fit adds to the resident memory at its peak, X in
float64 already there and all compiled."""


def picture(folder, name, figures):
    """Time against suboptimality, a line a rival."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    colours = [f"C{i}" for i in range(10)]
    for i, row in enumerate(row for row in figures["rows"] if row["ladder"]):
        ours = row["name"] == "jax_logreg"
        axes.loglog(
            [step["seconds"] for step in row["ladder"]],
            [max(step["suboptimality"], _FLOOR) for step in row["ladder"]],
            color="black" if ours else colours[i % 10],
            linewidth=2.5 if ours else 1.2,
            marker="osD^v<>Ph*X"[i % 11],
            markersize=6 if ours else 4,
            linestyle="-" if ours or i <= 10 else "--",
            label=row["rival"],
            zorder=3 if ours else 2,
        )
    axes.axhline(GOAL, color="grey", linewidth=1, linestyle=":")
    axes.set_xlabel("seconds, warm")
    axes.set_ylabel("suboptimality, (J - J*) / J(0)")
    axes.set_title(re.sub("_", " ", name), loc="left")
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside right center", fontsize=8, frameon=False)
    figure.savefig(folder / f"optimum_{name}.svg", metadata={"Date": None})
