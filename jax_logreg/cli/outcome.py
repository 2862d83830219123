"""The outcome of a run: its summary, and its files by name."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from jax_logreg.cli.advice import advise_run
from jax_logreg.cli.config import Config
from jax_logreg.cli.report import render
from jax_logreg.cli.report.tables import coefficients, evaluate
from jax_logreg.cli.summarise import Seconds, history, predict, summarise
from jax_logreg.cli.summary import Summary
from jax_logreg.cli.sweep import Swept
from jax_logreg.data import Prepared
from jax_logreg.data.csv_columns import csv_bytes
from jax_logreg.model import Model
from jax_logreg.result import Result
from jax_logreg.status import Status


class Trained(NamedTuple):
    """A trained run: its result and data, its sweep if it had one, and its times."""

    result: Result
    data: Prepared
    sweep: Swept | None
    seconds: Seconds


class Outcome(NamedTuple):
    """A finished run: its result, its summary, and its files by name."""

    result: Result
    summary: Summary
    files: dict[str, bytes]


def conclude(config: Config, trained: Trained) -> Outcome:
    """Return the outcome of a run, the same on all hosts."""
    result, data, sweep, seconds = trained
    result = replace(result, advice=advise_run(Status(int(result.status)), config))
    train = predict(result, data.X_train, data.Y_train, data.s_train)
    test = None if data.Y_test is None else predict(result, data.X_test, data.Y_test, data.s_test)
    # Held-out examples judge a model better than those that it was trained on.
    evaluated = evaluate(*(test or train).some(), data.classes)
    asked = config.penalty.model_dump(mode="json")
    swept = None if sweep is None else sweep.summary
    if swept is not None:
        asked["strength"] = swept.strengths[swept.chosen]
    summary = summarise(result, data, asked, seconds, train, test, evaluated, swept)
    weights = coefficients(np.asarray(result.params.w), data.features, data.classes)
    files = {
        "config.toml": config.to_toml().encode(),
        "result.json": summary.to_json(),
        "history.csv": history(result.history),
        "model.safetensors": _model(config, trained).save(),
        "coefficients.csv": csv_bytes(weights),
        **evaluated.files,
        **({} if sweep is None else sweep.files),
    }
    files["report.html"] = render(files).encode()
    return Outcome(result, summary, files)


def _model(config: Config, trained: Trained) -> Model:
    data = trained.data
    return Model(
        trained.result.params,
        data.classes,
        data.features[: len(data.scaling.mean)],
        data.scaling,
        config.data.reading.of(data.levels.names),
        data.levels,
    )
