"""Streamed examples of a config: split and scaled as examples in memory are."""

from pathlib import Path
from typing import cast

import numpy as np

from jax_logreg.arrays import as_array
from jax_logreg.data.examples import Examples, Scaling
from jax_logreg.data.reading import Reading
from jax_logreg.data.stream.reader import Reader, open_reader
from jax_logreg.errors import InputError
from jax_logreg.matrix import Matrix, Standardised, standardise, stream


def stream_examples(path: Path, reading: Reading, like: Examples | None = None) -> Examples:
    """Return examples whose X is a Reader, checked in a first pass.

    Args:
        path: a file, a folder or a pattern.
        reading: the columns or arrays to read.
        like: other streamed examples, whose features are expected.

    Raises:
        InputError: as of `open_stream`, or bad weights.
    """
    if reading.categorical:
        raise InputError(
            f"{path}: columns of categories are not streamed: leave data.categorical out, or set "
            "data.stream=false"
        )
    wanted = None if like is None else cast(Reader, like.X)
    reader = open_reader([path], reading.names(), wanted)
    return Examples(
        cast(np.ndarray, reader),
        reader.labels,
        reader.features,
        str(path),
        reader.divisor,
        weights=reader.weights,
        notes=reader.notes,
    )


def is_streamed(examples: Examples) -> bool:
    """Return whether X is read again in every pass."""
    return isinstance(examples.X, Reader)


def fit_scaling(examples: Examples, wanted: bool) -> Scaling:
    """Return what `Scaling.fit` does, in one pass, in float64."""
    reader = cast(Reader, examples.X)
    n, m = reader.shape
    if not wanted:
        return Scaling(np.zeros(n), np.full(n, examples.divisor))
    s = examples.weights
    found = standardise(stream(reader), np.ones(m) if s is None else s)
    return Scaling(np.asarray(found.mean)[:, 0], np.asarray(found.scale)[:, 0])


def scaled(examples: Examples, scaling: Scaling) -> Matrix:
    """Return X (n, m) standardised: the features less their means, over their scales."""
    X = stream(cast(Reader, examples.X))
    if not np.any(scaling.mean) and np.all(scaling.scale == 1):
        return X
    return Standardised(X, *(as_array(part[:, None]) for part in scaling))
