"""A fitted model as one safetensors file: tensors w and b, and what they mean as JSON beside."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jax_logreg.data import Examples, Reading, Scaling, Section
from jax_logreg.errors import InputError
from jax_logreg.extras import needs
from jax_logreg.logistic import Params, forward
from jax_logreg.matrix import place

with needs("run"):
    import safetensors
    import safetensors.numpy
    from pydantic import Field

_FORMAT = "jax_logreg 1"


class _ScalingLists(Section):
    mean: list[float]
    scale: list[float]


class _Meaning(Section):
    """What stands in the file's metadata, a JSON text for each field."""

    classes: list[bool | int | float | str] = Field(min_length=2, max_length=2)
    features: list[str]
    scaling: _ScalingLists
    reading: Reading


class Model(NamedTuple):
    """Parameters w (n, 1), b (1, 1) of scaled features, and all that is needed to read new data.

    `classes` are the two labels, the second of which counts as 1.
    """

    params: Params
    classes: tuple[Any, Any]
    features: tuple[str, ...]
    scaling: Scaling
    reading: Reading

    def save(self) -> bytes:
        """The file's content; metadata are JSON texts."""
        mean, scale = (a.tolist() for a in self.scaling)
        meaning = _Meaning(
            classes=list(self.classes),
            features=list(self.features),
            scaling=_ScalingLists(mean=mean, scale=scale),
            reading=self.reading,
        )
        texts = {key: json.dumps(value) for key, value in meaning.model_dump().items()}
        w, b = (np.ascontiguousarray(a) for a in self.params)
        return safetensors.numpy.save({"w": w, "b": b}, {"format": _FORMAT, **texts})

    @classmethod
    def load(cls, path: Path) -> "Model":
        """The model of a file that `save` wrote.

        Raises:
            InputError: no file, or no such model in it.
        """
        if not path.is_file():
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
            n, scaling = len(meaning.features), meaning.scaling
            shapes = w.shape, b.shape, len(scaling.mean), len(scaling.scale)
            if shapes != ((n, 1), (1, 1), n, n):
                raise ValueError(f"expected parameters and scaling of {n} features")
        except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} is no model of jax_logreg: {reason}") from None
        classes = meaning.classes
        return cls(
            Params(w, b),
            (classes[0], classes[1]),
            tuple(meaning.features),
            Scaling(np.array(scaling.mean), np.array(scaling.scale)),
            meaning.reading,
        )

    def probabilities(self, examples: Examples) -> np.ndarray:
        """P(classes[1]), (m,), in the dtype of the parameters."""
        dtype = self.params.w.dtype.name
        return probabilities(self.params, self.scaling.apply(examples.X, dtype))

    def predicted(self, probabilities: np.ndarray) -> np.ndarray:
        """The likelier class of each example, (m,)."""
        return np.asarray(self.classes)[(probabilities > 0.5).astype(int)]


def probabilities(params: Params, X: np.ndarray) -> np.ndarray:
    """`forward` of scaled features X (n, m), (m,), in the dtype of the parameters."""
    dtype = np.dtype(params.w.dtype).name
    with jax.enable_x64(dtype == "float64"):
        return np.asarray(_forward(params, place(X, dtype, None)))[0]


_forward = jax.jit(forward)
