"""The library that computes a fit: NumPy at once, or XLA once it has compiled the steps."""

from jax_logreg.errors import InputError
from jax_logreg.errors.describing import describe
from jax_logreg.logistic import Family
from jax_logreg.matrix import formed_in_numpy
from jax_logreg.penalty import Penalty
from jax_logreg.problem.placing import Place

# Entries of Z, examples times outputs, up to which NumPy is through before XLA has compiled. The
# first is for independent outputs, the second for classes: XLA computes their softmax on all cores.
_FEW, _FEW_OF_CLASSES = 2**22, 2**18


def computes_in_numpy(
    X: object, labels: int, family: Family, penalty: Penalty | None, place: Place
) -> bool:
    """Return whether NumPy computes a fit of that many `labels`, examples times outputs.

    Raises:
        ValueError: NumPy was asked for, and cannot compute the fit.
    """
    if place.executor == "xla":
        return False
    why = _hindrance(X, penalty, place)
    if place.executor == "numpy" and why:
        raise InputError(f"executor is 'numpy', but {why}: expected 'auto' or 'xla'")
    few = _FEW if family.independent else _FEW_OF_CLASSES
    return not why and (place.executor == "numpy" or labels <= few)


def _hindrance(X: object, penalty: Penalty | None, place: Place) -> str:
    """Return in words why NumPy cannot compute a fit, "" where it can."""
    if place.device is not None or place.mesh is not None:
        return "a device is named, which XLA computes on"
    if not formed_in_numpy(X):
        return f"X is {describe(X)}, and not an array of NumPy"
    if penalty is not None and not penalty.smooth:
        return f"the penalty {type(penalty).__name__} has no gradient at 0"
    return ""
