"""Examples from a file, in the format that its suffix names."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from jax_logreg.data import arrays, pictures, tables
from jax_logreg.data.columns import Columns
from jax_logreg.data.examples import Examples, NoWeights, Part
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.local import check_local
from jax_logreg.data.section import Section
from jax_logreg.data.svmlight import read_svmlight
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.errors.one_line import one_line

with needs("run"):
    from pydantic import Field


class Reading(Section):
    """The way to read a file: the columns or arrays that are meant."""

    label: str = Field("label", description="Label column of .csv and .parquet.")
    x: str = Field("X", description="Array of examples in .npz and .h5, or a pattern: *_set_x.")
    y: str = Field("Y", description="Array of labels in .npz and .h5, or a pattern: *_set_y.")
    labels: str = Field(
        "*_labels.npy", description="File of labels beside a .npy; * stands for its name."
    )
    weights: str | None = Field(
        None, description="Column or array of example weights, 0 or larger; by default all 1."
    )
    categorical: list[str] | Literal["auto"] = Field(
        [],
        description="Columns of .csv and .parquet that are categories, or 'auto' for all of text: "
        "each level is a feature, an empty cell too; a level that training lacks is all zeros.",
    )
    exclude: list[str] = Field(
        [],
        description="Columns of .csv and .parquet to leave out, by name or by a shell pattern such "
        "as 'note*'.",
    )
    pixels: int | None = Field(None, ge=1, description="Resize pictures to pixels x pixels.")
    zero_based: bool = Field(False, description="Whether svmlight features count from 0, not 1.")

    def of(self, categories: Iterable[str]) -> "Reading":
        """The same for files with just these columns of categories."""
        return self.model_copy(update={"categorical": list(categories)})


Reader = Callable[[Path, Reading, Sequence[str] | None, bool], Examples]

READERS: dict[str, Reader] = {
    ".npz": lambda path, r, _, labelled: arrays.read_npz(path, r.x, r.y, r.weights, labelled),
    ".npy": lambda path, r, _, labelled: arrays.read_npy(path, r.labels, labelled),
    ".h5": lambda path, r, _, labelled: arrays.read_hdf5(path, r.x, r.y, r.weights, labelled),
    ".csv": lambda path, r, names, labelled: tables.read_csv(path, _columns(r), names, labelled),
    ".parquet": lambda path, r, names, labelled: tables.read_parquet(
        path, _columns(r), names, labelled
    ),
    ".svmlight": lambda path, r, names, _: read_svmlight(path, r.zero_based, names),
}
READERS |= {".hdf5": READERS[".h5"], ".libsvm": READERS[".svmlight"], ".svm": READERS[".svmlight"]}

# The readers that read no more of a file than the wanted part.
PART_READERS: dict[str, Callable[..., Examples]] = {
    ".npy": lambda part, path, r, _, labelled: arrays.read_npy(path, r.labels, labelled, part),
    ".h5": lambda part, path, r, _, labelled: arrays.read_hdf5(
        path, r.x, r.y, r.weights, labelled, part
    ),
    ".parquet": lambda part, path, r, names, labelled: tables.read_parquet(
        path, _columns(r), names, labelled, part
    ),
}
PART_READERS[".hdf5"] = PART_READERS[".h5"]


TABLES = (".csv", ".parquet", ".arrow", ".feather")


def _columns(reading: Reading) -> Columns:
    return Columns(reading.label, reading.weights, reading.categorical, reading.exclude)


@one_line()
def read(
    path: Path,
    reading: Reading,
    *,
    features: Sequence[str] | None = None,
    labelled: bool = True,
    part: Part | None = None,
) -> Examples:
    """Examples of a file or of a folder of pictures, examples in columns.

    Args:
        path: what to read; the suffix chooses the format, a folder holds pictures.
        reading: which columns or arrays are meant.
        features: the features to expect; tables are read by these names.
        labelled: whether labels, and weights, are needed; if not, they are left out.
        part: which of several equal runs of the examples is wanted; by default all.

    Raises:
        InputError: a file that is absent, damaged, or does not hold what was expected.
    """
    check_local(path)
    if not labelled:
        reading = reading.model_copy(update={"weights": None})
    with library_errors(path):
        examples = _reader(path, part)(path, reading, features, labelled)
    if not labelled:
        examples = examples._replace(labels=None)
    check_columns(path, reading, features)
    if reading.weights is not None:
        check_weights(examples, reading.weights)
    return _checked(examples, features, 1 if part is None else 0)


def check_columns(path: Path, reading: Reading, features: Sequence[str] | None = None) -> None:
    """Refuse options on columns where a file has none (InputError)."""
    if path.suffix.lower() in TABLES:
        return
    if reading.categorical:
        raise InputError(
            f"{path} can hold no categories: data.categorical names columns of .csv and .parquet"
        )
    # A model knows its features already.
    if reading.exclude and features is None:
        raise InputError(
            f"{path} has no columns to leave out: data.exclude names those of .csv and .parquet"
        )


def _reader(path: Path, part: Part | None) -> Reader:
    read_all = _reader_of_all(path)
    if part is None:
        return read_all
    if path.suffix.lower() in PART_READERS:
        return partial(PART_READERS[path.suffix.lower()], part)
    # These formats are read as a whole.
    return lambda *arguments: read_all(*arguments).part(part)


def _reader_of_all(path: Path) -> Reader:
    if path.is_dir():
        return lambda path, r, _, labelled: pictures.read_pictures(path, r.pixels, labelled)
    if not path.exists():
        raise InputError(f"{path} does not exist: expected a data file or a folder of pictures")
    if not path.is_file():
        raise InputError(f"{path} is a device or a pipe: expected a file, which has an end")
    if path.suffix.lower() not in READERS:
        known = ", ".join(READERS)
        raise InputError(f"{path} has suffix '{path.suffix}': expected {known}, or a folder")
    return READERS[path.suffix.lower()]


def _checked(examples: Examples, features: Sequence[str] | None, fewest: int) -> Examples:
    n, m = examples.X.shape
    labels = examples.labels
    if labels is not None and labels.shape != (m,):
        mend = "; did you mean its transpose?" if labels.shape == (n,) else ""
        raise InputError(
            f"{examples.source} holds {m} examples of {n} features, one a row, "
            f"but labels of shape {labels.shape}: expected ({m},){mend}"
        )
    if features is not None and n != len(features):
        mend = "; did you mean its transpose?" if m == len(features) else ""
        raise InputError(
            f"{examples.source} holds {m} examples of {n} features: "
            f"expected the {len(features)} features that were trained on{mend}"
        )
    examples.check(fewest)
    return examples if features is None else examples._replace(features=tuple(features))


def check_weights(examples: Examples, name: str) -> None:
    """Refuse weights that are no finite numbers of at least 0 (InputError)."""
    weights, m = examples.weights, examples.X.shape[1]
    if weights is None:
        raise NoWeights(
            f"{examples.source} can hold no weights: data.weights names a column of .csv and "
            ".parquet, or an array of .npz and .h5"
        )
    if weights.dtype.kind not in "buif" or weights.shape != (m,):
        raise InputError(
            f"{examples.source}: the weights '{name}' are {weights.dtype} of shape "
            f"{weights.shape}: expected a number for each of the {m} examples"
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"{examples.source}: the weight '{name}' of {examples.example(wrong[0])} is "
            f"{weights[wrong[0]]}: expected a finite number, 0 or larger"
        )
