"""How good a model's probabilities are: measures with intervals, tables, threshold, temperature."""

from jax_logreg.evaluation.curves import (
    Calibration,
    PrecisionRecall,
    Roc,
    calibration,
    confusion,
    precision_recall,
    roc,
)
from jax_logreg.evaluation.measures import (
    HIGHER_IS_BETTER,
    Measures,
    measure,
    predicted_classes,
)

__all__ = [
    "HIGHER_IS_BETTER",
    "Calibration",
    "Measures",
    "PrecisionRecall",
    "Roc",
    "calibration",
    "confusion",
    "measure",
    "precision_recall",
    "predicted_classes",
    "roc",
]
