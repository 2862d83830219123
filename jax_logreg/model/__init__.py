"""A fitted model as one safetensors file: tensors w and b, and their meaning as JSON."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jax_logreg.checkpoint.saved import in_order
from jax_logreg.data import (
    Examples,
    Levels,
    Predictions,
    Reading,
    Scaling,
    Section,
    make_features,
)
from jax_logreg.display import displayed, dtype_and_shape
from jax_logreg.errors import InputError
from jax_logreg.errors.checks import check_path
from jax_logreg.errors.extras import needs
from jax_logreg.errors.one_line import one_line
from jax_logreg.evaluation import predicted_classes
from jax_logreg.evaluation.temperature import HIGHEST, LOWEST
from jax_logreg.logistic import Family, Params, family_of
from jax_logreg.model.answers import (
    FamilyName,
    activate,
    cross_entropies,
    family_name,
    logits_of,
    probabilities,
)

with needs("run"):
    import safetensors
    import safetensors.numpy
    from pydantic import Field

__all__ = ["Model", "activate", "cross_entropies", "family_name", "probabilities"]

_FORMAT = "jax_logreg 1"


class _ScalingLists(Section):
    mean: list[float]
    scale: list[float]


class _Meaning(Section):
    """The file's metadata, a JSON text for each field."""

    # Files of early versions name no family, and no levels.
    family: FamilyName = "binomial"
    classes: list[bool | int | float | str] = Field(min_length=2)
    features: list[str]
    scaling: _ScalingLists
    levels: dict[str, list[str]] = Field(default_factory=dict)
    drop_first: bool = False
    # The choices of `jax-logreg evaluate --store`.
    temperature: float = Field(1.0, ge=LOWEST, le=HIGHEST)
    threshold: float = Field(0.5, ge=0, le=1)
    reading: Reading

    @property
    def columns(self) -> Levels:
        """The levels of the columns of categories."""
        return Levels(tuple(self.levels), tuple(map(tuple, self.levels.values())), self.drop_first)


@displayed
class Model(NamedTuple):
    """Parameters w (n, k), b (k, 1) of scaled features, and all that is needed to read new data.

    A binomial model, k = 1, has two `classes`, of which the second counts as 1. A multinomial model
    has an output for each class. `features` are those of numbers; their weights come before those
    of the `levels`. Probabilities are those of Z / `temperature`. Of two classes the second is
    predicted where its probability is above `threshold`.
    """

    params: Params
    classes: tuple[object, ...]
    features: tuple[str, ...]
    scaling: Scaling
    reading: Reading
    levels: Levels = Levels()
    temperature: float = 1.0
    threshold: float = 0.5

    def _shown(self) -> dict[str, object]:
        return {
            "family": family_name(self.params),
            "classes": self.classes,
            "w": dtype_and_shape(self.params.w),
            "features": self.features,
            "categories": self.levels.names,
            "temperature": self.temperature,
            "threshold": self.threshold,
        }

    def save(self) -> bytes:
        """Return the content of the file; its metadata are JSON texts."""
        mean, scale = (a.tolist() for a in self.scaling)
        meaning = _Meaning.model_validate(
            {
                "family": family_name(self.params),
                "classes": list(self.classes),
                "features": list(self.features),
                "scaling": _ScalingLists(mean=mean, scale=scale),
                "levels": {
                    name: list(levels)
                    for name, levels in zip(self.levels.names, self.levels.levels, strict=True)
                },
                "drop_first": self.levels.drop_first,
                "temperature": self.temperature,
                "threshold": self.threshold,
                "reading": self.reading,
            }
        )
        texts = {key: json.dumps(value) for key, value in meaning.model_dump().items()}
        w, b = (np.ascontiguousarray(a) for a in self.params)
        return in_order(safetensors.numpy.save({"w": w, "b": b}, {"format": _FORMAT, **texts}))

    @classmethod
    @one_line()
    def load(cls, path: Path) -> "Model":
        """Return the model of a file that `save` wrote.

        Raises:
            InputError: there is no file, or no such model in it.
        """
        path = check_path("path", path)
        if not _is_file(path):
            raise InputError(f"{path} does not exist: expected the folder of a finished run")
        try:
            with safetensors.safe_open(path, "np") as file:
                texts = file.metadata() or {}
                w, b = file.get_tensor("w"), file.get_tensor("b")
            if texts.pop("format", None) != _FORMAT:
                raise ValueError(f"expected format {_FORMAT}")
            meaning = _Meaning.model_validate(
                {key: json.loads(text) for key, text in texts.items()}
            )
            _check_numbers(meaning, w, b)
        # A damaged file makes the libraries raise exceptions of nearly any class.
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{path} is no model of jax_logreg: {reason}: expected a file that a run left: "
                "run its config again"
            ) from None
        scaling = meaning.scaling
        return cls(
            Params(w, b),
            tuple(meaning.classes),
            tuple(meaning.features),
            Scaling(np.array(scaling.mean), np.array(scaling.scale)),
            meaning.reading,
            meaning.columns,
            meaning.temperature,
            meaning.threshold,
        )

    @property
    def family(self) -> Family:
        """The family of the labels, by the number of outputs."""
        return family_of(family_name(self.params))

    def logits(self, examples: Examples) -> np.ndarray:
        """Return Z = wᵀX + b of the scaled features, (k, m), in the dtype of the parameters.

        No temperature divides them yet.
        """
        dtype = self.params.w.dtype.name
        X = make_features(examples, self.scaling, self.levels, dtype)
        return logits_of(self.params, X)

    def predict(self, examples: Examples) -> Predictions:
        """Return P(classes[1]) of two classes, P of each of more, and the predicted class.

        Probabilities are in the dtype of the parameters.
        """
        A = activate(self.logits(examples), self.family, self.temperature)
        predicted = np.asarray(self.classes)[predicted_classes(A, self.threshold)]
        return Predictions(
            A[-1] if len(self.classes) == 2 else A.T, predicted, self.classes, examples.files
        )


def _is_file(path: Path) -> bool:
    # A name may be too long for the system.
    with suppress(OSError):
        return path.is_file()
    return False


def _check_numbers(meaning: _Meaning, w: np.ndarray, b: np.ndarray) -> None:
    """Refuse parameters and metadata that do not fit each other (ValueError)."""
    numbers, classes = len(meaning.features), len(meaning.classes)
    n = numbers + len(meaning.columns.features)
    k = 1 if meaning.family == "binomial" else classes
    if k == 1 and classes != 2:
        raise ValueError(f"expected two classes of a binomial model, not {classes}")
    lengths = len(meaning.scaling.mean), len(meaning.scaling.scale)
    if list(meaning.levels) != meaning.reading.categorical:
        raise ValueError("expected levels of each column of categories that is read")
    if (w.shape, b.shape, *lengths) != ((n, k), (k, 1), numbers, numbers):
        raise ValueError(f"expected parameters and scaling of {n} features and {k} outputs")
    if any(isinstance(name, int) and not -(2**63) <= name < 2**63 for name in meaning.classes):
        raise ValueError("expected classes of at most 64 bits")
    if classes > 2 and meaning.threshold != 0.5:
        raise ValueError(f"expected no threshold of {classes} classes")
    if any(array.dtype.name not in ("float32", "float64") for array in (w, b)):
        raise ValueError(f"expected w and b in float32 or float64, not {w.dtype} and {b.dtype}")
    scaling = np.array([meaning.scaling.mean, meaning.scaling.scale])
    if not all(np.isfinite(array).all() for array in (w, b, scaling)) or (scaling[1] <= 0).any():
        raise ValueError("expected finite parameters and scaling, and positive scales")
