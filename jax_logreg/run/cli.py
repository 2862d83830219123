"""The commands of `jax-logreg`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import jax_logreg
from jax_logreg.errors import InputError
from jax_logreg.extras import MissingExtra, needs
from jax_logreg.status import Status

with needs("run"):
    import typer
    from rich.console import Console
    from rich.table import Table

_BAD_INPUT, _INTERRUPTED = 2, 130
# Of a run that wrote its folder: a failed check is our fault or a matrix's, divergence the input's.
_EXIT_CODES = {Status.GRADIENT_CHECK_FAILED: 1, Status.DIVERGED: _BAD_INPUT}

app = typer.Typer(
    help="Logistic regression in JAX: train from a config, predict from the model it leaves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"jax-logreg {jax_logreg.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, on what.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write; by default runs/<config>.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY.PATH=VALUE", help="Override the config; as often as wanted."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier run wrote there.")]


@app.command()
def run(config: ConfigFile, out: Out = None, set_: Overrides = None, force: Force = False) -> None:
    """Train as a config says, and leave a folder that explains itself."""
    console = Console()
    with _one_line():
        from jax_logreg.run.config import load_config
        from jax_logreg.run.output import Folder

        settings = load_config(config, set_ or [])
        folder = Folder(out or Path("runs") / config.stem, force)
        try:
            from jax_logreg.run.experiment import run as train

            outcome = train(settings, console)
            folder.write(outcome.files)
        finally:
            folder.discard()
    console.print(_table(outcome.summary))
    console.print(f"written to {folder.path}: open {folder.path / 'report.html'}", soft_wrap=True)
    status = outcome.result.status
    if status in _EXIT_CODES:
        rate = getattr(settings.solver, "learning_rate", None)
        mend = "" if rate is None else f" Here solver.learning_rate is {rate:g}."
        _stop(f"{config}: {outcome.result.message}{mend}", _EXIT_CODES[status])


@app.command()
def predict(
    run_dir: Annotated[Path, typer.Argument(help="The folder that a run left.")],
    data: Annotated[Path, typer.Argument(help="New examples, in any format that a run reads.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .csv .parquet .npy .npz .h5; by default CSV to stdout."),
    ] = None,
    force: Force = False,
) -> None:
    """Write the probability of each new example, from the saved model alone."""
    with _one_line():
        from jax_logreg.data import find_writer, read, write_csv
        from jax_logreg.run.model import Model
        from jax_logreg.run.output import write_file

        writer = None if out is None else find_writer(out)
        model = Model.load(run_dir / "model.safetensors")
        examples = read(data, model.reading, features=model.features, labelled=False)
        probability = model.probabilities(examples)
        predicted = model.predicted(probability)
        if out is None or writer is None:
            write_csv(sys.stdout, probability, predicted)
        else:
            write_file(out, lambda path: writer(path, probability, predicted), force)


@app.command()
def schema() -> None:
    """Print the JSON schema of a config, which editors complete and check by."""
    with _one_line():
        from jax_logreg.run.config import Config

    print(json.dumps(Config.model_json_schema(), indent=2))


@contextmanager
def _one_line() -> Iterator[None]:
    """End on bad input with its line and exit code 2, on Ctrl-C with 130; our bugs pass."""
    try:
        yield
    except (InputError, MissingExtra) as error:
        _stop(str(error), _BAD_INPUT)
    except KeyboardInterrupt:
        _stop("interrupted: nothing was written", _INTERRUPTED)


def _stop(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        print(f"jax-logreg: {line}", file=sys.stderr)
    raise typer.Exit(code)


def _table(summary: dict[str, Any]) -> Table:
    check, seconds = summary["gradient_check"], summary["seconds"]
    table = Table(show_header=False)
    rows = {
        "status": summary["status"],
        "steps": summary["steps"],
        "cost": _number(summary["cost"], ".6f"),
        "gradient norm": _number(summary["gradient_norm"], ".2e"),
        "train accuracy": _number(summary["train_accuracy"], ".2%"),
        "test accuracy": _number(summary["test_accuracy"], ".2%"),
        "gradient check": {True: "passed", False: "failed", None: "off"}[check["passed"]]
        + (
            ""
            if check["passed"] is None
            else f", error {_number(check['max_relative_error'], '.1e')}"
        ),
        "seconds": ", ".join(f"{name} {value:.2f}" for name, value in seconds.items()),
        "device": summary["device"],
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table


def _number(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)
