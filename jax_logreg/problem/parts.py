"""The labels, weights and entries of a fit whose examples are spread over several hosts."""

from collections.abc import Sequence

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.hosts import add_up, share, together
from jax_logreg.logistic import Family
from jax_logreg.matrix import GivenX, is_array, is_scipy
from jax_logreg.problem.entries import check_entries, find_extremes
from jax_logreg.problem.labels import Encoded, check_labels, encode
from jax_logreg.problem.weights import check_weights, weigh_each
from jax_logreg.shapes import Float, Shaped


def encode_part(Y: object, n: int, m: int, family: str) -> Encoded:
    """Return what `encode` does for the m labels or columns of this host.

    The classes are those of all hosts.

    Raises:
        InputError: on all hosts, a label that one of them refuses, or Y of several kinds.
    """
    labels = np.asarray(Y)
    if labels.dtype.kind == "O":
        # Texts and numbers of Python, as NumPy has them.
        labels = np.asarray(labels.tolist())
    named = labels.ndim == 1 and labels.size == m

    def own() -> dict[str, object]:
        if not named:
            return {"kind": f"{len(encode(labels, n, m, family)[0])} rows"}
        if labels.dtype.kind not in "biufUS":
            encode(labels, n, m, family)
        check_labels(labels)
        kind = "text" if labels.dtype.kind in "US" else "numbers"
        return {"kind": kind if m else "", "known": np.unique(labels), "m": m}

    heard = [one for one in share(own) if str(one["kind"])]
    for one in heard:
        if str(one["kind"]) != str(heard[0]["kind"]):
            raise InputError(
                f"Y is {heard[0]['kind']} on one host and {one['kind']} on another: "
                "expected labels of one kind: pass the same kind on all hosts"
            )
    if not named:
        return encode(labels, n, m, family)
    if not heard:
        raise InputError("Y is empty on all hosts: expected some examples of every class")
    known = np.unique(np.concatenate([one["known"] for one in heard]))
    if sum(int(one["m"]) for one in heard) == known.size:
        # Refused there, as too many classes.
        encode(known, n, known.size, family)
    # Each class follows the labels, so that every host knows all classes. It follows twice: a host
    # without examples would otherwise have as many classes as examples, which is refused.
    labels = np.concatenate([labels.astype(known.dtype), known, known])
    rows, kind, classes = encode(labels, n, labels.size, family)
    return rows[:, :m], kind, classes


def weigh_part(
    s: object,
    class_weight: object,
    Y: Shaped[np.ndarray, "k m"],
    family: Family,
    classes: tuple[object, ...],
) -> Float[np.ndarray, "1 m"]:
    """Return what `weigh` does for the examples of this host, by the sums of all hosts."""
    given = together(lambda: check_weights(s, Y.shape[1]))
    return weigh_each(given, class_weight, Y, family, classes, add_up, _highest)


def _highest(numbers: np.ndarray) -> np.ndarray:
    """Return the largest of each number over all hosts."""
    return np.max([one["most"] for one in share(lambda: {"most": numbers})], axis=0)


def check_placed(
    X: GivenX, placed: GivenX, dtype: str, names: Sequence[str] | None, over_hosts: bool
) -> None:
    """Check the entries of X (n, m), by X as it is placed: that may be over all hosts.

    Raises:
        InputError: an entry that the dtype cannot compute with, the same on all hosts.
    """
    if over_hosts:
        found = find_extremes(None, placed, dtype)
        together(lambda: check_entries(X, found, dtype, names, placed.shape[1]))
        return
    with np.errstate(invalid="ignore"):
        check_entries(X, find_extremes(X, placed, dtype), dtype, names)


def name_type(X: object) -> str:
    """Return the type of X in words, the same on all hosts."""
    if is_scipy(X):
        return "a sparse matrix"
    if is_array(X):
        return "an array"
    name = f"{type(X).__name__} of {getattr(X, 'dtype', 'no dtype')}"
    if not (hasattr(X, "X") and hasattr(X, "mean") and hasattr(X, "scale")):
        return name
    numbers = [float(np.sum(np.asarray(a, np.float64))) for a in (X.mean, X.scale)]
    return f"{name} about {numbers} of {name_type(X.X)}"
