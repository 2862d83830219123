"""How good predictions are on held-out examples; of every score more is better."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jax_logreg.errors import InputError
from jax_logreg.errors.checks import check_choice
from jax_logreg.logistic import Batch, Family, Params, cost, forward

# From parameters, the batch whose s marks what is held out, and the family, to a number.
Score = Callable[[Params, Batch, Family], Array]


def find_score(scoring: Any) -> Score:
    """The score of that name.

    Raises:
        ValueError: a name that is none.
    """
    check_choice("scoring", scoring, SCORES)
    return SCORES[scoring]


def check_scorable(score: Score, held: np.ndarray, Y: np.ndarray) -> None:
    """Refuse weights (f, m) of held-out examples, of labels Y (k, m), that have no score.

    Raises:
        ValueError: a fold without weight, or one that shows but one side of what is to be ranked.
    """
    for fold, weights in enumerate(held):
        if not weights.sum() > 0:
            raise InputError(f"fold {fold} holds out no example with a positive weight")
        positive = Y @ weights
        if score is _roc_auc and not np.all((positive > 0) & (positive < weights.sum())):
            raise InputError(
                f"fold {fold} does not hold out some of every class, which 'roc_auc' ranks: "
                "expected stratified folds, fewer, or another scoring"
            )


def _log_loss(params: Params, batch: Batch, family: Family) -> Array:
    return -cost(params, batch, family=family)


def _predicted(params: Params, batch: Batch, family: Family) -> Array:
    """The class that each example is put into, as Y (k, m) of 0 and 1."""
    A = forward(params, batch.X, family)
    if family.independent:
        return (A > 0.5).astype(A.dtype)
    return jax.nn.one_hot(jnp.argmax(A, axis=0), len(A), axis=0, dtype=A.dtype)


def _accuracy(params: Params, batch: Batch, family: Family) -> Array:
    right = jnp.all(_predicted(params, batch, family) == batch.Y, axis=0, keepdims=True)
    return jnp.sum(batch.s, where=right) / jnp.sum(batch.s)


def _balanced_accuracy(params: Params, batch: Batch, family: Family) -> Array:
    """The mean over the classes that there are of the share predicted right."""
    s, found = batch.s, _classes(_predicted(params, batch, family), family)
    Y = _classes(batch.Y, family)
    of_class = jnp.sum(s * Y, axis=1)
    right = jnp.sum(s * Y * found, axis=1) / jnp.where(of_class > 0, of_class, 1)
    return jnp.sum(right) / jnp.sum((of_class > 0).astype(right.dtype))


def _brier(params: Params, batch: Batch, family: Family) -> Array:
    """Σ over the classes of (A − Y)², or of one alone where there are two: less is better."""
    error = jnp.sum((forward(params, batch.X, family) - batch.Y) ** 2, axis=0, keepdims=True)
    return -jnp.sum(batch.s * error) / jnp.sum(batch.s)


def _roc_auc(params: Params, batch: Batch, family: Family) -> Array:
    """The mean over the outputs of how often an example of 1 is ranked above one of 0."""
    A = forward(params, batch.X, family)
    areas = [_area(*row, batch.s[0]) for row in zip(A, batch.Y, strict=True)]
    return jnp.mean(jnp.stack(areas))


def _area(a: Array, y: Array, s: Array) -> Array:
    order = jnp.argsort(a)
    a, y, s = a[order], y[order], s[order]
    below = jnp.concatenate([jnp.zeros(1, a.dtype), jnp.cumsum(s * (1 - y))])
    # A tie counts for a half.
    ranked = (below[jnp.searchsorted(a, a)] + below[jnp.searchsorted(a, a, side="right")]) / 2
    return jnp.sum(s * y * ranked) / (jnp.sum(s * y) * below[-1])


def _classes(Y: Array, family: Family) -> Array:
    return jnp.concatenate([1 - Y, Y]) if family.independent else Y


SCORES: dict[str, Score] = {
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "brier": _brier,
    "roc_auc": _roc_auc,
}
