"""The straight line of one run: data, fit, measures, files."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from jax_logreg.checkpoint import Checkpoint
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
from jax_logreg.data.classes import some
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.errors.nearest import nearest
from jax_logreg.errors.one_line import one_line
from jax_logreg.fitting import fit
from jax_logreg.hosts import add_up, count, index
from jax_logreg.loop.progress import Progress
from jax_logreg.matrix import plain_errors
from jax_logreg.tracking import Tracked

with needs("run"):
    from rich.console import Console


@plain_errors()
def run(config: Config, console: Console, folder: Path | None = None) -> Outcome:
    """Train as the config says, saving the run in a folder, or resuming from its last state.

    Over several hosts each has its part of the examples, and all the same outcome.

    Raises:
        InputError: data or numbers that cannot be used, in one line.
        Interrupted: by a signal, the run being saved.
    """
    if count() > 1:
        _check_hosts(config)
    settings = config.model_dump(mode="json", exclude={"tracking", "checkpoint"})
    with tracked_run(config.tracking, settings, folder, _teller(console)) as tracked:
        outcome = conclude(config, _train(config, console, folder, tracked))
        tracked.summary = outcome.summary.content()
    return outcome


def _train(config: Config, console: Console, folder: Path | None, tracked: Tracked) -> Trained:
    began = time.perf_counter()
    data = prepare(config.data, config.fit.dtype)
    load = time.perf_counter() - began
    arguments = fit_arguments(config, data)
    described = _describe(data, *add_up(_sizes(data)))
    _teller(console)(described)
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
            training = {**arguments, "checkpoint": checkpoint}
            result = fit(data.X_train, data.Y_train, callback=callback, **training)
    elapsed = time.perf_counter() - began
    seconds = Seconds(load, sum(compiled), elapsed - sum(compiled))
    return Trained(result, data, arguments["penalty"], sweep, seconds)


def _checkpoint(config: Config, folder: Path, console: Console) -> Checkpoint:
    """Return the checkpoint of these settings; how often it saves, and the tracker, may differ."""
    aside = {"checkpoint": CheckpointConfig(), "tracking": None}
    return Checkpoint(
        folder,
        **config.checkpoint.model_dump(),
        name=config.model_copy(update=aside).to_toml(),
        notice=_teller(console),
    )


def _teller(console: Console) -> Callable[[str], None]:
    """Prints a line as it is."""
    return lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)


def _each(*callbacks: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """One callback for all of them."""

    def call(progress: Progress) -> None:
        for callback in callbacks:
            callback(progress)

    return call


@one_line()
def fit_arguments(config: Config, data: Prepared) -> dict[str, Any]:
    """Return the arguments of `fit` beyond X and Y: names of the config become numbers of the data.

    Raises:
        InputError: a class or a feature that the data do not have, or too many for the family.
    """
    k = len(data.classes)
    if config.fit.family == "binomial" and k > 2:
        raise InputError(
            f"fit.family is 'binomial', but {data.source} holds {k} classes, "
            f"{some(data.classes)}: name the class to predict: "
            f"--set data.positive={data.classes[-1]}, or set fit.family='multinomial'"
        )
    arguments = {name: getattr(config.fit, name) for name in type(config.fit).model_fields}
    if count() > 1:
        arguments["devices"] = "hosts"
    return {
        **arguments,
        "s": data.s_train,
        "class_weight": _class_weight(config.fit.class_weight, data),
        "penalty": config.penalty.penalty(data.features),
        "solver": config.solver.solver(),
        "feature_names": data.features,
    }


def _class_weight(weights: object, data: Prepared) -> object:
    """The table with its keys, texts in TOML, as numbers of the rows of Y."""
    if not isinstance(weights, dict):
        return weights
    names = [str(name) for name in data.classes]
    unknown = [name for name in weights if name not in names]
    if unknown:
        raise InputError(
            f"fit.class_weight names '{unknown[0]}', which is no class of {data.source}: "
            f"expected some of {some(data.classes)}{nearest(unknown[0], names)}"
        )
    return {names.index(name): weight for name, weight in weights.items()}


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
        raise InputError("[sweep] is for one host: leave --hosts out, or the table")
    if config.fit.devices not in (None, "all"):
        raise InputError(
            f"fit.devices is {config.fit.devices}, but several hosts take all of theirs: "
            "leave it out"
        )


@contextmanager
def _compiling() -> Iterator[list[float]]:
    """The seconds of each lowering and compilation while the block runs."""
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
