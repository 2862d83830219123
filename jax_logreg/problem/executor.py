"""The library that computes a fit: NumPy at once, or XLA once it has compiled the steps."""

from jax_logreg.errors import InputError
from jax_logreg.errors.describing import describe
from jax_logreg.logistic import Family
from jax_logreg.matrix import formed_in_numpy
from jax_logreg.problem.placing import Place

# Entries of Z, examples times outputs, up to which NumPy is through with one model before XLA has
# compiled. The first is for independent outputs, the second for classes: XLA computes their softmax
# on all cores.
_FEW, _FEW_OF_CLASSES = 2**22, 2**18
# Seconds that compiling a sweep takes beyond what XLA then computes; and those of a step in NumPy:
# of its calls, for each entry of Z, and for each product with an entry of X. Steps of a model.
_COMPILED, _CALLS, _ENTRY, _PRODUCT = 3.0, 1e-3, 2e-8, 7e-10
_STEPS = 15


def computes_in_numpy(
    X: object, shape: tuple[int, int, int], family: Family, place: Place, models: int = 1
) -> bool:
    """Return whether NumPy computes fits of n features, m examples and k outputs, a `shape`.

    Raises:
        ValueError: NumPy was asked for, and cannot compute the fit.
    """
    if place.executor == "xla":
        return False
    why = _hindrance(X, place)
    if place.executor == "numpy":
        if why:
            raise InputError(f"executor is 'numpy', but {why}: expected 'auto' or 'xla'")
        return True
    n, m, k = shape
    if models > 1:
        step = _CALLS + m * k * (_ENTRY + n * _PRODUCT)
        return not why and models * _STEPS * step <= _COMPILED
    return not why and m * k <= (_FEW if family.independent else _FEW_OF_CLASSES)


def _hindrance(X: object, place: Place) -> str:
    """Return in words why NumPy cannot compute a fit, "" where it can."""
    if place.device is not None or place.mesh is not None:
        return "a device is named, which XLA computes on"
    if not formed_in_numpy(X):
        return f"X is {describe(X)}, and not an array of NumPy"
    return ""
