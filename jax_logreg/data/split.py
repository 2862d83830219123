"""A part of the examples held out: seeded, and with each class on either side."""

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs


def split(
    source: str, index: np.ndarray, k: int, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the training and of the test examples.

    Both have each of the k classes, in proportion as far as possible.

    Raises:
        InputError: too few examples, of a class or at all.
    """
    with needs("run"):
        from sklearn.model_selection import train_test_split
    try:
        train, test = train_test_split(
            np.arange(index.size), test_size=fraction, stratify=index, random_state=seed
        )
    except ValueError as error:
        classes = "both classes" if k == 2 else f"all {k} classes"
        raise InputError(
            f"{source}: data.test_fraction is {fraction}, which cannot be held out of "
            f"{index.size} examples with {classes} on either side: {error}: set it to 0, or add "
            "examples"
        ) from None
    # A rare class may have been rounded to none on one side.
    test = np.concatenate([test, _lacking(train, test, index)])
    train = np.setdiff1d(train, test)
    train = np.concatenate([train, _lacking(test, train, index)])
    return np.sort(train), np.setdiff1d(test, train)


def _lacking(whole: np.ndarray, part: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return an example of `whole` for each of its classes that `part` lacks."""
    classes, first = np.unique(index[whole], return_index=True)
    return whole[first[~np.isin(classes, index[part])]]
