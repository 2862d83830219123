"""The summary of a finished run, and its history."""

import platform
import re
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

import jax_logreg
from jax_logreg.arrays import is_numpy
from jax_logreg.cli.report.tables import Evaluated
from jax_logreg.cli.summary import (
    CertificateSummary,
    CheckSummary,
    DataSummary,
    EvaluationSummary,
    PenaltySummary,
    Summary,
    SweepSummary,
    Weighted,
)
from jax_logreg.data import Prepared
from jax_logreg.data.csv_columns import csv_bytes, finite_or_nan
from jax_logreg.evaluation import predicted_classes
from jax_logreg.hosts import count, share
from jax_logreg.model import family_name, probabilities
from jax_logreg.proof.gradient_check import GradientCheck
from jax_logreg.result import History, Result
from jax_logreg.status import Status

# Probabilities that curves are drawn of at most, and examples at least.
_NUMBERS, _FEWEST = 1_000_000, 2_000


class Seconds(NamedTuple):
    """Wall-clock seconds: reading the data, compiling, and the rest of the fit."""

    load: float
    compile: float
    fit: float


class Predicted(NamedTuple):
    """A model's predictions of the examples of all hosts.

    They are true class numbers (m,), probabilities A (k, m), and weights (m,), or None where every
    example counts once.
    """

    truth: np.ndarray
    A: np.ndarray
    s: np.ndarray | None = None

    def some(self) -> "Predicted":
        """Return the predictions to draw curves of: all, or a sample that takes a second."""
        most = max(_NUMBERS // len(self.A), _FEWEST)
        # An example of weight 0 changes no curve.
        counted = np.arange(self.truth.size) if self.s is None else np.flatnonzero(self.s)
        if counted.size <= most:
            return self
        drawn = np.random.default_rng(0).choice(counted.size, most, replace=False)
        chosen = counted[np.sort(drawn)]
        s = None if self.s is None else self.s[chosen]
        return Predicted(self.truth[chosen], self.A[:, chosen], s)

    @property
    def accuracy(self) -> float:
        """The weighted share of examples that are classified right."""
        return float(np.average(predicted_classes(self.A) == self.truth, weights=self.s))

    def of_classes(self, k: int) -> list[float]:
        """Return the number of examples of each of k classes, or the sum of their weights."""
        found: list[float] = np.bincount(self.truth, self.s, k).tolist()
        # Counts of examples are integers, sums of weights are not.
        return found if self.s is not None else [int(one) for one in found]


def predict(result: Result, X: object, Y: np.ndarray, s: np.ndarray | None = None) -> Predicted:
    """Return the predictions of a part of the data, of which this host has X (n, m), Y (k, m)."""
    own = {"truth": predicted_classes(Y), "A": probabilities(result.params, X)}
    heard = share(lambda: own if s is None else {**own, "s": np.ravel(s)})
    whole = {name: np.concatenate([one[name] for one in heard], axis=-1) for name in heard[0]}
    return Predicted(**whole)


def run_name(data: Prepared) -> str:
    """Return the name of a run on its pages."""
    return f"Logistic regression on {data.source}"


def summarise(
    result: Result,
    data: Prepared,
    penalty: dict[str, object],
    seconds: Seconds,
    train: Predicted,
    test: Predicted | None,
    evaluated: Evaluated,
    sweep: SweepSummary | None = None,
) -> Summary:
    """Return the summary of a run; infinite numbers and NaN become None.

    `penalty` is that of the config, with the strength that a sweep chose.
    """
    certificate = result.certificate
    given = {} if sweep is None else {"sweep": sweep}
    return Summary(
        name=run_name(data),
        status=Status(int(result.status)).name.lower(),
        message=result.message,
        steps=result.steps,
        family=family_name(result.params),
        classes=list(data.classes),
        penalty=PenaltySummary(**penalty),
        solver=result.solver,
        notes=[*result.notes, *data.notes],
        cost=_finite(certificate.cost),
        gradient_norm=_finite(certificate.gradient_norm),
        certificate=CertificateSummary(
            gap=_finite(certificate.gap),
            relative_gap=_finite(certificate.relative_gap),
            error_in_std_errs=_finite(certificate.error_in_std_errs),
        ),
        weights=int(result.params.w.size),
        nonzero_weights=int(np.count_nonzero(result.params.w)),
        train_accuracy=train.accuracy,
        test_accuracy=None if test is None else test.accuracy,
        gradient_check=_check(result.gradient_check, data.features),
        data=_data(data, train, test),
        seconds=seconds._asdict(),
        **_machine(result),
        **given,
        evaluation=EvaluationSummary(
            on="train" if test is None else "test",
            examples=evaluated.examples,
            of=(test or train).truth.size,
            weighted=(test or train).s is not None,
            measures=evaluated.measures._asdict(),
        ),
    )


def _data(data: Prepared, train: Predicted, test: Predicted | None) -> DataSummary:
    names = [str(name) for name in data.classes]
    return DataSummary(
        source=data.source,
        features=data.X_train.shape[0],
        train=train.truth.size,
        test=0 if test is None else test.truth.size,
        classes=list(zip(names, train.of_classes(len(names)), strict=True)),
        weighted=Weighted(train=train.s is not None, test=test is not None and test.s is not None),
        picture=list(data.picture),
    )


def _machine(result: Result) -> dict[str, object]:
    """Return the devices that computed the run, and the versions of the libraries."""
    w = result.params.w
    devices = [] if is_numpy(w) else sorted(w.devices(), key=lambda one: one.id)
    return {
        "device": devices[0].device_kind if devices else "cpu",
        "devices": jax.device_count() if count() > 1 else max(len(devices), 1),
        "executor": result.executor,
        "hosts": count(),
        "platform": devices[0].platform if devices else "cpu",
        "versions": {
            "jax_logreg": jax_logreg.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def history(history: History) -> bytes:
    """Return history.csv: a row a step, with empty cells without a bound or a check."""
    shown = {
        **history._asdict(),
        "relative_gap": finite_or_nan(history.relative_gap),
        "gradient_error": finite_or_nan(history.gradient_error),
    }
    return csv_bytes({"step": np.arange(len(history.cost)), **shown})


def _check(check: GradientCheck | None, features: Sequence[str]) -> CheckSummary:
    if check is None:
        return CheckSummary(passed=None, max_relative_error=None)
    row = re.match(r"dw\[(\d+)", check.worst)
    return CheckSummary(
        passed=bool(check.passed),
        max_relative_error=_finite(check.max_relative_error),
        max_absolute_error=_finite(check.max_absolute_error),
        tolerance=_finite(check.tolerance),
        worst_entry=check.worst,
        worst_feature=None if row is None else str(features[int(row[1])]),
    )


def _finite(value: ArrayLike) -> float | None:
    """Return a number by the shortest digits of its dtype; None where JSON has no number for it."""
    return float(str(np.asarray(value)[()])) if np.isfinite(value) else None
