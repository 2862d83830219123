"""Confidence intervals of the measures, by a bootstrap over the examples."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from jax_logreg.errors.checks import check_flag, check_number
from jax_logreg.evaluation.examples import check_count, judged
from jax_logreg.evaluation.measures import Measures, weighted_measures
from jax_logreg.problem.settings import check_seed

# Weights that are held at a time, 16 MB; some more arrays of that size are made from them.
_ENTRIES = 2**21
# Beyond this float64 does not hold every whole number.
_MOST_COUNTED = 2**53


class Intervals(NamedTuple):
    """The lower and the upper end of each measure's interval; None where there is no number."""

    low: Measures
    high: Measures


def bootstrap_intervals(
    truth: object,
    A: object,
    s: object = None,
    threshold: float = 0.5,
    bins: int = 15,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    losses: object = None,
    counts: bool | None = None,
) -> Intervals:
    """Return bootstrap intervals (Efron 1979) of all measures, from the arguments of `measure`.

    A resample draws as many examples as there are, with replacement, and so is integer weights.
    Many are measured at once, as many as bounded memory allows. A resample of one class has no area
    under the ROC curve, and does not count for it. Intervals are percentiles, except that of the
    calibration error. Noise alone makes a sum of absolute values larger, so most resamples lie
    above it.

    Args:
        truth: as in `measure`.
        A: as in `measure`.
        s: as in `measure`.
        threshold: as in `measure`.
        bins: as in `measure`.
        resamples: the number of resamples.
        seed: the seed of the draws.
        confidence: the share of samples whose interval holds the true value.
        losses: as in `measure`.
        counts: True draws Σs examples, of which s are alike; False draws rows, each with its
            weight s. By default True where `are_counts`.

    Raises:
        InputError: as of `measure`; resamples, a seed or a confidence out of range.
    """
    check_count("resamples", resamples, 1_000_000)
    check_seed(seed)
    check_number("confidence", confidence, 0, 1)
    if counts is not None:
        check_flag("counts", counts)
    examples = judged(truth, A, s, losses)
    compute = weighted_measures(examples, threshold, bins)
    (at, errors), found, moved = compute(examples.s[:, None]), [], []
    drawn = resampled_weights(examples.s, resamples, seed, counts)
    while some := list(islice(drawn, max(1, _ENTRIES // examples.truth.size))):
        there, there_errors = compute(np.stack(some, axis=1))
        found.append(there)
        moved.append(_moves(errors, there_errors))
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    values = [np.concatenate(column) for column in zip(*found, strict=True)]
    ends = [Measures(*(_quantile(a, level) for a in values)) for level in (low, high)]
    of_calibration = _around(float(at.expected_calibration_error[0]), moved, high)
    ends = [
        end._replace(expected_calibration_error=one)
        for end, one in zip(ends, of_calibration, strict=True)
    ]
    return Intervals(*ends)


def are_counts(s: np.ndarray) -> bool:
    """Return whether all weights are whole numbers, and so may be counts of examples."""
    return bool(np.all(s == np.round(s)) and s.sum() < _MOST_COUNTED)


def resampled_weights(
    s: np.ndarray, resamples: int, seed: int, counts: bool | None = None
) -> Iterator[np.ndarray]:
    """Yield the weights (m,) of each resample, from those of the examples, s (m,)."""
    if counts is None:
        counts = are_counts(s)
    if np.all(s == 1) or not counts:
        yield from (drawn * s for drawn in resample_counts(s.size, resamples, seed))
        return
    rng, total = np.random.default_rng(seed), s.sum()
    for _ in range(resamples):
        yield rng.multinomial(int(total), s / total).astype(np.float64)


def resample_counts(m: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the number of times that each of m examples is drawn, (m,), for each resample."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, m, m), minlength=m)


def _moves(errors: np.ndarray, resampled: np.ndarray) -> np.ndarray:
    """Return two sums (2, r) of how signed errors e (bins, 1) move to e' (bins, r) in resamples.

    They are Σ |e' − e| and Σ sign(e)·(e' − e).
    """
    moved = resampled - errors
    return np.stack([np.abs(moved).sum(axis=0), np.sum(np.sign(errors) * moved, axis=0)])


def _around(value: float, moved: list[np.ndarray], level: float) -> tuple[float, float]:
    """Return an interval around Σ |e|; it holds the sum, and starts at 0 where all true e are 0.

    With true errors t, Σ|e| − Σ|t| is at most Σ|e − t|, and Σ|t| − Σ|e| at most Σ sign(t)·(t − e).
    A resample moves as far from e as e is from t.
    """
    most, outwards = np.concatenate(moved, axis=1)
    low, high = np.quantile(most, level), np.quantile(outwards, level)
    return float(max(value - low, 0)), float(min(value + max(high, 0), 1))


def _quantile(values: np.ndarray, level: float) -> float | None:
    there = values[~np.isnan(values)]
    return float(np.quantile(there, level)) if there.size else None
