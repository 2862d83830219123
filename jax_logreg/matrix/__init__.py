"""What may stand where X stands: anything that offers `w.T @ X` and `X @ dZ.T`."""

from jax_logreg.matrix.dense import Transposed, aligned, is_array, mean_absolute, place

__all__ = ["Transposed", "aligned", "is_array", "mean_absolute", "place"]
