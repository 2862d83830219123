"""The minimum of a quadratic model plus a nonsmooth penalty, in NumPy.

One factorisation solves for all features that are in the model or ought to enter it, with their
signs. Features that would change their sign are held at 0. A few calls of LAPACK so do the work of
a compiled loop over coordinates.

Source: H. Lee, A. Battle, R. Raina and A. Ng, Efficient sparse coding algorithms, NIPS 2006.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from jax_logreg.arrays import as_array, cho_solve
from jax_logreg.arrays import xp as jnp
from jax_logreg.penalty import soft_threshold

# Rounds end where the largest decrease by one coordinate is this share of the first one.
_ROUNDS, _INEXACT = 25, 1e-4
# So many features may enter in a round, or this share of those in the model. More would take wrong
# signs together: sweeps choose among them.
_ENTERING, _SHARE, _SWEEPS = 8, 0.5, 3
# Beyond this size a factorisation costs more than the sweeps that it saves.
_LARGEST_FACTOR = 2048
# The first so many of the points where a weight reaches 0 are tried along a step.
_STOPS = 8


@dataclass(frozen=True)
class Quadratic:
    """g·d + scale/2 · dᵀHd + Σ l1·|w| + l2/2·w², w = start + d, of one output.

    hessian (q, q), l1, l2 and diagonal (q,). `usable` says which coordinates can move: a column of
    zeros, such as a constant feature's, cannot. The diagonal is 1 there.
    """

    hessian: np.ndarray
    scale: float
    l1: np.ndarray
    l2: np.ndarray
    diagonal: np.ndarray
    usable: np.ndarray

    @classmethod
    def of(cls, hessian: np.ndarray, scale: float, l1: np.ndarray, l2: np.ndarray) -> Self:
        """Return the model with its diagonal."""
        diagonal = scale * hessian.diagonal() + l2
        usable = diagonal > np.finfo(l1.dtype).tiny
        return cls(hessian, scale, l1, l2, np.where(usable, diagonal, 1), usable)

    def bent(self, change: np.ndarray) -> np.ndarray:
        """Return the change of the gradient (q,) that a change of w brings."""
        return self.scale * (self.hessian @ change) + self.l2 * change


class Search:
    """A point w (q,) that rounds move to the minimum, and the gradient of the smooth part there.

    Each round begins with sweeps where it is to be `swept`. The classes of a softmax need that: a
    shift of all changes the penalty alone, and the Hessian does not determine it.
    """

    def __init__(self, model: Quadratic, w: np.ndarray, gradient: np.ndarray, swept: bool) -> None:
        self.model, self.w, self.gradient = model, w.copy(), gradient.copy()
        self.swept = swept

    def run(self) -> np.ndarray:
        """Return the w near the minimum."""
        first = 0.0
        for _ in range(_ROUNDS):
            decrease = self._decrease()
            first = max(first, decrease)
            if not decrease > _INEXACT * first:
                break
            self._round()
        return self.w

    def _decrease(self) -> float:
        """Return the largest decrease by one coordinate alone, twice its amount."""
        model = self.model
        target = soft_threshold(self.w - self.gradient / model.diagonal, model.l1 / model.diagonal)
        return float(np.max(np.where(model.usable, (target - self.w) ** 2 * model.diagonal, 0)))

    def _round(self) -> None:
        inside, entering = self._inside(), self._entering()
        size, more = np.count_nonzero(inside), np.count_nonzero(entering)
        if self.swept or more > max(_ENTERING, _SHARE * size) or size + more > _LARGEST_FACTOR:
            self._sweep(_SWEEPS)
            inside, entering = self._inside(), np.zeros_like(entering)
        signs = np.where(entering, -np.sign(self.gradient), np.sign(self.w))
        index = np.flatnonzero(inside | entering)
        if len(index) <= _LARGEST_FACTOR and not self._solve(index, signs[index]):
            self._sweep(_SWEEPS)

    def _inside(self) -> np.ndarray:
        """Return which features (q,) are in the model."""
        return self.model.usable & ((self.w != 0) | (self.model.l1 == 0))

    def _entering(self) -> np.ndarray:
        """Return which features (q,) are not in the model, and lower it by entering."""
        return self.model.usable & (self.w == 0) & (np.abs(self.gradient) > self.model.l1)

    def _solve(self, index: np.ndarray, signs: np.ndarray) -> bool:
        """Move to the minimum over some features with their signs; return whether the model fell.

        Features that would change their sign are held at 0, until none does. Where that is no
        decrease, all stop where one of them reaches 0. Sweeps have to follow: the next
        step may end as soon.
        """
        w, l1 = self.w[index], self.model.l1[index]
        factor = np.asarray(jnp.linalg.cholesky(as_array(self._hessian(index))))
        free = _solution(factor, -self.gradient[index] - l1 * signs)
        # The features that enter do so with their sign: the model falls along this step.
        along, _ = _holding(factor, free, w, np.where(w == 0, signs * l1, 0))
        whole, held = _holding(factor, free, w, signs * l1)
        if self._fall(index, np.where(held, 0, w + whole)):
            return True
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where((l1 > 0) & (w * along < 0), -w / along, 1)
        for share in np.unique(shares[shares < 1])[:_STOPS]:
            if self._fall(index, np.where(shares == share, 0, w + share * along)):
                break
        return False

    def _fall(self, index: np.ndarray, moved: np.ndarray) -> bool:
        """Move some features to these weights if the model falls; return whether it did."""
        w, l1, change = self.w[index], self.model.l1[index], np.zeros_like(self.w)
        change[index] = moved - w
        bent = self.model.bent(change)
        # No weight goes beyond 0. Near the minimum the slopes of both parts cancel, entry by entry.
        slope = self.gradient[index] + l1 * np.sign(np.where(w == 0, moved, w))
        if not change[index] @ slope + change @ bent / 2 < 0:
            return False
        self.w[index] = moved
        self.gradient += bent
        return True

    def _hessian(self, index: np.ndarray) -> np.ndarray:
        """Return the Hessian of some features, which a ridge within its rounding makes definite."""
        hessian = self.model.hessian.take(index, 0).take(index, 1)
        hessian *= self.model.scale
        places, eps = np.arange(len(index)), np.finfo(hessian.dtype).eps
        diagonal = hessian[places, places]
        ridge = 100 * eps * np.where(diagonal > 0, diagonal, 1)
        hessian[places, places] = diagonal + self.model.l2[index] + ridge
        return hessian

    def _sweep(self, times: int) -> None:
        """Move each coordinate to its minimum in turn, so many times."""
        model, w, gradient = self.model, self.w, self.gradient
        buffer = np.empty_like(gradient)
        for j in np.tile(np.flatnonzero(self._inside() | self._entering()), times).tolist():
            before, diagonal, l1 = w.item(j), model.diagonal.item(j), model.l1.item(j)
            target, threshold = before - gradient.item(j) / diagonal, l1 / diagonal
            w[j] = target - min(max(target, -threshold), threshold)
            step = w.item(j) - before
            if step:
                np.multiply(model.hessian[j], model.scale * step, out=buffer)
                gradient += buffer
                gradient[j] += step * model.l2.item(j)


def _solution(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.asarray(cho_solve(as_array(factor), as_array(right)))


def _holding(
    factor: np.ndarray, free: np.ndarray, w: np.ndarray, signs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the step (s,) after which no weight has another sign, and those held at 0 for it.

    It solves the other equations of the factor (s, s), as the free step (s,) does all of them.
    Weights of sign 0 may have any.
    """
    step, held = free, np.zeros(len(w), bool)
    while np.any(crossing := ~held & ((w + step) * signs < 0)):
        held |= crossing
        places = np.flatnonzero(held)
        units = np.zeros((len(free), len(places)), free.dtype)
        units[places, np.arange(len(places))] = 1
        columns = _solution(factor, units)
        pull = np.linalg.solve(columns[places], free[places] + w[places])
        step = free - columns @ pull
    return step, held
