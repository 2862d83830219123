"""One run from its config to its folder: data, fit, measures, files."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from jax_logreg.checkpoint import Checkpoint
from jax_logreg.cli.arguments import fit_arguments
from jax_logreg.cli.config import CheckpointConfig, Config
from jax_logreg.cli.cores import spread_out
from jax_logreg.cli.outcome import Outcome, Trained, conclude
from jax_logreg.cli.progress import show_progress
from jax_logreg.cli.report.unfinished import reporting
from jax_logreg.cli.signals import stopping
from jax_logreg.cli.summarise import Seconds, run_name
from jax_logreg.cli.sweep import run_sweep
from jax_logreg.cli.tracking import tracked_run
from jax_logreg.data import Prepared, prepare
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.fitting import fit
from jax_logreg.hosts import add_up, count, index
from jax_logreg.loop.progress import Progress
from jax_logreg.matrix import plain_errors
from jax_logreg.tracking import Tracked

with needs("run"):
    from rich.console import Console


@plain_errors()
def run(config: Config, console: Console, folder: Path | None = None) -> Outcome:
    """Train by a config; save the run in a folder, or resume it from the last state there.

    Each of several hosts has its part of the examples, and all have the same outcome.

    Raises:
        InputError: data or numbers that cannot be used, in one line.
        Interrupted: a signal ended the run, which is saved.
    """
    if count() > 1:
        _check_hosts(config)
    settings = config.model_dump(mode="json", exclude={"tracking", "checkpoint"})
    with tracked_run(config.tracking, settings, folder, _printer(console)) as tracked:
        outcome = conclude(config, _train(config, console, folder, tracked))
        tracked.summary = outcome.summary.content()
    return outcome


def _train(config: Config, console: Console, folder: Path | None, tracked: Tracked) -> Trained:
    began = time.perf_counter()
    data = prepare(config.data, config.fit.dtype)
    load = time.perf_counter() - began
    arguments = fit_arguments(config, data)
    described = _describe(data, *add_up(_sizes(data)))
    _printer(console)(described)
    began, sweep = time.perf_counter(), None
    place = folder if index() == 0 else None
    checkpoint = None if folder is None else _checkpoint(config, folder, console)
    with (
        _compiling() as compiled,
        reporting(place, run_name(data), config.to_toml()) as begun,
        stopping(checkpoint),
    ):
        if config.sweep is not None:
            scaled = config.data.standardise
            sweep, arguments = run_sweep(config.sweep, data, arguments, console, checkpoint, scaled)
        with show_progress(console, config.fit.steps) as show:
            if count() == 1:
                X, arguments = spread_out(data.X_train, arguments)
                data = data._replace(X_train=X)
            callback = _each(show, begun, tracked)
            result = fit(
                data.X_train, data.Y_train, callback=callback, checkpoint=checkpoint, **arguments
            )
    elapsed = time.perf_counter() - began
    seconds = Seconds(load, sum(compiled), elapsed - sum(compiled))
    return Trained(result, data, sweep, seconds)


def _checkpoint(config: Config, folder: Path, console: Console) -> Checkpoint:
    """Return the checkpoint of a config; intervals and tracker may differ when it is resumed."""
    aside = {"checkpoint": CheckpointConfig(), "tracking": None}
    return Checkpoint(
        folder,
        **config.checkpoint.model_dump(),
        name=config.model_copy(update=aside).to_toml(),
        notice=_printer(console),
    )


def _printer(console: Console) -> Callable[[str], None]:
    """Return a function that prints a line as it is."""
    return lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)


def _each(*callbacks: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Return one callback that calls all of them."""

    def call(progress: Progress) -> None:
        for callback in callbacks:
            callback(progress)

    return call


def _sizes(data: Prepared) -> tuple[int, int]:
    return data.X_train.shape[1], 0 if data.X_test is None else data.X_test.shape[1]


def _describe(data: Prepared, m: int, test: int) -> str:
    n, k = data.X_train.shape[0], len(data.classes)
    classes = f", {k} classes" if k > 2 else ""
    hosts = f", on {count()} hosts" if count() > 1 else ""
    line = f"{data.source}: {m} examples, {n} features{classes}; {test} held out{hosts}"
    return "\n".join([line, *data.notes])


def _check_hosts(config: Config) -> None:
    if config.sweep is not None:
        raise InputError(
            f"[sweep] is given, but there are {count()} hosts: a sweep takes one: leave --hosts "
            "out, or the table"
        )
    if config.fit.devices not in (None, "all"):
        raise InputError(
            f"fit.devices is {config.fit.devices}, but each of {count()} hosts uses all of its "
            "devices: leave it out, or set it to 'all'"
        )


@contextmanager
def _compiling() -> Iterator[list[float]]:
    """Yield a list to which the seconds of each lowering and compilation are added."""
    seconds: list[float] = []

    def listen(event: str, duration_secs: float, **_: object) -> None:
        if event in (
            "/jax/core/compile/jaxpr_to_mlir_module_duration",
            "/jax/core/compile/backend_compile_duration",
        ):
            seconds.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
