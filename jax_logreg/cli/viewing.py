"""`jax-logreg report`, `runs`, `compare`: the folders of runs, shown again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from jax_logreg.errors.extras import needs

with needs("run"):
    import typer
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

if TYPE_CHECKING:
    from jax_logreg.cli.summary import Summary

RunFolder = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder of a run.")]


def report(run_dir: RunFolder) -> None:
    """Write report.html of a run again, from the files of its folder.

    Of a run that was killed, or that is still going, it shows the last saved state.
    """
    from jax_logreg.cli.folder import read_run
    from jax_logreg.cli.output import REPORT, write_content
    from jax_logreg.cli.report import render

    run = read_run(run_dir)
    page = render(run.files)
    write_content(run.place / REPORT, page.encode(), force=True)
    print(f"written to {run.place / REPORT}")


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that holds the folders of runs.")
    ] = Path("runs"),
) -> None:
    """List the runs in a folder: status, steps, cost, accuracies, AUC and time of each.

    Accuracies are those of the training and of the test part, weighted where the run is. AUC is the
    area under the ROC curve.
    """
    from jax_logreg.cli.folder import find_runs, read_run
    from jax_logreg.errors import InputError

    rows = []
    for path in find_runs(folder):
        try:
            rows.append(_row(path.name, read_run(path).summary))
        except InputError as error:
            rows.append({"run": path.name, "status": "unreadable"})
            print(f"jax-logreg: {error}", file=sys.stderr)
    _print(rows)
    if not rows:
        print(f"no runs in {folder}")


def compare(
    run_dirs: Annotated[
        list[Path], typer.Argument(metavar="RUN_DIR...", help="The folders of the runs.")
    ],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("comparison.html"),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier page.")] = False,
) -> None:
    """Print runs side by side, and write a page with their curves and the keys that differ."""
    from jax_logreg.cli.folder import read_run
    from jax_logreg.cli.output import write_content
    from jax_logreg.cli.report.comparison import compare as render_comparison
    from jax_logreg.cli.report.comparison import differences, distinct_names

    found = [read_run(path) for path in run_dirs]
    names = distinct_names([run.path for run in found])
    page = render_comparison(dict(zip(names, found, strict=True)))
    write_content(out, page.encode(), force)
    _print([_row(name, run.summary) for name, run in zip(names, found, strict=True)])
    _print(
        [
            {"key": key, **dict(zip(names, values, strict=True))}
            for key, values in differences([run.files["config.toml"] for run in found]).items()
        ]
    )
    print(f"written to {out}")


def _row(name: str, summary: "Summary") -> dict[str, str]:
    """Return the cells of a run by heading, empty for a missing value."""
    steps = "" if summary.steps is None else str(summary.steps)
    total = sum(summary.seconds.values()) if summary.seconds else None
    return {
        "run": name,
        "status": summary.status.replace("_", " "),
        "steps": steps,
        "cost": _number(summary.cost, ".6f"),
        "train": _number(summary.train_accuracy, ".2%"),
        "test": _number(summary.test_accuracy, ".2%"),
        "AUC": _number(summary.measure("roc_auc"), ".4f"),
        "seconds": _number(total, ".1f"),
    }


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _print(rows: list[dict[str, str]]) -> None:
    if not rows:
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    headings = (Column(name, overflow="fold") for name in columns)
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(row.get(column, "")) for column in columns))
    Console().print(table)
