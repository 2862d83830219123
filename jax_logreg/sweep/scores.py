"""The scores of held-out examples, on the device of the models; higher is better."""

from functools import cached_property

import numpy as np
from jax import Array

from jax_logreg.arrays import one_hot
from jax_logreg.arrays import xp as jnp
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import check_choice
from jax_logreg.evaluation.scores import SCORES, Score, Weighed
from jax_logreg.logistic import Batch, Family, Params, linear, over_outputs

# Bins of the calibration error, as of `measure`.
_BINS = 15


def find_score(scoring: str | Score) -> Score:
    """Return the score of a name, or the score itself.

    Raises:
        InputError: no score has the name.
    """
    if isinstance(scoring, Score):
        return scoring
    check_choice("scoring", scoring, SCORES)
    return SCORES[scoring]


def check_scorable(score: Score, held: np.ndarray, Y: np.ndarray) -> None:
    """Refuse weights (f, m) of held-out examples, of labels Y (k, m), that have no score.

    Raises:
        InputError: a fold without weight, or of one class where a score ranks classes.
    """
    for fold, weights in enumerate(held):
        if not weights.sum() > 0:
            raise InputError(
                f"fold {fold} holds out no example with a positive weight: expected some in each: "
                "pass fewer folds, or other weights s"
            )
        positive = Y @ weights
        if score.ranks and not np.all((positive > 0) & (positive < weights.sum())):
            raise InputError(
                f"fold {fold} does not hold out some of every class, which '{score.name}' ranks: "
                "expected stratified folds, fewer, or another scoring"
            )


def score_held_out(score: Score, params: Params, batch: Batch, family: Family) -> Array:
    """Return the score of a model on the examples of a batch, of which s (1, m) are the weights."""
    W = batch.s.T
    value = score.compute(_Predictions(params, batch, family))(W, jnp.sum(W, axis=0))[0]
    return value if score.higher_is_better else -value


class _Predictions:
    """Predictions as scores see them, in a trace; of k outputs an example may have k labels."""

    def __init__(self, params: Params, batch: Batch, family: Family) -> None:
        self._params, self._batch, self._family = params, batch, family

    @cached_property
    def _logits(self) -> Array:
        return linear(self._params, self._batch.X)

    @cached_property
    def _probabilities(self) -> Array:
        return self._family.activation(self._logits)

    @cached_property
    def _predicted(self) -> Array:
        """The predicted class of each example, as Y (k, m) of 0 and 1."""
        A = self._probabilities
        if self._family.independent:
            return (A > 0.5).astype(A.dtype)
        return one_hot(jnp.argmax(A, axis=0), len(A), A.dtype)

    @property
    def losses(self) -> Array:
        return over_outputs(self._family.cross_entropy(self._logits, self._batch.Y))[0]

    @property
    def right(self) -> Array:
        return jnp.all(self._predicted == self._batch.Y, axis=0).astype(self._probabilities.dtype)

    @property
    def squares(self) -> Array:
        return over_outputs((self._probabilities - self._batch.Y) ** 2)[0]

    @property
    def confidence(self) -> tuple[Array, Array]:
        A, Y = self._probabilities, self._batch.Y
        if len(A) == 1:
            return A[0], Y[0]
        if self._family.independent:
            # The probability that all outputs are right.
            return jnp.prod(jnp.maximum(A, 1 - A), axis=0), self.right
        return jnp.max(A, axis=0), self.right

    def sums(self, values: Array) -> Weighed[Array]:
        return lambda W, _: _product(values[None], W)[0]

    def recalls(self) -> Weighed[Array]:
        Y, predicted = (self._classes(labels) for labels in (self._batch.Y, self._predicted))
        return lambda W, _: _product(Y * predicted, W) / _product(Y, W)

    def areas(self) -> Weighed[Array]:
        pairs = list(zip(self._probabilities, self._batch.Y, strict=True))
        # A sweep's models are those of a `vmap`: each sees one column of weights.
        return lambda W, _: jnp.stack([_area(a, y, W[:, 0]) for a, y in pairs])[:, None]

    def binned(self, p: Array, values: Array) -> Weighed[Array]:
        edges = jnp.linspace(0, 1, _BINS + 1, dtype=p.dtype)[1:-1]
        numbers = jnp.searchsorted(edges, p)
        rows = one_hot(numbers, _BINS, values.dtype) * values[None]
        return lambda W, _: _product(rows, W)

    def _classes(self, Y: Array) -> Array:
        return jnp.concatenate([1 - Y, Y]) if self._family.independent else Y


def _product(rows: Array, W: Array) -> Array:
    return jnp.matmul(rows, W, precision="highest")


def _area(a: Array, y: Array, s: Array) -> Array:
    order = jnp.argsort(a)
    a, y, s = a[order], y[order], s[order]
    below = jnp.concatenate([jnp.zeros_like(a, shape=1), jnp.cumsum(s * (1 - y))])
    # A tie counts for a half.
    ranked = (below[jnp.searchsorted(a, a)] + below[jnp.searchsorted(a, a, side="right")]) / 2
    return jnp.sum(s * y * ranked) / (jnp.sum(s * y) * below[-1])
