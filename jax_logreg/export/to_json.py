"""Plain JSON, enough to compute a model by hand, in any language."""

import json
from collections.abc import Callable, Sequence

import numpy as np

import jax_logreg
from jax_logreg.errors import InputError
from jax_logreg.export.folding import Answers, folded
from jax_logreg.logistic import BINOMIAL, MULTINOMIAL
from jax_logreg.model import Model, activate

_FORMAT = "jax_logreg coefficients 1"
_SUM = "z[j] = intercepts[j] + sum over i of coefficients[j][i] * (value of features[i])"
_LEVELS = " + sum over columns of levels[column][its level][j], 0 of a level that is not there"
_TWO = "P(classes[1]) = 1 / (1 + exp(-z[0])); the class is classes[1] where that is > threshold"
_MORE = "P(classes[j]) = exp(z[j]) / (sum over all i of exp(z[i])); the class is the likeliest"


def dump(model: Model) -> bytes:
    """Return classes, features, coefficients of raw features in float64, and the formula."""
    w, b = folded(model)
    numbers, two = len(model.scaling.mean), len(model.classes) == 2
    content = {
        "format": _FORMAT,
        "version": jax_logreg.__version__,
        "formula": f"{_SUM}{_LEVELS if model.levels.names else ''}; {_TWO if two else _MORE}",
        "classes": list(model.classes),
        "features": list(model.features),
        "coefficients": w[:numbers].T.tolist(),
        "intercepts": b[:, 0].tolist(),
        **({"threshold": model.threshold} if two else {}),
        **({"levels": _levels(model, w[numbers:])} if model.levels.names else {}),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def load(content: bytes) -> Callable[..., Answers]:
    """Return a function of rows (m, n), and of m levels for each column, which uses float64."""
    read = json.loads(content)
    if read["format"] != _FORMAT:
        raise InputError(f"expected format {_FORMAT}")
    w, b = np.array(read["coefficients"]).T, np.array(read["intercepts"])[:, None]
    w = w.reshape(len(read["features"]), len(b))
    classes, columns = np.asarray(read["classes"]), read.get("levels", {}).values()

    def answers(rows: np.ndarray, *levels: Sequence[str]) -> Answers:
        Z = w.T @ np.asarray(rows, np.float64).T + b
        for texts, of_level in zip(levels, columns, strict=True):
            Z += np.array([of_level.get(text, [0.0] * len(b)) for text in texts]).T
        A = activate(Z, BINOMIAL if len(b) == 1 else MULTINOMIAL)
        if len(b) > 1:
            return Answers(A.T, classes[np.argmax(A, axis=0)])
        number = (A[0] > read["threshold"]).astype(int)
        return Answers(np.concatenate([1 - A, A]).T, classes[number])

    return answers


def _levels(model: Model, w: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """Return the coefficients of each level by column; a level that was dropped has none."""
    rows, columns = iter(w.tolist()), model.levels
    return {
        name: {level: next(rows) for level in levels[columns.drop_first :]}
        for name, levels in zip(columns.names, columns.levels, strict=True)
    }
