"""The straight line of one run: data, fit, measures, files."""

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

import jax_logreg
from jax_logreg.data import Prepared, prepare
from jax_logreg.extras import needs
from jax_logreg.fit import fit
from jax_logreg.gradient_check import GradientCheck
from jax_logreg.result import Result
from jax_logreg.run.config import Config
from jax_logreg.run.model import Model, probabilities
from jax_logreg.run.progress import show_progress
from jax_logreg.run.report import render

with needs("run"):
    from rich.console import Console


class Seconds(NamedTuple):
    """Wall-clock seconds: reading the data, compiling, and the fit without the compiling."""

    load: float
    compile: float
    fit: float


class Outcome(NamedTuple):
    """A finished run: what was fitted, what is said of it, and its files by name."""

    result: Result
    summary: dict[str, Any]
    files: dict[str, bytes]


def run(config: Config, console: Console) -> Outcome:
    """Train as the config says.

    Raises:
        InputError: data or numbers that cannot be used, in one line.
    """
    began = time.perf_counter()
    data = prepare(config.data, config.fit.dtype)
    load = time.perf_counter() - began
    n, m = data.X_train.shape
    test = 0 if data.X_test is None else data.X_test.shape[1]
    console.print(
        f"{data.source}: {m} examples, {n} features; {test} held out",
        highlight=False,
        soft_wrap=True,
    )
    began = time.perf_counter()
    with _compiling() as compiled, show_progress(console, config.fit.steps) as show:
        arguments = {name: getattr(config.fit, name) for name in type(config.fit).model_fields}
        solver = config.solver.solver()
        result = fit(data.X_train, data.Y_train, solver=solver, callback=show, **arguments)
    elapsed = time.perf_counter() - began
    seconds = Seconds(load, sum(compiled), elapsed - sum(compiled))
    summary = _summary(result, data, seconds)
    model = Model(result.params, data.classes, data.features, data.scaling, config.data.reading)
    files = {
        "config.toml": config.to_toml().encode(),
        "result.json": (json.dumps(summary, indent=2, allow_nan=False) + "\n").encode(),
        "history.csv": _history(result).encode(),
        "model.safetensors": model.save(),
        "report.html": render(result, summary, config.to_toml(), data.source).encode(),
    }
    return Outcome(result, summary, files)


@contextmanager
def _compiling() -> Iterator[list[float]]:
    """The seconds of each lowering and compilation while the block runs."""
    seconds: list[float] = []

    def listen(event: str, duration_secs: float, **_: Any) -> None:
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


def _summary(result: Result, data: Prepared, seconds: Seconds) -> dict[str, Any]:
    (device,) = result.params.w.devices()
    return {
        "status": result.status.name.lower(),
        "message": result.message,
        "steps": result.steps,
        "cost": _finite(result.certificate.cost),
        "gradient_norm": _finite(result.certificate.gradient_norm),
        "train_accuracy": _accuracy(result, data.X_train, data.Y_train),
        "test_accuracy": _accuracy(result, data.X_test, data.Y_test),
        "gradient_check": _check(result.gradient_check),
        "seconds": seconds._asdict(),
        "device": device.device_kind,
        "platform": device.platform,
        "versions": {
            "jax_logreg": jax_logreg.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _check(check: GradientCheck | None) -> dict[str, Any]:
    if check is None:
        return {"passed": None, "max_relative_error": None}
    return {
        "passed": bool(check.passed),
        "max_relative_error": _finite(check.max_relative_error),
        "max_absolute_error": _finite(check.max_absolute_error),
        "tolerance": _finite(check.tolerance),
        "worst_entry": check.worst,
    }


def _finite(number: Any) -> float | None:
    # JSON knows no NaN. The shortest digits that are this float32 again, not those of a float64.
    return float(str(np.asarray(number)[()])) if np.isfinite(number) else None


def _accuracy(result: Result, X: Any, Y: Any) -> float | None:
    if X is None:
        return None
    return float(np.mean((probabilities(result.params, X) > 0.5) == Y[0]))


def _history(result: Result) -> str:
    cost, norm, error = result.history
    rows = [
        f"{step},{J},{size},{'' if np.isnan(checked) else checked}"
        for step, (J, size, checked) in enumerate(zip(cost, norm, error, strict=True))
    ]
    return "\n".join(["step,cost,gradient_norm,gradient_error", *rows, ""])
