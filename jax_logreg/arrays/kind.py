"""The library that arrays belong to."""

import jax
import numpy as np

from jax_logreg.arrays.batched import Batched

# Types of NumPy and Python; any other array is JAX's, a tracer too.
_NUMPY = (np.ndarray, np.generic, bool, int, float, Batched)


# Most arguments are of these types themselves, which is seen in a third of the time.
_USUAL = frozenset({*_NUMPY[:-1], np.float32, np.float64, np.int32, np.bool_, type(None)})
# Return whether all types of an iterable are among them, so that no array is of many models.
numpys = _USUAL.issuperset


def is_numpy(*values: object) -> bool:
    """Return whether no value, nor any in a list or tuple of them, is JAX's."""
    for value in values:
        if type(value) in _USUAL or isinstance(value, _NUMPY):
            continue
        if isinstance(value, list | tuple):
            if not is_numpy(*value):
                return False
        elif isinstance(value, jax.Array):
            return False
    return True


def all_numpy(tree: object) -> bool:
    """Return whether every leaf of a tree is NumPy's, or a number of Python."""
    leaves = jax.tree.leaves(tree)
    return numpys(map(type, leaves)) or all(isinstance(leaf, _NUMPY) for leaf in leaves)
