"""Many models over one X."""

from jax_logreg.sweep.bootstrap import Bootstrap, Interval, bootstrap
from jax_logreg.sweep.cross_validation import CrossValidation, cross_validate
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.many import fit_many
from jax_logreg.sweep.path import Path, path

__all__ = [
    "Bootstrap",
    "CrossValidation",
    "Fits",
    "Interval",
    "Path",
    "bootstrap",
    "cross_validate",
    "fit_many",
    "path",
]
