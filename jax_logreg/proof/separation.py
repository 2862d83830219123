"""Whether there is a direction along which the cross-entropy falls for ever.

A direction d separates the examples if (d_y − d_j)·x ≥ 0 for every example x of class y and
every other class j, and > 0 at least once (quasi-complete), or every time (complete); then, and
only then, there is no finite optimum: Albert and Anderson (1984), Biometrika 71, 1-10. Such a d is
the optimum of a linear program: Konis (2007), Linear programming algorithms for detecting separated
data in binary logistic regression models.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jax_logreg.errors.wording import name_features
from jax_logreg.logistic import Params
from jax_logreg.matrix import examples, is_array

Vector = np.ndarray[Any, np.dtype[Any]]

# Entries of X in one block, and how many are kept between passes (128 MiB).
_BLOCK, _KEEP = 1 << 18, 1 << 24
# What the LP's solver may violate: the least that HiGHS accepts.
_FEASIBLE = 1e-10
# With margins good to `tolerance`, overlapping examples whose overlap spans the features with a
# condition number up to this still have no margin above _CLEAR * tolerance.
_CLEAR = 1e3
# With more unknowns an LP takes seconds: any direction will do.
_LARGE = 400
# Examples of a first guess, and of the medians.
_SAMPLE = 1000
# The most features of which each is tried to do without.
_FEW = 8


class Separation(NamedTuple):
    """A direction (n, k), intercept (k, 1), that separates; the features and outputs it uses."""

    complete: bool
    features: tuple[int, ...]
    outputs: tuple[int, ...]
    direction: Vector
    intercept: Vector

    def describe(self, names: Any = None) -> str:
        """One line for users."""
        used = name_features(self.features, names, most=5) if self.features else ""
        if np.any(self.intercept):
            used = f"{used} (and the intercept)" if used else "the intercept alone"
        kind = "completely" if self.complete else "quasi-completely"
        return f"the classes are {kind} separable by {used}"


def find_separation(
    X: Any,
    Y: Any,
    s: Any,
    *,
    multinomial: bool,
    free: Any = None,
    intercept: bool = True,
    params: Params | None = None,
) -> Separation | None:
    """A direction that separates the examples X (n, m), s > 0, by their labels Y (k, m), or None.

    Margins are relative to the size of the example, features having been centred and scaled; one
    within 8 eps of X's dtype (1e-9 at least) counts as 0, whatever its sign.

    Args:
        X: an array, or a matrix whose columns `matrix.examples` gives.
        Y: 0 or 1; one-hot if multinomial, else k independent outputs.
        s: (1, m) weights.
        multinomial: softmax rather than k sigmoids.
        free: (n,) which features have no penalty; by default all.
        intercept: whether there is one, which is free.
        params: where to look first, for example where a solver stopped.
    """
    Y, n = np.asarray(Y), X.shape[0]
    index = np.flatnonzero(np.asarray(s).reshape(-1) > 0)
    columns = np.arange(n) if free is None else np.flatnonzero(free)
    direction, b = np.zeros((n, len(Y))), np.zeros((len(Y), 1))
    if not len(index):
        return None
    design = _Design(X, index, columns, intercept)
    if not design.p:
        return None
    guess = None if params is None else design.enter(params)
    kinds = []
    if multinomial and len(Y) > 1:
        found = _separate(_Problem(design, Y[:, index].argmax(0), len(Y)), guess)
        if found is not None:
            direction[design.columns], b = design.leave(_fewest_outputs(found[1]))
            kinds.append(found[0])
    else:
        for output, labels in enumerate(Y[:, index] > 0.5):
            start = None if guess is None else np.pad(guess[:, [output]], ((0, 0), (1, 0)))
            found = _separate(_Problem(design, labels.astype(int), 2), start)
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
    """The same margins with the commonest column of d as zero: a class against the rest is one."""
    _, first, count = np.unique(d.round(9), axis=1, return_index=True, return_counts=True)
    return d - d[:, first[[count.argmax()]]]


class _Design:
    """The counted examples as D (p, m): free features, centred and scaled, above the intercept.

    Each example is divided by its largest entry. Features are centred at one of their own values
    and scaled by a power of 2, so that ties remain ties. Constant ones are left to the intercept.
    """

    def __init__(self, X: Any, index: Vector, columns: Vector, intercept: bool) -> None:
        self.X, self.index = np.asarray(X) if is_array(X) else X, index
        self.columns, self.intercept, self.m = columns, intercept, len(index)
        dtype = np.dtype(self.X.dtype)
        eps = 0.0 if dtype.kind in "biu" else float(jnp.finfo(dtype).eps)
        # What rounding may have moved a margin by; in float64 less than the LP allows anyway.
        self.tolerance, self.slack = max(8 * eps, 1e-9), 4 * eps
        sample = np.unique(np.linspace(0, self.m - 1, _SAMPLE).astype(int))
        self.centre = np.zeros((len(columns), 1))
        values = np.sort(self._read(sample), axis=1)
        if intercept:
            self.centre = values[:, [len(sample) // 2]]
        gap = np.sort(np.abs(values - self.centre), axis=1)
        middle = (np.sum(gap == 0, axis=1, keepdims=True) + len(sample)) // 2
        median = np.take_along_axis(gap, np.minimum(middle, len(sample) - 1), axis=1)
        total, count, size = np.zeros((3, len(columns), 1))
        for part in self.parts():
            gap = np.abs(self._read(part) - self.centre)
            total += gap.sum(axis=1, keepdims=True)
            count += np.count_nonzero(gap, axis=1)[:, None]
            size = np.maximum(size, gap.max(axis=1, keepdims=True))
        varies = (size > 4 * eps * np.abs(self.centre))[:, 0]
        self.columns, self.centre = columns[varies], self.centre[varies]
        typical = np.where(median > 0, median, total / np.maximum(count, 1))[varies]
        self.scale = np.exp2(np.round(np.log2(typical)))
        self.p = len(self.columns) + intercept
        self._kept = None
        if self.p * self.m <= _KEEP:
            self._kept = [self.examples(part) for part in self.parts()]

    def parts(self) -> list[slice]:
        """Blocks of examples that stay in cache."""
        size = max(1, _BLOCK // max(1, len(self.columns)))
        return [slice(i, min(i + size, self.m)) for i in range(0, self.m, size)]

    def _read(self, which: Any) -> Vector:
        at = self.index[which]
        if not is_array(self.X):
            return np.asarray(examples(self.X, jnp.asarray(at)), np.float64)[self.columns]
        if isinstance(which, slice) and at[-1] - at[0] == len(at) - 1:
            at = slice(at[0], at[-1] + 1)  # A view: nothing lies between.
        x = self.X[:, at]
        return np.asarray(x if len(x) == len(self.columns) else x[self.columns], np.float64)

    def examples(self, which: Any) -> Vector:
        """D of these examples."""
        D = (self._read(which) - self.centre) / self.scale
        size = np.abs(D).max(axis=0, initial=1.0 if self.intercept else 0.0)
        size[size == 0] = 1
        D /= size
        return np.vstack([D, 1 / size]) if self.intercept else D

    def blocks(self) -> Iterator[tuple[slice, Vector]]:
        """D, block by block."""
        for i, part in enumerate(self.parts()):
            yield part, self.examples(part) if self._kept is None else self._kept[i]

    def enter(self, params: Params) -> Vector:
        """The direction d (p, k) of parameters."""
        w = np.asarray(params.w, np.float64)[self.columns]
        b = np.asarray(params.b, np.float64).T + self.centre.T @ w
        return np.vstack([w * self.scale, b]) if self.intercept else w * self.scale

    def leave(self, d: Vector) -> tuple[Vector, Vector]:
        """The weights and intercepts of a direction d (p, k)."""
        w = d[: len(self.columns)] / self.scale
        if not self.intercept:
            return w, np.zeros((d.shape[1], 1))
        b = d[-1:] - self.centre.T @ w
        terms = np.abs(d[-1:]) + np.abs(self.centre).T @ np.abs(w)
        return w, np.where(np.abs(b) > 1e-14 * terms, b, 0).T


class _Problem:
    """Directions d (p, K) for the classes y; the first column of d may be fixed to zero."""

    def __init__(self, design: _Design, y: Vector, K: int) -> None:
        self.design, self.y, self.K = design, y, K
        # Σ of all margins, which no separating direction leaves at zero.
        total = sum(D @ (K * (y[part, None] == np.arange(K)) - 1.0) for part, D in design.blocks())
        self.total = np.asarray(total) / max(np.abs(total).max(), 1e-300)
        self.rows: dict[tuple[int, int], None] = {}

    def least_squares(self) -> Vector:
        """The least d (p, K) whose scores are the labels, for p >= m: as a rule, it separates."""
        D, T = self.design.examples(slice(None)), 1.0 * (self.y[:, None] == np.arange(self.K))
        G = D.T @ D
        G[np.diag_indices(len(G))] += 1e-12 * np.trace(G)
        d = D @ np.linalg.solve(G, T - 1 / self.K)
        return d - d[:, :1]

    def margins(self, d: Vector) -> tuple[Vector, Vector, float]:
        """For each example the least margin and against which class; and the largest of all."""
        least, rival, top = np.empty(len(self.y)), np.empty(len(self.y), int), 0.0
        for part, D in self.design.blocks():
            Z, y = d.T @ D, self.y[part]
            here = np.arange(len(y))
            M = Z[y, here] - Z
            top = max(top, float(M.max()))
            M[y, here] = np.inf
            rival[part] = M.argmin(axis=0)
            least[part] = M[rival[part], here]
        return least, rival, top

    def add(self, least: Vector, rival: Vector, below: float, most: int) -> bool:
        """Take the examples with the smallest margins into the LP; False if none below is new."""
        order = np.argpartition(least, most)[:most] if most < len(least) else np.arange(len(least))
        pairs = [(int(i), int(rival[i])) for i in order]
        wrong = [pair for pair, i in zip(pairs, order, strict=True) if least[i] < below]
        new = any(pair not in self.rows for pair in wrong)
        self.rows |= dict.fromkeys(pairs)
        return new

    def maximise(self, use: Vector, strict: bool, sparse: bool) -> Vector | None:
        """The d (p, K) of max Σ margins (if strict, of the least one), margins >= 0 on the rows.

        |d| <= 1, or, for a sparse vertex, Σ|d| <= 1. Only the entries in `use` (p,) are not zero.
        """
        from scipy.optimize import linprog  # type: ignore[import-untyped, unused-ignore]

        pairs = np.array(list(self.rows))
        y, size = self.y[pairs[:, 0]], len(pairs)
        D = self.design.examples(pairs[:, 0])[use].T
        by_class = np.zeros((size, self.K, D.shape[1]))
        by_class[np.arange(size), y] = -D
        by_class[np.arange(size), pairs[:, 1]] = D
        # One class stays at zero, except where that would make its own direction look the longer.
        moved = slice(0 if sparse and self.K > 2 else 1, None)
        A = by_class[:, moved].reshape(size, -1)
        c = -self.total[use, moved].T.reshape(-1)
        count = len(c)
        bound = np.full(size, 0.0 if strict else self.design.slack)
        limits: list[tuple[float, float | None]] = [(-1.0, 1.0)] * count
        if sparse:
            A, c, limits = np.hstack([A, -A]), np.append(c, -c), [(0.0, 1.0)] * (2 * count)
            A, bound = np.vstack([A, np.ones(2 * count)]), np.append(bound, 1.0)
        if strict:
            A = np.hstack([A, (np.arange(len(A)) < size)[:, None]])
            c, limits = np.append(0 * c, -1.0), [*limits, (0.0, None)]
        options = dict(primal_feasibility_tolerance=_FEASIBLE, dual_feasibility_tolerance=_FEASIBLE)
        x = linprog(c, A_ub=A, b_ub=bound, bounds=limits, options=options).x
        if x is None or (strict and x[-1] <= self.design.tolerance):
            return None
        x = x[:count] - x[count : 2 * count] if sparse else x[:count]
        d = np.zeros((self.design.p, self.K))
        d[use, moved] = np.where(np.abs(x) > _FEASIBLE, x, 0).reshape(-1, D.shape[1]).T
        return d

    def search(self, use: Vector, strict: bool, sparse: bool) -> Vector | None:
        """`maximise` over all examples, by adding to the LP those that its answer gets wrong.

        An LP over some of the examples bounds that over all from above: its answer is the whole's
        as soon as it violates none, and there is no direction where even it is zero.
        """
        tolerance = self.design.tolerance
        below = tolerance if strict else -tolerance
        while True:
            d = self.maximise(use, strict, sparse)
            # Directions form a cone: had it one, d would lie on the bound.
            if d is None or (np.abs(d).sum() if sparse else np.abs(d).max()) < 0.5:
                return None
            least, rival, top = self.margins(d)
            if least.min() >= below:
                return d if top > _CLEAR * tolerance else None
            if not self.add(least, rival, below, 4 * self.design.p):
                return None


def _separate(problem: _Problem, guess: Vector | None) -> tuple[bool, Vector] | None:
    """Whether separation is complete, and a direction d (p, K) that uses few features."""
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
    if not complete and (least.min() < -tolerance or top <= _CLEAR * tolerance):
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


def _with_few(problem: _Problem, d: Vector, complete: bool) -> Vector:
    """Another direction of the same kind, if one does with fewer features."""
    n = len(problem.design.columns)
    use = np.any(d, axis=1)
    size = np.abs(d).sum(axis=1)

    def without(dropped: Any) -> bool:
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
