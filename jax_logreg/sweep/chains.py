"""The start and the slot of each model of a cross-validation."""

from typing import NamedTuple

import numpy as np


class Chains(NamedTuple):
    """The parent (r,) of each of r models, and the slot (r,) in which it runs; -1 for none, or any.

    `slots` is the number of slots.
    """

    parents: np.ndarray
    homes: np.ndarray
    slots: int


def unchained(models: int, slots: int) -> Chains:
    """Return the chains of models that have nothing to do with each other."""
    any_one = np.full(models, -1)
    return Chains(any_one, any_one, min(slots, models))


def make_chains(strengths: np.ndarray, slots: int) -> Chains:
    """Return the chains of models numbered strength by strength, of strengths (p, c) in c columns.

    Models of one column are trained on the same examples. One starts at the answer of the next
    stronger one of its column. Those of other columns have seen examples that it has not. With g
    slots for each column the parent is the g-th next: g of a column run at once.

    A slot is a model's own from the outset. Products of several columns may round by their place,
    and models of other columns decide which slot is free first.
    """
    p, columns = strengths.shape
    stride = int(np.clip(slots // columns, 1, p))
    # Equal strengths keep their order.
    order = np.argsort(-strengths, axis=0, kind="stable")
    models = order * columns + np.arange(columns)
    parents = np.full(p * columns, -1)
    parents[models[stride:].ravel()] = models[:-stride].ravel() if stride < p else []
    homes = np.empty(p * columns, int)
    lanes = np.arange(columns) * stride + (np.arange(p) % stride)[:, None]
    homes[models.ravel()] = lanes.ravel() % slots
    return Chains(parents, homes, min(slots, columns * stride))
