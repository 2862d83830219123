"""Margins of separating directions, and linear programs that maximise them."""

import numpy as np

from jax_logreg.proof.design import Design, Vector

# The tolerance of the LP's solver: the least that HiGHS accepts.
_FEASIBLE = 1e-10
# Margins are exact to `tolerance`. No margin of overlapping examples is above CLEAR * tolerance, if
# the condition number of the overlap is up to this.
CLEAR = 1e3


class Margins:
    """Directions d (p, K) for the classes y; the first column of d may be fixed to zero."""

    def __init__(self, design: Design, y: Vector, K: int) -> None:
        self.design, self.y, self.K = design, y, K
        # The sum of all margins: along a separating direction it is positive.
        total = sum(D @ (K * (y[part, None] == np.arange(K)) - 1.0) for part, D in design.blocks())
        self.total = np.asarray(total) / max(np.abs(total).max(), 1e-300)
        self.rows: dict[tuple[int, int], None] = {}

    def least_squares(self) -> Vector:
        """The shortest d (p, K) whose scores are the labels, p >= m: as a rule, it separates."""
        D, T = self.design.examples(slice(None)), 1.0 * (self.y[:, None] == np.arange(self.K))
        G = D.T @ D
        G[np.diag_indices(len(G))] += 1e-12 * np.trace(G)
        d = D @ np.linalg.solve(G, T - 1 / self.K)
        return d - d[:, :1]

    def margins(self, d: Vector) -> tuple[Vector, Vector, float]:
        """The least margin and its class for each example, and the largest margin of all."""
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
        """Add the examples of least margin to the LP; return whether one below `below` is new."""
        order = np.argpartition(least, most)[:most] if most < len(least) else np.arange(len(least))
        pairs = [(int(i), int(rival[i])) for i in order]
        wrong = [pair for pair, i in zip(pairs, order, strict=True) if least[i] < below]
        new = any(pair not in self.rows for pair in wrong)
        self.rows |= dict.fromkeys(pairs)
        return new

    def maximise(self, use: Vector, strict: bool, sparse: bool) -> Vector | None:
        """The d (p, K) with the largest sum of margins, or least margin if strict.

        Margins are >= 0 on the rows, and |d| <= 1, or Σ|d| <= 1 for a sparse vertex. Only the
        entries in `use` (p,) are not zero.
        """
        from scipy.optimize import linprog  # type: ignore[import-untyped, unused-ignore]

        pairs = np.array(list(self.rows))
        y, size = self.y[pairs[:, 0]], len(pairs)
        D = self.design.examples(pairs[:, 0])[use].T
        by_class = np.zeros((size, self.K, D.shape[1]))
        by_class[np.arange(size), y] = -D
        by_class[np.arange(size), pairs[:, 1]] = D
        # One class stays at zero, except where the length of its own direction counts.
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
        """`maximise` over all examples, by adding examples to the LP that its answer gets wrong.

        An LP over some of the examples bounds the LP over all from above. Its answer is that of all
        once no example violates it. Where it is zero there is no direction.
        """
        tolerance = self.design.tolerance
        below = tolerance if strict else -tolerance
        while True:
            d = self.maximise(use, strict, sparse)
            # Directions form a cone: if there were one, d would lie on the bound.
            if d is None or (np.abs(d).sum() if sparse else np.abs(d).max()) < 0.5:
                return None
            least, rival, top = self.margins(d)
            if least.min() >= below:
                return d if top > CLEAR * tolerance else None
            if not self.add(least, rival, below, 4 * self.design.p):
                return None
