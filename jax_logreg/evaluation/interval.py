"""How far the measures move with the examples drawn."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.evaluation.examples import check_count, judged
from jax_logreg.evaluation.measures import Measures, weighted_measures
from jax_logreg.settings import check_seed

# Weights that are held at a time, 16 MB; some arrays as large are made of them.
_ENTRIES = 2**21


class Intervals(NamedTuple):
    """The lower and the upper end of each measure's interval; None where there is no number."""

    low: Measures
    high: Measures


def bootstrap_intervals(
    truth: Any,
    A: Any,
    s: Any = None,
    threshold: float = 0.5,
    bins: int = 15,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    losses: Any = None,
) -> Intervals:
    """Percentile intervals (Efron 1979) of all that `measure` gives, from the same arguments.

    A resample draws m of the m examples, each with its weight, with replacement: it is integer
    weights, and all are measured at once, some at a time so that memory stays bounded. A resample
    without a measure, the area where it drew one class only, does not count for that.

    Raises:
        InputError: as `measure`; no number of resamples, no seed, or no confidence.
    """
    check_count("resamples", resamples, 1_000_000)
    check_seed(seed)
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}: expected a number between 0 and 1")
    examples = judged(truth, A, s, losses)
    compute = weighted_measures(examples, threshold, bins)
    m = examples.truth.size
    counts = resample_counts(m, resamples, seed)
    found = []
    while some := list(islice(counts, max(1, _ENTRIES // m))):
        found.append(compute(np.stack(some, axis=1) * examples.s[:, None]))
    values = [np.concatenate(column) for column in zip(*found, strict=True)]
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    return Intervals(*(Measures(*(_quantile(a, level) for a in values)) for level in (low, high)))


def resample_counts(m: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of m examples is drawn, (m,), in one resample after the other."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, m, m), minlength=m)


def _quantile(values: np.ndarray, level: float) -> float | None:
    there = values[~np.isnan(values)]
    return float(np.quantile(there, level)) if there.size else None
