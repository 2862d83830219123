"""Evaluation of probabilities: measures with intervals, curves, threshold, temperature."""

from jax_logreg.evaluation.curves import (
    Calibration,
    PrecisionRecall,
    Roc,
    calibration,
    confusion,
    precision_recall,
    roc,
)
from jax_logreg.evaluation.interval import Intervals, are_counts, bootstrap_intervals
from jax_logreg.evaluation.measures import (
    HIGHER_IS_BETTER,
    Measures,
    measure,
    predicted_classes,
)
from jax_logreg.evaluation.temperature import fit_temperature
from jax_logreg.evaluation.threshold import Threshold, choose_threshold

__all__ = [
    "HIGHER_IS_BETTER",
    "Calibration",
    "Intervals",
    "Measures",
    "PrecisionRecall",
    "Roc",
    "Threshold",
    "are_counts",
    "bootstrap_intervals",
    "calibration",
    "choose_threshold",
    "confusion",
    "fit_temperature",
    "measure",
    "precision_recall",
    "predicted_classes",
    "roc",
]
