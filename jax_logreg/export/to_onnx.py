"""ONNX, built op by op without a converter, in opset 17, which every runtime since 2022 has."""

import json
from collections.abc import Callable

import numpy as np

import jax_logreg
from jax_logreg.errors.extras import needs
from jax_logreg.export.folding import (
    Answers,
    as_classes,
    centred,
    threshold_in_float32,
    without_levels,
)
from jax_logreg.model import Model

with needs("onnx"):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR = 17, 8


def dump(model: Model) -> bytes:
    """Return a graph from rows `X` (m, n) float32 to `label` (m,), `probabilities` (m, classes).

    Labels are int64, text, float64 or boolean, as the classes are. The metadata are the names of
    the features and the classes, as JSON, and the version.

    Raises:
        InputError: the model has columns of categories, or numbers beyond float32.
    """
    without_levels(model, "onnx")
    classes = as_classes(model)
    label = helper.np_dtype_to_tensor_dtype(_storable(classes).dtype)
    constants = _constants(model)
    graph = helper.make_graph(
        _nodes(model, "centre" in constants),
        "logistic_regression",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["m", len(model.features)])],
        [
            helper.make_tensor_value_info("label", label, ["m"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["m", len(classes)]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
        doc_string="Logistic regression: probabilities of (X - centre) w + b.",
    )
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        producer_name="jax_logreg",
        producer_version=jax_logreg.__version__,
    )
    texts = {"features": list(model.features), "classes": list(model.classes)}
    helper.set_model_props(made, {name: json.dumps(value) for name, value in texts.items()})
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def load(content: bytes) -> Callable[[np.ndarray], Answers]:
    """Return the predictions of onnxruntime."""
    with needs("onnx"):
        import onnxruntime
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def answers(rows: np.ndarray) -> Answers:
        labels, probabilities = session.run(["label", "probabilities"], {"X": rows})
        return Answers(probabilities, labels)

    return answers


def _constants(model: Model) -> dict[str, np.ndarray]:
    centre, w, b = centred(model)
    if len(model.classes) == 2:
        # The first class has -Z: 1 - P would lose digits where P is near 1.
        w, b = np.concatenate([-w, w], axis=1), np.concatenate([-b, b])
    constants = {"w": w, "b": b[:, 0], "classes": _storable(as_classes(model))}
    if centre.any():
        constants["centre"] = centre[:, 0]
    if len(model.classes) == 2:
        constants |= {
            "threshold": np.array(threshold_in_float32(model)),
            "second": np.array(1, np.int64),
        }
    return constants


def _nodes(model: Model, centred: bool) -> list[onnx.NodeProto]:
    node = helper.make_node
    linear = [node("Gemm", ["difference" if centred else "X", "w", "b"], ["Z"])]
    if centred:
        linear.insert(0, node("Sub", ["X", "centre"], ["difference"]))
    if len(model.classes) == 2:
        number = [
            node("Sigmoid", ["Z"], ["probabilities"]),
            node("Gather", ["probabilities", "second"], ["of_second"], axis=1),
            node("Greater", ["of_second", "threshold"], ["is_second"]),
            node("Cast", ["is_second"], ["number"], to=TensorProto.INT64),
        ]
    else:
        number = [
            node("Softmax", ["Z"], ["probabilities"], axis=1),
            node("ArgMax", ["probabilities"], ["number"], axis=1, keepdims=0),
        ]
    return [*linear, *number, node("Gather", ["classes", "number"], ["label"])]


def _storable(classes: np.ndarray) -> np.ndarray:
    """Text as objects, as onnx keeps it."""
    return classes.astype(object) if classes.dtype.kind == "U" else classes
