"""Exports of a model: ONNX, StableHLO, scikit-learn and JSON, of raw features, each checked.

All of them take examples in rows, (m, n), of features as they were measured, and return
probabilities (m, classes). The functional API here takes (n, m).
"""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_choice
from jax_logreg.errors.extras import MissingExtra
from jax_logreg.errors.one_line import one_line
from jax_logreg.export.checking import check
from jax_logreg.export.folding import Answers
from jax_logreg.model import Model

# The suffix of each kind's file; the module `to_KIND` writes and reads it.
SUFFIXES = {"onnx": ".onnx", "stablehlo": ".stablehlo", "sklearn": ".skops", "json": ".json"}
# Kinds whose file has no room for the names of the classes: their labels are numbers from 0.
NUMBERED = ("stablehlo",)


class Kind(Protocol):
    """The module of a kind of file."""

    def dump(self, model: Model) -> bytes:
        """Return the content of the file."""

    def load(self, content: bytes) -> Callable[..., Answers]:
        """Return a function of rows (m, n), with which another program predicts from the file."""


class Exported(NamedTuple):
    """The content of a file, and the reason that it was not checked, None where it was."""

    content: bytes
    unchecked: str | None


@one_line()
def export(model: Model, to: str) -> Exported:
    """Return the model as a file of another kind, loaded again and compared with `predict`.

    Args:
        model: for example `Model.load(Path("runs/quickstart/model.safetensors"))`.
        to: "onnx", "stablehlo", "sklearn" or "json".

    Raises:
        InputError: an unknown kind, a model that it cannot hold, or predictions further from those
            of `predict` than float32's rounding.
        MissingExtra: the library that writes the kind is not installed.
    """
    kind = _find("to", to)
    if not isinstance(model, Model):
        raise InputError(f"model is {brief(model)}: expected a Model, such as Model.load(path)")
    content = kind.dump(model)
    try:
        answers = kind.load(content)
    except MissingExtra as missing:
        return Exported(content, str(missing))
    check(model, answers, to, to in NUMBERED)
    return Exported(content, None)


@one_line()
def load(content: bytes, kind: str) -> Callable[..., Answers]:
    """Return a function from rows (m, n) to probabilities (m, classes) and labels (m,).

    That of JSON with categories takes rows, and then the m levels of each column.

    Raises:
        InputError: an unknown kind, or content that is no file of the kind.
        MissingExtra: the library that computes from the kind is not installed.
    """
    reader = _find("kind", kind)
    if not isinstance(content, bytes):
        raise InputError(f"content is {brief(content)}: expected the bytes of a file")
    try:
        return reader.load(content)
    except MissingExtra:
        raise
    # Damaged content makes the libraries raise exceptions of nearly any class.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"content is no {kind} of jax_logreg: {reason}: expected the bytes of a file that "
            "`export` wrote"
        ) from None


def _find(name: str, kind: object) -> Kind:
    check_choice(name, kind, SUFFIXES)
    return cast(Kind, import_module(f"jax_logreg.export.to_{kind}"))


__all__ = ["NUMBERED", "SUFFIXES", "Answers", "Exported", "export", "load"]
