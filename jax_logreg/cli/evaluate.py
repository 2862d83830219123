"""`jax-logreg evaluate`: the measures of a run's model on examples with labels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs

with needs("run"):
    import typer
    from rich.console import Console
    from rich.table import Table

if TYPE_CHECKING:
    from jax_logreg.cli.assess import Assessment, Judgement, Settings
    from jax_logreg.model import Model

_MEASURING, _FITTING, _WRITING = "Measures", "Temperature and threshold", "Output"

RunDir = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder of a run.")]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A file of examples with labels, in any format that a run reads. On the examples that "
        "it was trained on, a model looks better than it is.",
    ),
]
Resamples = Annotated[
    int,
    typer.Option(
        help="The number of bootstrap resamples for the intervals.", rich_help_panel=_MEASURING
    ),
]
Seed = Annotated[
    int,
    typer.Option(help="The seed of the resamples and of the halves.", rich_help_panel=_MEASURING),
]
Bins = Annotated[
    int,
    typer.Option(help="The number of bins of the calibration error.", rich_help_panel=_MEASURING),
]
Unweighted = Annotated[
    bool,
    typer.Option(
        "--unweighted",
        help="Count every example once, even if the run had weights.",
        rich_help_panel=_MEASURING,
    ),
]
Rows = Annotated[
    bool,
    typer.Option(
        "--rows",
        help="Resample rows, even if all weights are whole numbers, and so may be counts.",
        rich_help_panel=_MEASURING,
    ),
]
Cost = Annotated[
    str | None,
    typer.Option(
        metavar="FP:FN",
        help="Choose the threshold of two classes by the costs of a false positive and of a false "
        "negative, such as 1:5.",
        rich_help_panel=_FITTING,
    ),
]
Temperature = Annotated[
    bool,
    typer.Option(
        "--temperature",
        help="Fit the number that logits are divided by, for better calibrated probabilities.",
        rich_help_panel=_FITTING,
    ),
]
Store = Annotated[
    bool,
    typer.Option(
        "--store",
        help="Store temperature and threshold in the model of the run, for predict.",
        rich_help_panel=_WRITING,
    ),
]
OutFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Write all numbers as JSON.", rich_help_panel=_WRITING),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace FILE.json.", rich_help_panel=_WRITING)
]


def evaluate(
    run_dir: RunDir,
    data: Data,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    bins: Bins = 15,
    unweighted: Unweighted = False,
    rows: Rows = False,
    cost: Cost = None,
    temperature: Temperature = False,
    store: Store = False,
    out: OutFile = None,
    force: Force = False,
) -> None:
    """Measure a run's model on labelled examples, with 95 % intervals by bootstrap.

    Temperature and threshold are fitted to one half of the examples. The measures are then those of
    the other half, before and after.
    """
    from jax_logreg.cli.assess import Settings, assess
    from jax_logreg.cli.output import write_content
    from jax_logreg.data import read
    from jax_logreg.model import Model

    settings = Settings(resamples, seed, bins, _costs(cost), temperature, rows)
    if store and cost is None and not temperature:
        raise InputError(
            "--store is given, but nothing is fitted: expected --temperature or --cost with it"
        )
    if out is not None and out.exists() and not force:
        raise InputError(f"{out} exists already: name another file with --out, or pass --force")
    file = run_dir / "model.safetensors"
    model = Model.load(file)
    reading = model.reading.model_copy(update={"weights": None} if unweighted else {})
    found = assess(model, read(data, reading, features=model.features), settings)
    console = Console()
    console.print(_table(found))
    for line in _lines(found, reading.weights):
        _say(console, line)
    if out is not None:
        text = (
            json.dumps(_content(found, settings, data, reading.weights), indent=2, allow_nan=False)
            + "\n"
        )
        write_content(out, text.encode(), force)
    if store and found.after is not None:
        _store(console, file, model, found.after)


def _store(console: Console, file: Path, model: "Model", after: "Judgement") -> None:
    """Write the fitted temperature and threshold into the file of the model."""
    from jax_logreg.cli.output import write_content

    changed = model._replace(temperature=after.temperature, threshold=after.threshold)
    if _kept(changed) == _kept(model):
        _say(console, "nothing to store: temperature and threshold are as they were")
        return
    write_content(file, changed.save(), force=True)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in _kept(changed).items())
    _say(console, f"stored in {file}: {shown}; predict uses them")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _kept(of: "Model | Judgement") -> dict[str, float]:
    """Return the temperature and the threshold of a model or a judgement."""
    return {"temperature": of.temperature, "threshold": of.threshold}


def _costs(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        false_positive, false_negative = map(float, text.split(":"))
    except ValueError:
        raise InputError(
            f"--cost is '{text}': expected FP:FN, two numbers: 1:5 makes a false negative cost "
            "five times as much as a false positive"
        ) from None
    return false_positive, false_negative


def _table(found: "Assessment") -> Table:
    from jax_logreg.evaluation.scores import SCORES

    judged = {"before": found.before, "after": found.after} if found.after else {"": found.before}
    lower = [score.title for score in SCORES.values() if not score.higher_is_better]
    table = Table(caption=f"lower is better: {', '.join(lower)}")
    table.add_column("measure")
    for name in judged:
        table.add_column(name or "value", justify="right")
        table.add_column("95 % interval", justify="right")
    for name, score in SCORES.items():
        cells = [cell for one in judged.values() for cell in _cells(one, name)]
        table.add_row(f"{score.title} ({score.unit})" if score.unit else score.title, *cells)
    return table


def _cells(judgement: "Judgement", name: str) -> tuple[str, str]:
    value, low, high = _numbers(judgement, name)
    if value is None:
        return "none", ""
    return f"{value:.4f}", "" if low is None else f"{low:.4f} to {high:.4f}"


def _numbers(judgement: "Judgement", name: str) -> tuple[float | None, ...]:
    measures, (low, high) = judgement.measures, judgement.intervals
    return tuple(getattr(one, name) for one in (measures, low, high))


def _lines(found: "Assessment", weights: str | None) -> list[str]:
    before, after = found.before, found.after
    lines = list(found.notes)
    weighted = "" if weights is None else f", weighted by '{weights}'"
    if weights is not None:
        lines.append(
            f"intervals resample {found.resampled:,.0f} examples, as whole weights count them: "
            "--rows resamples rows"
            if found.resampled is not None
            else "intervals resample rows, each with its weight"
        )
    if after is None:
        return [*lines, f"measured on {found.measured} examples{weighted}"]
    old_values = _kept(before)
    for name, new in _kept(after).items():
        old = old_values[name]
        if old != new:
            lines.append(f"{name}: {new:.4g} instead of {old:.4g}")
    if after.cost is not None:
        lines.append(f"mean cost of errors: {after.cost:.4g} instead of {before.cost:.4g}")
    return [
        *lines,
        f"fitted to {found.fitted} examples, measured on the {found.measured} others{weighted}: "
        "temperature and threshold look better on the examples that they were fitted to",
    ]


def _content(
    found: "Assessment", settings: "Settings", data: Path, weights: str | None
) -> dict[str, object]:
    return {
        "data": str(data),
        "weights": weights,
        "examples": {"fitted": found.fitted, "measured": found.measured},
        "settings": settings._asdict(),
        "before": _judgement(found.before),
        "after": None if found.after is None else _judgement(found.after),
        "notes": list(found.notes),
    }


def _judgement(judgement: "Judgement") -> dict[str, object]:
    measures = {
        name: dict(zip(("value", "low", "high"), _numbers(judgement, name), strict=True))
        for name in judgement.measures._fields
    }
    return {**_kept(judgement), "cost": judgement.cost, "measures": measures}
