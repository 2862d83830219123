"""The examples that each fold holds out."""

from collections.abc import Iterable, Sequence

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import is_integer, read_array

# Taken for the number of folds that come one after the other, as a generator's do.
_USUAL = 5
# More are refused.
_MOST = 2**31


def count_folds(folds: object) -> int:
    """Return about how many folds `held_out` makes of these, for an estimate of the work."""
    if is_integer(folds):
        return min(max(int(folds), 1), _MOST)
    if isinstance(folds, np.ndarray) and folds.ndim == 1:
        return len(set(folds.tolist()))
    if isinstance(folds, list | tuple) and folds:
        return len(folds) if isinstance(folds[0], list | tuple) else len(set(folds))
    return _USUAL


def held_out(folds: object, Y: np.ndarray, groups: object, seed: int) -> np.ndarray:
    """Return the examples that each fold holds out, a row a fold, (f, m) of bool.

    So many folds have about the same share of every class of Y (k, m). With `groups` (m,) they hold
    whole groups instead, and about as many examples each.

    Args:
        folds: their number; or the share of every class that a single one holds; or the fold of
            each example, (m,). Or pairs (train, test) of indices, as scikit-learn's splitters yield
            them, where train must be all that test is not.
        Y: (k, m) labels, 0 or 1.
        groups: (m,) of any values, or None.
        seed: of the shuffle.

    Raises:
        ValueError: fewer than two folds, more than there is to split, or examples that do not fit.
    """
    m = Y.shape[1]
    if is_integer(folds):
        number = _stratified(folds, Y, seed) if groups is None else _grouped(folds, groups, m, seed)
        return number == np.arange(folds)[:, None]
    if isinstance(folds, float | np.floating) and groups is None:
        return _share(folds, Y, seed)[None]
    if groups is not None:
        raise InputError(
            "groups are given beside folds that list examples: expected a number of folds, or no "
            "groups"
        )
    one = isinstance(folds, str | bytes) or getattr(folds, "shape", (m,)) == ()
    given = list(folds) if isinstance(folds, Iterable) and not one else []
    if len(given) == m and all(np.ndim(fold) == 0 for fold in given):
        names, number = _numbered("folds", given)
        if len(names) < 2:
            raise InputError(f"folds puts all {m} examples into one: expected at least two")
        return number == np.arange(len(names))[:, None]
    if given and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in given):
        return np.stack([_mask(i, pair, m) for i, pair in enumerate(given)])
    raise InputError(
        f"folds is {brief(folds)}: expected how many, the share that one holds, the fold of each "
        f"of the {m} examples, or pairs (train, test) of indices"
    )


def _stratified(folds: int, Y: np.ndarray, seed: int) -> np.ndarray:
    classes = np.unique(Y, axis=1, return_inverse=True)[1].ravel()
    fewest = np.bincount(classes).min()
    if fewest < 2:
        raise InputError(
            f"folds is {brief(folds)}, but a class has one example: expected two or more of each: "
            "leave that class out, or merge it"
        )
    if not 2 <= folds <= fewest:
        raise InputError(
            f"folds is {brief(folds)}: expected from 2 to {fewest}, the examples of the rarest "
            "class, so that every fold has some of each"
        )
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    number = np.empty(len(classes), int)
    # Dealt out class after class, the folds differ by one example at most.
    number[shuffled[np.argsort(classes[shuffled], kind="stable")]] = np.arange(len(classes)) % folds
    return number


def _share(share: float | np.floating, Y: np.ndarray, seed: int) -> np.ndarray:
    if not 0 < share < 1:
        raise InputError(f"folds is {share}: expected how many, or a share between 0 and 1")
    classes = np.unique(Y, axis=1, return_inverse=True)[1].ravel()
    counts = np.bincount(classes)
    if counts.min() < 2:
        raise InputError(
            f"folds is {share}, but a class has one example: expected two or more of each: leave "
            "that class out, or merge it"
        )
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    ordered = shuffled[np.argsort(classes[shuffled], kind="stable")]
    # The place of each among those of its class.
    place = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    held = np.clip(np.round(share * counts), 1, counts - 1)
    mask = np.zeros(len(classes), bool)
    mask[ordered] = place < np.repeat(held, counts)
    return mask


def _grouped(folds: int, groups: object, m: int, seed: int) -> np.ndarray:
    of_each = read_array("groups", groups)
    if of_each.shape != (m,):
        raise InputError(f"groups has shape {of_each.shape}: expected ({m},), one for each example")
    names, index = _numbered("groups", of_each)
    sizes = np.bincount(index)
    if len(names) < 2:
        raise InputError(f"groups holds all {m} examples in one group: expected at least two")
    if not 2 <= folds <= len(names):
        raise InputError(
            f"folds is {brief(folds)}: expected from 2 to {len(names)}, the number of groups"
        )
    number, filled = np.empty(len(names), int), np.zeros(folds, int)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        number[group] = np.argmin(filled)
        filled[number[group]] += sizes[group]
    return number[index]


def _numbered(name: str, values: object) -> tuple[np.ndarray, np.ndarray]:
    """The different values, sorted, and the number of each example's."""
    try:
        return np.unique(read_array(name, values), return_inverse=True)
    except TypeError:
        raise InputError(
            f"{name} is {brief(values)}, which cannot be sorted: expected values of one kind"
        ) from None


def _mask(i: int, pair: Sequence[object], m: int) -> np.ndarray:
    train, test = (np.zeros(m, bool) for _ in range(2))
    for mask, index in zip((train, test), pair, strict=True):
        try:
            mask[read_array(f"folds[{i}]", index)] = True
        except (IndexError, ValueError):
            raise InputError(
                f"folds[{i}] is {brief(pair)}: expected (train, test), indices from 0 to {m - 1}"
            ) from None
    if not test.any() or not np.array_equal(train, ~test):
        raise InputError(
            f"folds[{i}] trains on {train.sum()} and holds out {test.sum()} of {m} examples: "
            "expected to hold out some, and to train on all others"
        )
    return test
