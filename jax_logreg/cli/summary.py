"""What is said of a finished run: result.json, history.csv, and the measures in words."""

import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import jax_logreg
from jax_logreg.cli.config import Config
from jax_logreg.data import Prepared
from jax_logreg.data.csv_columns import csv_bytes, finite_or_nan
from jax_logreg.evaluation import predicted_classes
from jax_logreg.evaluation.scores import SCORES
from jax_logreg.hosts import count, share
from jax_logreg.model import family_name, probabilities
from jax_logreg.proof.goal import in_words
from jax_logreg.proof.gradient_check import GradientCheck
from jax_logreg.result import History, Result

# Probabilities that curves are drawn of, and examples at least.
_NUMBERS, _FEWEST = 1_000_000, 2_000
_RULES = {"best": "best", "one_standard_error": "strongest within a standard error of the best"}


class Seconds(NamedTuple):
    """Wall-clock seconds: reading the data, compiling, and the fit without the compiling."""

    load: float
    compile: float
    fit: float


class Predicted(NamedTuple):
    """What a model says of the examples of all hosts: true class numbers (m,), A (k, m), and
    weights (m,), None where every example counts once.
    """

    truth: np.ndarray
    A: np.ndarray
    s: np.ndarray | None = None

    def some(self) -> "Predicted":
        """Those that curves are drawn of: all, or as many by chance as take a second."""
        most = max(_NUMBERS // len(self.A), _FEWEST)
        # An example of weight 0 says nothing.
        counted = np.arange(self.truth.size) if self.s is None else np.flatnonzero(self.s)
        if counted.size <= most:
            return self
        drawn = np.random.default_rng(0).choice(counted.size, most, replace=False)
        chosen = counted[np.sort(drawn)]
        s = None if self.s is None else self.s[chosen]
        return Predicted(self.truth[chosen], self.A[:, chosen], s)

    @property
    def accuracy(self) -> float:
        """The weighted share put into the right class."""
        return float(np.average(predicted_classes(self.A) == self.truth, weights=self.s))

    def of_classes(self, k: int) -> list[float]:
        """The number of examples of each of k classes, or the sum of their weights."""
        found: list[float] = np.bincount(self.truth, self.s, k).tolist()
        # Sums of weights come as numbers, counts of examples as integers.
        return found if self.s is not None else [int(one) for one in found]


def predict(result: Result, X: Any, Y: Any, s: Any = None) -> Predicted:
    """The predictions of a part of the data, given what this host has of it."""
    told = {"truth": predicted_classes(Y), "A": probabilities(result.params, X)}
    heard = share(lambda: told if s is None else {**told, "s": np.ravel(s)})
    whole = {name: np.concatenate([one[name] for one in heard], axis=-1) for name in heard[0]}
    return Predicted(**whole)


def run_name(data: Prepared) -> str:
    """What a run is called on its pages."""
    return f"Logistic regression on {data.source}"


def summarise(
    result: Result,
    data: Prepared,
    config: Config,
    seconds: Seconds,
    train: Predicted,
    test: Predicted | None,
) -> dict[str, Any]:
    """The content of result.json; what is infinite or NaN is None."""
    devices = result.params.w.devices()
    device = min(devices, key=lambda one: one.id)
    certificate = result.certificate
    names = [str(name) for name in data.classes]
    return {
        "name": run_name(data),
        "status": result.status.name.lower(),
        "message": result.message,
        "steps": result.steps,
        "family": family_name(result.params),
        "classes": list(data.classes),
        "penalty": config.penalty.model_dump(mode="json"),
        "solver": result.solver,
        "notes": [*result.notes, *data.notes],
        "cost": _finite(certificate.cost),
        "gradient_norm": _finite(certificate.gradient_norm),
        "certificate": {
            "gap": _finite(certificate.gap),
            "relative_gap": _finite(certificate.relative_gap),
            "error_in_std_errs": _finite(certificate.error_in_std_errs),
        },
        "weights": int(result.params.w.size),
        "nonzero_weights": int(np.count_nonzero(result.params.w)),
        "train_accuracy": train.accuracy,
        "test_accuracy": None if test is None else test.accuracy,
        "gradient_check": _check(result.gradient_check, data.features),
        "data": {
            "source": data.source,
            "features": data.X_train.shape[0],
            "train": train.truth.size,
            "test": 0 if test is None else test.truth.size,
            "classes": list(zip(names, train.of_classes(len(names)), strict=True)),
            "weighted": {
                "train": train.s is not None,
                "test": test is not None and test.s is not None,
            },
            "picture": list(data.picture),
        },
        "seconds": seconds._asdict(),
        "device": device.device_kind,
        "devices": jax.device_count() if count() > 1 else len(devices),
        "hosts": count(),
        "platform": device.platform,
        "versions": {
            "jax_logreg": jax_logreg.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def measures(summary: dict[str, Any], notes: Sequence[str]) -> dict[str, str]:
    """The rows of the closing table and of the report in words, these notes among them."""
    shown = {
        "status": summary["status"],
        "steps": str(summary["steps"]),
        "solver": summary["solver"],
        "cost": number(summary["cost"], ".6f"),
        "gradient norm": number(summary["gradient_norm"], ".2e"),
        "relative gap": _gap(summary),
        "numerical error": _error(summary),
        "weights not 0": f"{summary['nonzero_weights']:,} of {summary['weights']:,}",
        "train accuracy": accuracy(summary, "train"),
        "test accuracy": accuracy(summary, "test"),
    }
    if "sweep" in summary:
        shown |= _sweep(summary["sweep"])
    if summary["penalty"]["kind"] not in ("l1", "elastic_net"):
        # Only they make zeros on purpose.
        del shown["weights not 0"]
    for i, note in enumerate(notes):
        shown["note" if i == 0 else f"note {i + 1}"] = note
    return shown


def _sweep(sweep: dict[str, Any]) -> dict[str, str]:
    """The choice of a sweep, and how its models ended."""
    i = sweep["chosen"]
    error = sweep["standard_error"][i]
    band = "" if error is None else f" ± {error:.2g}"
    status = ", ".join(f"{count} {name}" for name, count in sweep["status"].items())
    strengths = sweep["strengths"]
    ends = {
        max(strengths): "; the best is the strongest tried, try stronger",
        min(strengths): "; the best is the weakest tried, try weaker",
    }
    end = ends.get(strengths[sweep["best"]], "") if len(strengths) > 1 else ""
    return {
        "strength": f"{strengths[i]:.4g}, the {_RULES[sweep['choose']]} of {len(strengths)}{end}",
        SCORES[sweep["scoring"]].upwards: f"{sweep['mean'][i]:.4g}{band}, held out",
        "models": f"{sweep['models']}: {status}",
    }


def accuracy(summary: Mapping[str, Any], part: str) -> str:
    """The accuracy of the training or of the test part, in words; "none" where it is not known."""
    shown = number(summary.get(f"{part}_accuracy"), ".2%")
    # Runs of earlier versions do not say it: theirs was not weighted.
    by_weight = summary.get("data", {}).get("weighted", {}).get(part, False)
    return f"{shown}, weighted" if by_weight else shown


def number(value: float | None, form: str) -> str:
    """The number in this format, or "none"."""
    return "none" if value is None else format(value, form)


def history(history: History) -> bytes:
    """Return history.csv: a row a step, empty where there is no bound or was no check."""
    shown = {
        **history._asdict(),
        "relative_gap": finite_or_nan(history.relative_gap),
        "gradient_error": finite_or_nan(history.gradient_error),
    }
    return csv_bytes({"step": np.arange(len(history.cost)), **shown})


def _gap(summary: dict[str, Any]) -> str:
    gap = summary["certificate"]["relative_gap"]
    if gap is not None:
        return f"at most {gap:.1e} of J(0) above the optimal cost"
    without = summary["penalty"]["kind"] == "none"
    return "no bound without a penalty" if without else "no bound: a feature is unpenalised"


def _error(summary: dict[str, Any]) -> str:
    error = summary["certificate"].get("error_in_std_errs")
    return "no bound" if error is None else in_words(error)


def _check(check: GradientCheck | None, features: Sequence[str]) -> dict[str, Any]:
    if check is None:
        return {"passed": None, "max_relative_error": None}
    row = re.match(r"dw\[(\d+)", check.worst)
    return {
        "passed": bool(check.passed),
        "max_relative_error": _finite(check.max_relative_error),
        "max_absolute_error": _finite(check.max_absolute_error),
        "tolerance": _finite(check.tolerance),
        "worst_entry": check.worst,
        "worst_feature": None if row is None else str(features[int(row[1])]),
    }


def _finite(value: Any) -> float | None:
    # JSON knows no NaN. The shortest digits that are this float32 again, not those of a float64.
    return float(str(np.asarray(value)[()])) if np.isfinite(value) else None
