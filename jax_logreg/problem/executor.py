"""The library that computes a fit: NumPy at once, or XLA once it has compiled the steps."""

from jax_logreg.errors import InputError
from jax_logreg.errors.describing import describe
from jax_logreg.logistic import Family
from jax_logreg.matrix import formed_in_numpy
from jax_logreg.problem.placing import Place

# Entries of Z, examples times outputs, up to which NumPy is through with one model before XLA has
# compiled and run. The first is for independent outputs, the second for classes: XLA computes their
# softmax on all cores. For 50 classes of 20,000 x 256, 10**6 entries, a first fit of 84 steps took
# 6 s of processor time in NumPy and 10 s by XLA, of which later ones take 5.5 s; for half the
# entries, and 41 steps, 1.4 s and 4.7 s.
_FEW, _FEW_OF_CLASSES = 2**22, 2**20
# Seconds that compiling a sweep takes beyond what XLA then computes.
_COMPILED = 3.0
# Seconds of a step of one model in NumPy: of its calls, for each entry of Z, and for each product
# with an entry of X; and the steps of a model. Models with a smooth penalty share their calls and
# products. The others are computed one after the other.
_AT_ONCE, _IN_TURN = (5e-4, 7e-8, 1.5e-10, 12), (1e-3, 2e-8, 7e-10, 15)
# Models of more features than this share a basis of low rank (`solver/basis.py`), and take so many
# times the steps.
_WHOLE, _MORE = 1024, 4


def computes_in_numpy(
    X: object,
    shape: tuple[int, int, int],
    family: Family,
    place: Place,
    models: int = 1,
    smooth: bool = True,
) -> bool:
    """Return whether NumPy computes fits of n features, m examples and k outputs, a `shape`.

    `smooth` says whether the penalty has a gradient everywhere.

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
        calls, entry, product, steps = _AT_ONCE if smooth else _IN_TURN
        steps = _MORE * steps if n > _WHOLE else steps
        return not why and models * steps * (calls + m * k * (entry + n * product)) <= _COMPILED
    return not why and m * k <= (_FEW if family.independent else _FEW_OF_CLASSES)


def _hindrance(X: object, place: Place) -> str:
    """Return in words why NumPy cannot compute a fit, "" where it can."""
    if place.device is not None or place.mesh is not None:
        return "a device is named, which XLA computes on"
    if not formed_in_numpy(X):
        return f"X is {describe(X)}, and not an array of NumPy"
    return ""
