"""What may stand where X stands: anything that offers `w.T @ X` and `X @ dZ.T`."""

from jax_logreg.matrix.dense import Transposed, is_array, mean_absolute, place

__all__ = ["Transposed", "is_array", "mean_absolute", "place"]
