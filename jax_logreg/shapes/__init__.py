"""Shapes for annotations: n features, m examples, k outputs, and what may stand where X stands.

The tests check these shapes at run time; to a program without such a checker they are comments.
They are jaxtyping's where it was imported before this package, as it is before a checker.
"""

import sys
from typing import TYPE_CHECKING, TypeAlias, TypeGuard, TypeVar

import numpy as np

from jax_logreg.shapes.matrix import Matrix

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float, Integer, Num, Shaped
else:
    # To import jaxtyping takes a tenth of the time that this package takes.
    from jax_logreg.shapes.unchecked import Bool, Float, Integer, Num, Shaped

if TYPE_CHECKING:
    from jax import Array
    from jax.typing import DTypeLike
    from typing_extensions import TypeIs
else:
    import jax

    # The heart's text runs on the arrays and numbers of NumPy too; a static checker would then see
    # all of them everywhere.
    Array = jax.Array | np.ndarray | np.generic
    DTypeLike = object
    # Python has it from 3.13 on.
    TypeIs = TypeGuard

__all__ = [
    "Array",
    "Bool",
    "Coefficient",
    "DTypeLike",
    "Float",
    "Integer",
    "Matrix",
    "NDArray",
    "Num",
    "Number",
    "Shaped",
    "T",
    "TypeIs",
    "X_nm",
]

# The type that a function returns, where another returns the same.
T = TypeVar("T")
# Of JAX or of NumPy, for a reader that takes both.
NDArray: TypeAlias = Array | np.ndarray
# One number, of Python, NumPy or JAX, traced or not.
Number: TypeAlias = float | np.floating | np.integer | Num[Array, ""]
# One number, or one a feature: (n, 1), and (n,) as a user may give them.
Coefficient: TypeAlias = Number | Num[NDArray, "..."]
# Examples in columns, (n, m).
X_nm: TypeAlias = Matrix | Num[Array, "n m"]
