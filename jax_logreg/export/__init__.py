"""Models that leave: ONNX, StableHLO, scikit-learn and JSON, of raw features, each checked.

All of them take examples in rows, (m, n) as they were measured, as programs elsewhere have them,
and answer with probabilities (m, classes); the functional API here takes (n, m).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_choice
from jax_logreg.errors.extras import MissingExtra
from jax_logreg.errors.one_line import one_line
from jax_logreg.export.checking import check
from jax_logreg.export.folding import Answers
from jax_logreg.model import Model

# The suffix of each kind's file; the module of that name writes and reads it.
SUFFIXES = {"onnx": ".onnx", "stablehlo": ".stablehlo", "sklearn": ".skops", "json": ".json"}
# Those whose file has no room for the names of the classes: their labels are numbers from 0.
NUMBERED = ("stablehlo",)


class Kind(Protocol):
    """The protocol of the module of a kind."""

    def dump(self, model: Model) -> bytes:
        """The file's content."""

    def load(self, content: bytes) -> Callable[..., Answers]:
        """Return the predictions of another program from the file, of rows (m, n)."""


class Exported(NamedTuple):
    """The content of a file, and why it was not checked, None where it was."""

    content: bytes
    unchecked: str | None


@one_line()
def export(model: Model, to: str) -> Exported:
    """The model as a file of another kind, loaded again and compared with `predict`.

    Args:
        model: for example `Model.load(Path("runs/quickstart/model.safetensors"))`.
        to: "onnx", "stablehlo", "sklearn" or "json".

    Raises:
        InputError: no such kind, a model that it cannot hold, or answers that differ from those of
            `predict` by more than float32's rounding.
        MissingExtra: the library that writes it is not installed.
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
    """Compute from an exported file: rows (m, n) to probabilities (m, classes) and labels (m,).

    Of JSON with categories, rows and then the m levels of each column.

    Raises:
        InputError: no such kind, or no such file.
        MissingExtra: the library that computes from it is not installed.
    """
    reader = _find("kind", kind)
    if not isinstance(content, bytes):
        raise InputError(f"content is {brief(content)}: expected the bytes of a file")
    try:
        return reader.load(content)
    except MissingExtra:
        raise
    # Damaged content makes the libraries raise nearly anything.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the content is no {kind} of jax_logreg: {reason}") from None


def _find(name: str, kind: object) -> Kind:
    check_choice(name, kind, SUFFIXES)
    module: Any = import_module(f"jax_logreg.export.to_{kind}")
    return module


__all__ = ["NUMBERED", "SUFFIXES", "Answers", "Exported", "export", "load"]
