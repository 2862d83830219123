"""The commands of `jax-logreg`; each imports what it needs, as JAX alone takes most of a second."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import jax_logreg
from jax_logreg._jax.collecting import uncollected
from jax_logreg.cli.evaluate import evaluate
from jax_logreg.cli.exporting import export
from jax_logreg.cli.new import new
from jax_logreg.cli.viewing import compare, report, runs
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import MissingExtra, needs
from jax_logreg.status import Status

with needs("run"):
    import typer
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

if TYPE_CHECKING:
    from jax_logreg.cli.summary import Summary

_BAD_INPUT = 2
# Of a run that wrote its folder. A failed check is the fault of this package or of a matrix; the
# rest is that of the input.
_EXIT_CODES = {
    Status.GRADIENT_CHECK_FAILED: 1,
    Status.DIVERGED: _BAD_INPUT,
    Status.SEPARABLE: _BAD_INPUT,
}
app = typer.Typer(
    help="Logistic regression in JAX: train by a config, and predict from the model of the run.",
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


ConfigFile = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG.toml", help="The experiment: data, penalty, solver and stopping rule."
    ),
]
Out = Annotated[Path | None, typer.Option(help="The folder to write; by default runs/CONFIG.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY.PATH=VALUE", help="Override a key of the config; may be repeated."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the folder of an earlier run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume a run that was stopped or killed.")]
HostCount = Annotated[
    str | None,
    typer.Option(
        metavar="auto|N",
        help="The number of hosts that share the examples, with --coordinator and --host-id; "
        "auto asks the cluster: Slurm, Open MPI, Kubernetes, TPU pods.",
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS:PORT", help="The address of host 0, and a free port there."),
]
HostId = Annotated[int | None, typer.Option(help="The number of this host, from 0 to N - 1.")]


@app.command()
def run(
    config: ConfigFile,
    out: Out = None,
    set_: Overrides = None,
    force: Force = False,
    resume: Resume = False,
    hosts: HostCount = None,
    coordinator: Coordinator = None,
    host_id: HostId = None,
) -> None:
    """Train by a config, and write a folder with the model, its measures and a report.

    Exit codes: 0, finished; 1, a failed gradient check; 2, bad input, or a run that diverged or
    found separable classes; 75, a lost host, within 30 seconds; 130, Ctrl-C; 143, SIGTERM. With
    codes 0 and 1 the folder is there, and after divergence and separation too. A run that a signal
    stops is saved, if its training had started.
    """
    with uncollected():
        from jax_logreg._jax.flags import split_cpu
        from jax_logreg.cli.joining import join
        from jax_logreg.hosts import index, most, together

    with _one_line(), join(hosts, coordinator, host_id):
        from jax_logreg.cli.config import load_config
        from jax_logreg.cli.output import is_finished, open_folder

        if hosts is None:
            split_cpu()
        console = Console(quiet=index() > 0)
        settings = together(lambda: load_config(config, set_ or []))
        path = out or Path("runs") / config.stem
        if resume and most(index() == 0 and is_finished(path))[0]:
            console.print(f"{path} is finished already", soft_wrap=True)
            return
        folder = together(lambda: open_folder(path, force, resume, first=index() == 0))
        try:
            from jax_logreg.cli.experiment import run as train

            outcome = train(settings, console, folder.partial)
            together(lambda: folder.write(outcome.files))
        finally:
            folder.close()
    status = Status(int(outcome.result.status))
    if index() > 0:
        raise typer.Exit(_EXIT_CODES.get(status, 0))
    line = f"{config}: {outcome.result.message}"
    said = status in (*_EXIT_CODES, Status.PRECISION_FLOOR)
    # The notes on the data were printed before the training.
    console.print(_table(outcome.summary, () if said else outcome.result.notes))
    console.print(f"written to {folder.path}: open {folder.path / 'report.html'}", soft_wrap=True)
    if status in _EXIT_CODES:
        _stop(line, _EXIT_CODES[status])
    if said:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def predict(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder of a run.")],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A file of new examples, in any format that a run reads."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write: .csv, .parquet, .npy, .npz or .h5; by default CSV to stdout."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write the predicted class and the probability of each new example, by the model of a run.

    The probability is that of the second of two classes. Of more classes each has a column,
    probability_CLASS. Pictures have a column with the name of the file.
    """
    with _one_line():
        with uncollected():
            from jax_logreg.cli.output import write_file
            from jax_logreg.data import find_writer, read, write_csv
            from jax_logreg.model import Model

        writer = None if out is None else find_writer(out)
        model = Model.load(run_dir / "model.safetensors")
        examples = read(data, model.reading, features=model.features, labelled=False)
        for line in (*examples.notes, *model.levels.unknown(examples.categories, examples.source)):
            print(f"jax-logreg: {line}", file=sys.stderr)
        predictions = model.predict(examples)
        if out is None or writer is None:
            write_csv(sys.stdout, predictions)
        else:
            write_file(out, lambda path: writer(path, predictions), force)


@app.command()
def schema() -> None:
    """Print the JSON schema of a config, for editors that complete and check by it."""
    with _one_line():
        from jax_logreg.cli.config import Config

    print(json.dumps(Config.model_json_schema(), indent=2))


@app.command()
def doctor(
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="Remove the compiled programs that are kept.")
    ] = False,
) -> None:
    """Show versions, devices, memory, extras and settings, and make one certified fit.

    The exit code is 1 if the fit is not certified.
    """
    with _one_line():
        from jax_logreg.cli.doctor import clear_programs, look_around

        if clear_cache:
            clear_programs()
        else:
            look_around()


@contextmanager
def _one_line() -> Iterator[None]:
    """End on bad input with its line and exit code 2, on a signal with 128 + its number.

    Other exceptions are bugs, and show their traceback.
    """
    from jax_logreg.cli.signals import Interrupted, interruptible
    from jax_logreg.placement.memory import within_memory

    try:
        with interruptible(), within_memory():
            yield
    except (InputError, MissingExtra) as error:
        _stop(str(error), _BAD_INPUT)
    except Interrupted as signal:
        _stop(str(signal), 128 + signal.number)


for _command in (report, runs, compare, evaluate, export, new):
    app.command()(_one_line()(_command))


def _stop(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        print(f"jax-logreg: {line}", file=sys.stderr)
    raise typer.Exit(code)


def _table(summary: "Summary", notes: Sequence[str]) -> Table:
    from jax_logreg.cli.measures import measures, number

    check = summary.gradient_check
    table = Table(show_header=False)
    checked = "off"
    if check is not None and check.passed is not None:
        checked = "passed" if check.passed else "failed"
        checked += f", error {number(check.max_relative_error, '.1e')}"
    rows = {
        **measures(summary, notes),
        "gradient check": checked,
        "seconds": ", ".join(f"{name} {value:.2f}" for name, value in summary.seconds.items()),
        "device": summary.device or "unknown",
    }
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table
