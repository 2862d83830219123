"""The examples to evaluate: true classes, probabilities and weights, checked once."""

from typing import NamedTuple

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer, is_number, read_array


class Judged(NamedTuple):
    """Examples of positive weight: true classes (m,), probabilities A (k, m), weights s (m,).

    Weights are float64. Of two classes A is one row, float64. `losses` (m,) are each example's
    cross-entropy, in nats.
    """

    truth: np.ndarray
    A: np.ndarray
    s: np.ndarray
    losses: np.ndarray

    @property
    def classes(self) -> int:
        """The number of classes: one row of probabilities is that of class 1 of two."""
        return max(len(self.A), 2)

    @property
    def outcome(self) -> tuple[np.ndarray, np.ndarray]:
        """The two sides of calibration, (m,) each: P(class 1), and 1 for class 1, else 0.

        Of more classes: the probability of the predicted class, and 1 where that is right.
        """
        if len(self.A) == 1:
            return self.A[0], (self.truth == 1).astype(np.float64)
        confidence = self.A.max(axis=0).astype(np.float64)
        return confidence, (self.A.argmax(axis=0) == self.truth).astype(np.float64)


def judged(truth: object, A: object, s: object = None, losses: object = None) -> Judged:
    """Return the examples of positive weight; of two rows of probabilities only the second.

    Losses that are not given are -log P(true class), with P at least the rounding of its dtype.

    Raises:
        InputError: shapes that do not fit, values out of range, or no example of positive weight.
    """
    truth, A = _checked(truth, A)
    m = truth.size
    s = check_weights(s, m)
    counts = s > 0
    if not counts.any():
        raise InputError(f"none of the {m} examples has a positive weight: expected at least one")
    eps = np.finfo(A.dtype).eps
    A = A[1:] if len(A) == 2 else A
    if len(A) == 1:
        A = A.astype(np.float64)
    losses = _losses(truth, A, eps) if losses is None else read_array("losses", losses)
    real = losses.shape == (m,) and losses.dtype.kind in "biuf"
    if not real or not np.isfinite(losses).all():
        raise InputError(
            f"losses are of shape {losses.shape}: expected a finite number for each of the {m} "
            "examples"
        )
    if not counts.all():
        truth, A, s, losses = truth[counts], A[:, counts], s[counts], losses[counts]
    return Judged(truth.astype(np.int64), A, s, losses)


def _checked(truth: object, A: object) -> tuple[np.ndarray, np.ndarray]:
    """Return class numbers (m,) and probabilities (k, m); refuse any others (InputError)."""
    truth, A = read_array("truth", truth), read_array("A", A)
    if truth.ndim != 1 or truth.dtype.kind not in "biu":
        raise InputError(
            f"truth is {truth.dtype} of shape {truth.shape}: expected the number of each "
            "example's class, integers (m,)"
        )
    if A.ndim == 1:
        A = A[None]
    m = truth.size
    if A.ndim != 2 or A.shape[1] != m or A.dtype.kind != "f":
        mend = ": did you mean A.T?" if A.ndim == 2 and len(A) == m else ""
        raise InputError(
            f"A is {A.dtype} of shape {A.shape}: expected probabilities (k, {m}) of the {m} "
            f"examples of truth{mend}"
        )
    k = max(len(A), 2)
    if m and not (truth.min() >= 0 and truth.max() < k):
        wrong = truth[(truth < 0) | (truth >= k)][0]
        raise InputError(f"truth holds {wrong}: expected class numbers from 0 to {k - 1}")
    if m and not (A.min() >= 0 and A.max() <= 1):
        wrong = A[~((A >= 0) & (A <= 1))][0]
        raise InputError(f"A holds {wrong}: expected probabilities, from 0 to 1")
    return truth, A


def binary(truth: object, p: object, s: object = None) -> Judged:
    """Return the examples of two classes that both occur, from P(class 1) p, (m,) or (1, m).

    Raises:
        InputError: as of `judged`; more than two classes, or one only.
    """
    found = judged(truth, p, s)
    if len(found.A) != 1:
        raise InputError(f"p has {len(found.A)} rows: expected P(class 1) of two classes, (m,)")
    if found.truth.min() == found.truth.max():
        raise InputError(
            f"every example is of class {found.truth[0]}: expected some of both classes"
        )
    return found


def _losses(truth: np.ndarray, A: np.ndarray, eps: np.floating) -> np.ndarray:
    if len(A) == 1:
        of_truth = np.where(truth == 1, A[0], 1 - A[0])
    else:
        of_truth = A[truth.astype(np.int64), np.arange(truth.size)].astype(np.float64)
    return -np.log(np.clip(of_truth, eps, 1))


def check_fraction(name: str, value: object) -> None:
    """Refuse a value that is no number from 0 to 1 (InputError)."""
    if not is_number(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is {brief(value)}: expected a number from 0 to 1")


def check_count(name: str, value: object, most: int) -> None:
    """Refuse a value that is no integer from 1 to `most` (InputError)."""
    if not is_integer(value) or not 1 <= value <= most:
        raise InputError(f"{name} is {brief(value)}: expected an integer from 1 to {most}")


def check_weights(s: object, m: int) -> np.ndarray:
    """Return weights (m,) in float64, by default all 1; refuse bad ones (InputError)."""
    if s is None:
        return np.ones(m)
    s = read_array("s", s)
    if s.shape not in ((m,), (1, m)) or s.dtype.kind not in "biuf":
        raise InputError(
            f"s is {s.dtype} of shape {s.shape}: expected a weight for each of the {m} examples"
        )
    s = s.reshape(m).astype(np.float64)
    wrong = s[~(np.isfinite(s) & (s >= 0))]
    if wrong.size:
        raise InputError(f"s holds {wrong[0]}: expected finite weights, 0 or larger")
    return s
