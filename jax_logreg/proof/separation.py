"""Directions along which the cross-entropy falls for ever.

A direction d separates the examples if (d_y − d_j)·x ≥ 0 for every example x of class y and every
other class j. It is > 0 at least once (quasi-complete), or every time (complete). Then, and only
then, there is no finite optimum: Albert and Anderson (1984), Biometrika 71, 1-10. Such a d is the
optimum of a linear program: Konis (2007), Linear programming algorithms for detecting separated
data in binary logistic regression models.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jax_logreg.errors.wording import name_features
from jax_logreg.logistic import Params
from jax_logreg.proof.design import Design, Vector
from jax_logreg.proof.margins import CLEAR, Margins
from jax_logreg.shapes import Matrix, NDArray

# With more unknowns an LP takes seconds, and the first direction is taken.
_LARGE = 400
# Up to so many features, each is tried to be left out.
_FEW = 8


class Separation(NamedTuple):
    """A separating direction (n, k) and intercept (k, 1); the features and outputs that it uses."""

    complete: bool
    features: tuple[int, ...]
    outputs: tuple[int, ...]
    direction: Vector
    intercept: Vector

    def describe(self, names: Sequence[str] | None = None) -> str:
        """One line for users."""
        used = name_features(self.features, names, most=5) if self.features else ""
        if np.any(self.intercept):
            used = f"{used} (and the intercept)" if used else "the intercept alone"
        kind = "completely" if self.complete else "quasi-completely"
        return f"the classes are {kind} separable by {used}"


def find_separation(
    X: Matrix | NDArray,
    Y: NDArray,
    s: NDArray,
    *,
    multinomial: bool,
    free: NDArray | None = None,
    intercept: bool = True,
    params: Params | None = None,
) -> Separation | None:
    """A direction that separates the examples X (n, m), s > 0, by their labels Y (k, m), or None.

    Features are centred and scaled, and margins are relative to the size of the example. A margin
    within 8 eps of X's dtype (at least 1e-9) counts as 0, whatever its sign.

    Args:
        X: an array, or a matrix whose columns `matrix.examples` gives.
        Y: 0 or 1; one-hot if multinomial, else k independent outputs.
        s: (1, m) weights.
        multinomial: softmax rather than k sigmoids.
        free: (n,) which features have no penalty; by default all.
        intercept: whether there is one; it has no penalty.
        params: the direction to try first, for example where a solver stopped.
    """
    Y, n = np.asarray(Y), X.shape[0]
    index = np.flatnonzero(np.asarray(s).reshape(-1) > 0)
    columns = np.arange(n) if free is None else np.flatnonzero(free)
    direction, b = np.zeros((n, len(Y))), np.zeros((len(Y), 1))
    if not len(index):
        return None
    design = Design(X, index, columns, intercept)
    if not design.p:
        return None
    guess = None if params is None else design.enter(params)
    kinds = []
    if multinomial and len(Y) > 1:
        found = _separate(Margins(design, Y[:, index].argmax(0), len(Y)), guess)
        if found is not None:
            direction[design.columns], b = design.leave(_fewest_outputs(found[1]))
            kinds.append(found[0])
    else:
        for output, labels in enumerate(Y[:, index] > 0.5):
            start = None if guess is None else np.pad(guess[:, [output]], ((0, 0), (1, 0)))
            found = _separate(Margins(design, labels.astype(int), 2), start)
            if found is not None:
                w, one = design.leave(found[1][:, 1:])
                direction[design.columns, output], b[output] = w[:, 0], one[0]
                kinds.append(found[0])
    if not kinds:
        return None
    features = tuple(np.flatnonzero(np.any(direction, axis=1)).tolist())
    outputs = tuple(np.flatnonzero(np.any(direction, axis=0) | (b[:, 0] != 0)).tolist())
    return Separation(all(kinds), features, outputs, direction, b)


def _fewest_outputs(d: Vector) -> Vector:
    """The same margins with the commonest column of d as zero, so that fewest outputs are used."""
    _, first, count = np.unique(d.round(9), axis=1, return_index=True, return_counts=True)
    return d - d[:, first[[count.argmax()]]]


def _separate(problem: Margins, guess: Vector | None) -> tuple[bool, Vector] | None:
    """Return whether separation is complete, and a direction d (p, K) that uses few features."""
    p, tolerance = problem.design.p, problem.design.tolerance
    everything, unknowns = np.ones(p, bool), p * (problem.K - 1)
    if guess is None or not np.any(guess):
        guess = problem.total if p < problem.design.m else problem.least_squares()
    d = guess / max(np.abs(guess).sum(), 1e-300)
    least, rival, top = problem.margins(d)
    problem.add(least, rival, np.inf, 6 * unknowns)
    complete = least.min() > tolerance
    if complete and unknowns > _LARGE:
        return True, d
    if not complete and (least.min() < -tolerance or top <= CLEAR * tolerance):
        found = problem.search(everything, strict=False, sparse=False)
        if found is None:
            return None
        d = found
    sparse = unknowns <= _LARGE
    found = problem.search(everything, strict=True, sparse=sparse)
    complete = found is not None
    if found is None and sparse:
        found = problem.search(everything, strict=False, sparse=True)
    d = d if found is None else found
    return complete, _with_few(problem, d, complete) if sparse else d


def _with_few(problem: Margins, d: Vector, complete: bool) -> Vector:
    """A direction of the same kind with fewer features, where one is found."""
    n = len(problem.design.columns)
    use = np.any(d, axis=1)
    size = np.abs(d).sum(axis=1)

    def without(dropped: object) -> bool:
        nonlocal d, use
        fewer = use.copy()
        fewer[dropped] = False
        found = problem.search(fewer, complete, True) if fewer.any() else None
        if found is not None:
            d, use = found, np.any(found, axis=1)
        return found is not None

    order = sorted(np.flatnonzero(use[:n]), key=lambda j: -size[j])
    for many in (0, 1, 2, 4, 8):
        if many >= len(order) or without(order[many:]):
            break
    for j in reversed(order):
        if use[j] and use[:n].sum() <= _FEW:
            without(j)
    return d
