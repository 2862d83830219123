"""The sources that a config can name: adding one is one class, and one row of DataConfig."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import jax.numpy as jnp
import numpy as np

from jax_logreg.data.examples import Examples, NoWeights, Part, label_values, numbered
from jax_logreg.data.local import check_local
from jax_logreg.data.reading import Reading, read
from jax_logreg.data.section import Section
from jax_logreg.data.stream.examples import stream_examples
from jax_logreg.data.stream.finding import is_pattern
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.logistic import Params, forward
from jax_logreg.placement.memory import check_room

with needs("run"):
    from pydantic import AfterValidator, Field, field_serializer


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    # Nobody of that name: there is no such file either.
    except RuntimeError:
        return path


# TOML knows no paths, and no shell expands a ~ in it.
UserPath = Annotated[Path, Field(strict=False), AfterValidator(_expanded)]
Loaded = tuple[Examples, Examples | None]


class Source(Section):
    """The keys that every source has."""

    positive: str | int | float | bool | None = Field(
        None,
        description="The class that counts as 1, against all others. By default it is the last of "
        "two in sorted order; three or more classes are learnt all at once.",
    )
    test_fraction: float = Field(
        0.25, ge=0, lt=1, description="Part held out, unless the source names its own test part."
    )
    standardise: bool = Field(
        True, description="Mean 0 and standard deviation 1 of each feature of the training part."
    )
    drop_first: bool = Field(
        False,
        description="Leave out the first level of each column of categories. With all levels the "
        "coefficients are unique only under a penalty.",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the split and of synthetic data.")

    @property
    def reading(self) -> Reading:
        """Return the way to read new data for the model."""
        return Reading()

    def load(self) -> Loaded:
        """Return the training examples, and the test examples where they are given apart."""
        raise NotImplementedError

    def load_part(self, part: Part) -> Loaded:
        """Return the examples of one of several hosts."""
        train, test = self.load()
        return train.part(part), None if test is None else test.part(part)


class BundledData(Source):
    """A data set that comes inside scikit-learn."""

    source: Literal["bundled"]
    name: Literal["breast_cancer", "digits", "iris", "wine"] = "breast_cancer"

    def load(self) -> Loaded:
        """Return all examples; labels are the names of the classes."""
        with needs("run"):
            from sklearn import datasets
        bunch = getattr(datasets, f"load_{self.name}")()
        features = tuple(str(name) for name in bunch.feature_names)
        labels = label_values(np.asarray(bunch.target_names)[bunch.target])
        picture = bunch.images.shape[1:] if "images" in bunch else ()
        examples = Examples(bunch.data.T, labels, features, f"bundled {self.name}", picture=picture)
        return examples, None


class FileData(Source, Reading):
    """Files of the user's own."""

    source: Literal["file"]
    train: UserPath | None = Field(None, description="File or folder to learn from.")
    test: UserPath | None = Field(None, description="File or folder to test on.")
    stream: bool = Field(
        False,
        description="Read the data again in every pass, in place of holding them in memory. Then "
        "train and test may be folders, or patterns such as 'big/*.parquet'.",
    )

    @property
    def reading(self) -> Reading:
        """Return the way these files are read."""
        return Reading(**{name: getattr(self, name) for name in Reading.model_fields})

    @field_serializer("train", "test")
    def _absolute(self, path: Path | None) -> str | None:
        # A saved config finds the file from any folder.
        return None if path is None else str(path.absolute())

    def load(self, part: Part | None = None) -> Loaded:
        """Return the training file, and the test file where there is one, or a part of each."""
        if self.train is None:
            raise InputError(
                "data.train is missing: name the file to learn from: --set data.train=FILE"
            )
        for path in (self.train, self.test):
            if path is not None:
                check_local(path)
        if self.stream:
            return self._streamed(self.train)
        if is_pattern(self.train):
            raise InputError(
                f"{self.train} is a pattern: expected one file, as several are read in pieces: set "
                "data.stream=true"
            )
        train = read(self.train, self.reading, part=part)
        if (path := self.test) is None:
            return train, None
        reading = self.reading.of(column.name for column in train.categories)
        return train, _weighted_or_not(
            lambda reading: read(path, reading, features=train.features, part=part), reading
        )

    def load_part(self, part: Part) -> Loaded:
        """Return the examples of one of several hosts, without the others where the format can.

        Raises:
            InputError: as of `load`, or a stream.
        """
        if self.stream:
            raise InputError(
                "data.stream is true, but several hosts cannot share a stream: leave --hosts out, "
                "or the stream"
            )
        return self.load(part)

    def _streamed(self, path: Path) -> Loaded:
        train = stream_examples(path, self.reading)
        if (test := self.test) is None:
            return train, None
        return train, _weighted_or_not(
            lambda reading: stream_examples(test, reading, train), self.reading
        )


def _weighted_or_not(load: Callable[[Reading], Examples], reading: Reading) -> Examples:
    """Return the test examples; in a file without weights each counts once."""
    try:
        return load(reading)
    except NoWeights:
        return load(reading.model_copy(update={"weights": None}))


class SyntheticData(Source):
    """Normal features, and labels drawn from a logistic model."""

    source: Literal["synthetic"]
    examples: int = Field(10_000, ge=4, description="Number of examples, m.")
    features: int = Field(20, ge=1, description="Number of features, n.")
    signal: float = Field(
        2.0, ge=0, allow_inf_nan=False, description="Standard deviation of Z = wᵀX."
    )

    def load(self) -> Loaded:
        """Return the examples of this seed, float32."""
        check_room(_size(self.features, self.examples), 4 * self.features * self.examples)
        rng = np.random.default_rng(self.seed)
        X = rng.standard_normal((self.features, self.examples), np.float32)
        w = rng.standard_normal((self.features, 1), np.float32)
        w *= np.float32(self.signal) / np.linalg.norm(w)
        params = Params(jnp.asarray(w), jnp.zeros((1, 1), jnp.float32))
        A = np.asarray(forward(params, jnp.asarray(X)))
        labels = (rng.random(self.examples) < A[0]).astype(np.int64)
        names = numbered(self.features)
        return Examples(X, labels, names, f"synthetic, seed {self.seed}"), None


class EmbeddingsData(Source):
    """Normal features in k classes, with variances that fall by a power, like embeddings."""

    source: Literal["embeddings"]
    examples: int = Field(10_000, ge=4, description="Number of examples, m, shared out evenly.")
    features: int = Field(256, ge=2, description="Number of features, n.")
    classes: int = Field(20, ge=2, description="Number of classes, k.")
    decay: float = Field(
        1.0, ge=0, le=10, description="Principal direction i has a variance of i to the -decay."
    )
    distance: float = Field(
        5.0,
        ge=0,
        allow_inf_nan=False,
        description="Between the means of two classes, in standard deviations of either.",
    )

    def load(self) -> Loaded:
        """Return the examples of this seed, float32."""
        n, m, k = self.features, self.examples, self.classes
        check_room(_size(n, max(n, m, k)), 4 * n * max(n, m, k))
        rng = np.random.default_rng(self.seed)
        labels = rng.permutation(np.arange(m) % k)
        means = rng.standard_normal((n, k), np.float32) * np.float32(self.distance / (2 * n) ** 0.5)
        spread = np.arange(1, n + 1, dtype=np.float32)[:, None] ** (-self.decay / 2)
        turn = np.linalg.qr(rng.standard_normal((n, n), np.float32))[0]
        X = turn @ (spread * (rng.standard_normal((n, m), np.float32) + means[:, labels]))
        return Examples(X, labels, numbered(n), f"embeddings, seed {self.seed}"), None


def _size(n: int, m: int) -> str:
    return f"data of {m} examples and {n} features"


class OpenMLData(Source):
    """A data set of openml.org, which scikit-learn fetches once and keeps."""

    source: Literal["openml"]
    name: str
    version: int | Literal["active"] = "active"
    target: str = Field("default-target", description="The label column.")

    def load(self) -> Loaded:
        """Return all examples."""
        with needs("run"):
            from sklearn.datasets import fetch_openml
        try:
            with warnings.catch_warnings():
                # The error of the last try repeats the warning of each.
                warnings.filterwarnings("ignore", "A network error", UserWarning)
                bunch = fetch_openml(
                    self.name,
                    version=self.version,
                    target_column=self.target,
                    as_frame=False,
                    parser="liac-arff",
                )
        # No internet, no such set, a set that is no dense table: each raises another class.
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"OpenML's '{self.name}' could not be fetched ({reason}): expected the internet, "
                "and a name as on openml.org; for your own files set data.source='file'"
            ) from None
        X = bunch.data.toarray() if hasattr(bunch.data, "toarray") else np.asarray(bunch.data)
        if X.dtype.kind not in "buif":
            raise InputError(f"OpenML's '{self.name}' holds {X.dtype} features: expected numbers")
        names = tuple(str(name) for name in bunch.feature_names)
        return Examples(X.T, label_values(bunch.target), names, f"OpenML {self.name}"), None


DataConfig = Annotated[
    BundledData | FileData | SyntheticData | EmbeddingsData | OpenMLData,
    Field(discriminator="source"),
]
