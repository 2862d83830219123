"""Examples from a file, in the format that its suffix names."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from jax_logreg.data.examples import Examples, Part, check_labels, check_weights
from jax_logreg.data.formats import FORMATS, DataFile, Names, PictureFolder
from jax_logreg.data.library_errors import library_errors
from jax_logreg.data.local import check_local
from jax_logreg.data.section import Section
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.errors.one_line import one_line

with needs("run"):
    from pydantic import Field


class Reading(Section):
    """The columns or arrays of a file that are read, and how."""

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
        description="Columns of .csv and .parquet that are categories, or 'auto' for all of text. "
        "Each level is a feature, an empty cell too; a level that training lacks is all zeros.",
    )
    exclude: list[str] = Field(
        [],
        description="Columns of .csv and .parquet to leave out, by name or by a shell pattern such "
        "as 'note*'.",
    )
    pixels: int | None = Field(None, ge=1, description="Resize pictures to pixels x pixels.")
    zero_based: bool = Field(False, description="Whether svmlight features count from 0, not 1.")

    def of(self, categories: Iterable[str]) -> "Reading":
        """Return the same with these columns of categories, and no others."""
        return self.model_copy(update={"categorical": list(categories)})

    def names(self) -> Names:
        """Return the names of the columns or arrays, as a format takes them."""
        return Names(**{name: getattr(self, name) for name in Names._fields})


@one_line()
def read(
    path: Path,
    reading: Reading,
    *,
    features: Sequence[str] | None = None,
    labelled: bool = True,
    part: Part | None = None,
) -> Examples:
    """Return the examples of a file or of a folder of pictures, examples in columns.

    Args:
        path: the file or folder; the suffix chooses the format, a folder holds pictures.
        reading: the columns or arrays to read.
        features: the features to expect; tables are read by these names.
        labelled: whether labels and weights are read.
        part: one of several equal runs of the examples, by default all.

    Raises:
        InputError: a file that is absent, damaged, or does not hold what was expected.
    """
    check_local(path)
    if not labelled:
        reading = reading.model_copy(update={"weights": None})
    with library_errors(path):
        kind = _format_of(path)
        check_columns(path, reading, features)
        file = kind(path, reading.names(), features, labelled, whole=True)
        examples = file.load(part)
    if reading.weights is not None:
        m = examples.X.shape[1]
        check_weights(path, examples.weights, reading.weights, m, examples.example)
    return _checked(examples, features, 1 if part is None else 0)


def check_columns(path: Path, reading: Reading, features: Sequence[str] | None = None) -> None:
    """Refuse options on columns where a file has none (InputError)."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is not None and kind.is_table:
        return
    if reading.categorical:
        raise InputError(
            f"{path} can hold no categories: data.categorical names columns of .csv and .parquet: "
            "leave it out"
        )
    # A model knows its features already.
    if reading.exclude and features is None:
        raise InputError(
            f"{path} has no columns to leave out: data.exclude names those of .csv and .parquet: "
            "leave it out"
        )


def _format_of(path: Path) -> type[DataFile]:
    if path.is_dir():
        return PictureFolder
    if not path.exists():
        raise InputError(f"{path} does not exist: expected a data file or a folder of pictures")
    if not path.is_file():
        raise InputError(f"{path} is a device or a pipe: expected a file, which has an end")
    if path.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputError(f"{path} has suffix '{path.suffix}': expected {known}, or a folder")
    return FORMATS[path.suffix.lower()]


def _checked(examples: Examples, features: Sequence[str] | None, fewest: int) -> Examples:
    n, m = examples.X.shape
    if examples.labels is not None:
        check_labels(examples.source, examples.labels, n, m)
    if features is not None and n != len(features):
        mend = "; did you mean its transpose?" if m == len(features) else ""
        raise InputError(
            f"{examples.source} holds {m} examples of {n} features: "
            f"expected the {len(features)} features that were trained on{mend}"
        )
    examples.check(fewest)
    return examples if features is None else examples._replace(features=tuple(features))
