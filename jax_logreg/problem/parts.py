"""The labels, weights and entries of a fit of which each host has a part of the examples."""

from typing import Any

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.hosts import add_up, share, together
from jax_logreg.logistic import Family
from jax_logreg.matrix import is_array, is_scipy
from jax_logreg.problem.entries import check_entries, find_extremes
from jax_logreg.problem.labels import check_labels, encode
from jax_logreg.problem.weights import check_weights, weigh_each


def encode_part(
    Y: object, n: int, m: int, family: str
) -> tuple[np.ndarray, Family, tuple[object, ...]]:
    """As `encode`, of the m labels or columns that are here; the classes are those of all hosts.

    Raises:
        InputError: on all hosts, what one of them refuses, or Y of several kinds.
    """
    labels = np.asarray(Y)
    if labels.dtype.kind == "O":
        # Texts and numbers of Python, as NumPy has them.
        labels = np.asarray(labels.tolist())
    named = labels.ndim == 1 and labels.size == m

    def tell() -> dict[str, Any]:
        if not named:
            return {"kind": f"{len(encode(labels, n, m, family)[0])} rows"}
        if labels.dtype.kind not in "biufUS":
            encode(labels, n, m, family)
        check_labels(labels)
        kind = "text" if labels.dtype.kind in "US" else "numbers"
        return {"kind": kind if m else "", "known": np.unique(labels), "m": m}

    heard = [one for one in share(tell) if str(one["kind"])]
    for one in heard:
        if str(one["kind"]) != str(heard[0]["kind"]):
            raise InputError(
                f"Y is {heard[0]['kind']} on one host and {one['kind']} on another: "
                "expected labels of one kind"
            )
    if not named:
        return encode(labels, n, m, family)
    if not heard:
        raise InputError("no host has an example: expected some of every class")
    known = np.unique(np.concatenate([one["known"] for one in heard]))
    if sum(int(one["m"]) for one in heard) == known.size:
        # Refused there, as too many classes.
        encode(known, n, known.size, family)
    # Each class twice behind the labels, so that every host knows all of them, and none of them
    # takes a host without examples for one with as many classes as examples.
    labels = np.concatenate([labels.astype(known.dtype), known, known])
    rows, kind, classes = encode(labels, n, labels.size, family)
    return rows[:, :m], kind, classes


def weigh_part(
    s: object, class_weight: object, Y: np.ndarray, family: Family, classes: tuple[object, ...]
) -> np.ndarray:
    """As `weigh`, of the examples that are here, by the sums and the largest of all hosts."""
    given = together(lambda: check_weights(s, Y.shape[1]))
    return weigh_each(given, class_weight, Y, family, classes, add_up, _highest)


def _highest(numbers: np.ndarray) -> np.ndarray:
    """The largest of each number that some host has."""
    return np.max([one["most"] for one in share(lambda: {"most": numbers})], axis=0)


def check_parts(X: Any, placed: Any, dtype: str, names: Any = None) -> None:
    """As `check_entries`, given X (n, m) as it is here and as it is placed over all hosts."""
    found = find_extremes(None, placed, dtype)
    together(lambda: check_entries(X, found, dtype, names, placed.shape[1]))


def name_type(X: Any) -> str:
    """Return the type of X in words, which all hosts have to agree on."""
    if is_scipy(X):
        return "a sparse matrix"
    if is_array(X):
        return "an array"
    name = f"{type(X).__name__} of {X.dtype}"
    inner = getattr(X, "X", None)
    if inner is None:
        return name
    numbers = [float(np.sum(np.asarray(a, np.float64))) for a in (X.mean, X.scale)]
    return f"{name} about {numbers} of {name_type(inner)}"
