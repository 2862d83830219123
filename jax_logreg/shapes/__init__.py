"""Shapes for annotations: n features, m examples, k outputs, and what may stand where X stands.

The tests check these shapes at run time; to a program without such a checker they are comments.
"""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Integer, Num, Shaped

from jax_logreg.shapes.matrix import Matrix

if TYPE_CHECKING:
    from jax import Array
    from jax.typing import DTypeLike
else:
    import jax

    # The heart's text runs on NumPy's arrays too; a static checker would then see both everywhere.
    Array = jax.Array | np.ndarray
    DTypeLike = object

__all__ = [
    "Array",
    "Bool",
    "DTypeLike",
    "Float",
    "Integer",
    "Matrix",
    "Num",
    "Number",
    "Shaped",
    "X_nm",
]

# One number, of Python, NumPy or JAX, traced or not.
Number: TypeAlias = float | np.floating | np.integer | Num[Array, ""]
# Examples in columns, (n, m).
X_nm: TypeAlias = Matrix | Num[Array, "n m"]
