"""StableHLO by `jax.export`, for cpu, cuda and tpu alike, of any number of examples."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, export

from jax_logreg.errors.extras import needs
from jax_logreg.export.folding import (
    Answers,
    Centred,
    centred,
    threshold_in_float32,
    without_levels,
)
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL, Params, forward
from jax_logreg.model import Model

# jax.export serialises with flatbuffers, but does not depend on it.
with needs("stablehlo"):
    import flatbuffers  # noqa: F401

PLATFORMS = ("cpu", "cuda", "tpu")


def dump(model: Model) -> bytes:
    """Rows X (m, n) float32, any m, to probabilities (m, classes) and class numbers (m,) int32.

    The predictions are those of `forward`, of rows as all exports take them. JAX reads such files
    for at least six months of newer versions. The file has no names of classes: numbers count from
    0 in the model's order.

    Raises:
        InputError: the model has columns of categories, or numbers beyond float32.
    """
    without_levels(model, "stablehlo")
    (m,) = export.symbolic_shape("m")
    rows = jax.ShapeDtypeStruct((m, len(model.features)), jnp.float32)
    answer = jax.jit(
        partial(_answer, centred(model), len(model.classes), threshold_in_float32(model))
    )
    with jax.enable_x64(False):
        return bytes(export.export(answer, platforms=PLATFORMS)(rows).serialize())


def load(content: bytes) -> Callable[[np.ndarray], Answers]:
    """Return the predictions of JAX, on its default device; labels are numbers."""
    exported = export.deserialize(bytearray(content))

    def answers(rows: object) -> Answers:
        return Answers(*map(np.asarray, exported.call(jnp.asarray(rows, jnp.float32))))

    return answers


def _answer(
    parts: Centred, classes: int, threshold: np.float32, rows: Array
) -> tuple[Array, Array]:
    family = BINOMIAL if classes == 2 else MULTINOMIAL
    w, b = (jnp.asarray(part) for part in (parts.w, parts.b))
    X = rows.T - parts.centre if parts.centre.any() else rows.T
    if classes == 2:
        # The first class has -Z: 1 - P would lose digits where P is near 1.
        A = forward(Params(jnp.concatenate([-w, w], axis=1), jnp.concatenate([-b, b])), X, family)
        return A.T, (A[1] > threshold).astype(jnp.int32)
    A = forward(Params(w, b), X, family)
    return A.T, jnp.argmax(A, axis=0).astype(jnp.int32)
