"""Several runs on one page: their results, the differences of their configs, their curves."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from jax_logreg.cli.measures import accuracy, number
from jax_logreg.cli.report import as_csv
from jax_logreg.cli.report.figure import GRID, SERIES, Picture, drawing, log_scale, short, to_svg
from jax_logreg.cli.report.page import templates
from jax_logreg.cli.report.pictures import thinned
from jax_logreg.cli.summary import Summary
from jax_logreg.evaluation.scores import SCORES

_DRAWN: tuple[str, ...] = ("history.csv", "roc.csv", "validation.csv")
# By run, then by file name.
Tables = Mapping[str, Mapping[str, as_csv.Table]]


class Ran(Protocol):
    """A run to compare: result.json, and the files of its folder by name."""

    @property
    def files(self) -> dict[str, bytes]:
        """The contents by name."""

    @property
    def summary(self) -> Summary:
        """result.json."""


def compare(runs: Mapping[str, Ran]) -> str:
    """Return the page of runs by name."""
    tables: Tables = {
        name: {file: as_csv.read(run.files[file]) for file in _DRAWN if file in run.files}
        for name, run in runs.items()
    }
    return (
        templates()
        .get_template("comparison.html")
        .render(
            names=list(runs),
            rows=_rows(runs),
            differences=differences([run.files["config.toml"] for run in runs.values()]),
            pictures=[picture for picture in _pictures(tables) if picture is not None],
        )
    )


def _rows(runs: Mapping[str, Ran]) -> dict[str, list[str]]:
    """Return the table of results, a row a measure."""
    found = [run.summary for run in runs.values()]
    rows: dict[str, list[str]] = {
        "status": [str(one.status) for one in found],
        "steps": [number(one.steps, ",") for one in found],
        "solver": [one.solver or "none" for one in found],
        "cost": [number(one.cost, ".6f") for one in found],
        "largest gradient entry": [number(one.gradient_norm, ".2e") for one in found],
        "train accuracy": [accuracy(one, "train") for one in found],
        "test accuracy": [accuracy(one, "test") for one in found],
    }
    for name, score in SCORES.items():
        # Accuracy has two rows above.
        if name != "accuracy":
            rows[score.title] = [number(one.measure(name), ".4f") for one in found]
    rows["seconds of the fit"] = [number(one.seconds.get("fit"), ".2f") for one in found]
    return rows


def differences(configs: Sequence[bytes]) -> dict[str, list[str]]:
    """Return the keys in which resolved configs differ, with each value, or an empty text."""
    flat = [dict(_leaves(tomllib.loads(config.decode()))) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    rows = {key: [one.get(key, "") for one in flat] for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted keys of a config with their values as text."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Return the fewest last parts of paths that make them distinct; equal paths are numbered."""
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({i})" for i, name in enumerate(names)]


def _pictures(tables: Tables) -> list[Picture | None]:
    return [
        _overlaid(tables, "history.csv", "step", "cost", "Cost before each update, nats"),
        _overlaid(
            tables,
            "history.csv",
            "step",
            "gradient_norm",
            "Largest entry of the gradient",
            log=True,
        ),
        _overlaid(tables, "history.csv", "step", "relative_gap", "Relative duality gap", log=True),
        _overlaid(tables, "roc.csv", "false_positive_rate", "true_positive_rate", "ROC curves"),
        _overlaid(
            tables, "validation.csv", "strength", "mean_score", "Scores held out", x_log=True
        ),
    ]


def _overlaid(
    tables: Tables, file: str, x: str, y: str, title: str, log: bool = False, x_log: bool = False
) -> Picture | None:
    """Draw a line for each run; of several classes that of the smallest area."""
    lines = {}
    for name, of_run in tables.items():
        if file not in of_run:
            continue
        table = of_run[file]
        mine = np.ones(table[x].size, bool)
        if "class" in table and mine.size:
            mine = table["class"] == table["class"][0]
        value = table[y]
        mine &= np.isfinite(value) & ((value > 0) | (not log))
        if mine.any():
            kept = thinned(np.flatnonzero(mine))
            lines[name] = (table[x][kept], value[kept])
    if not lines:
        return None
    with drawing(height=3.6) as (figure, axes):
        for i, (name, (at, value)) in enumerate(lines.items()):
            axes.plot(
                at,
                value,
                color=SERIES[i % len(SERIES)],
                ls=("-", "--", ":")[i // len(SERIES) % 3],
                marker="." if at.size < 30 else "",
                label=short(name, 24),
            )
        if x == "false_positive_rate":
            axes.plot([0, 1], [0, 1], color=GRID, lw=1, ls="--")
        axes.set(xlabel=x.replace("_", " "))
        if log:
            log_scale(axes, "y")
        if x_log and all(np.all(at > 0) for at, _ in lines.values()):
            log_scale(axes, "x")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, framealpha=0)
    ends = ", ".join(f"{name} {value[-1]:.4g}" for name, (_, value) in lines.items())
    return Picture(title, to_svg(figure, f"compare-{y}", f"{title}; at the end: {ends}."), file)
