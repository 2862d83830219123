import json
import math
import sys
from importlib import import_module

import jax
import numpy as np
import pytest

from jax_logreg import export
from jax_logreg.data import Examples, Levels, Reading, Scaling
from jax_logreg.errors import InputError
from jax_logreg.export import checking
from jax_logreg.export.folding import centred, folded, threshold_in_float32
from jax_logreg.logistic import Params
from jax_logreg.model import Model

CLASSES = {
    "integers": (3, 7),
    "text": ("no", "ja"),
    "booleans": (False, True),
    "numbers": (0.5, 1.5),
    "three texts": ("a", "b", "c"),
    "four integers": (-1, 0, 5, 9),
}
# Means in deviations of 1: folded in float32, the last would have one digit left.
MEANS = {"none": 0.0, "as usual": 3.0, "hostile": 1e6}


def made(classes=("no", "ja"), mean=3.0, dtype="float32", levels=None, n=5):
    rng = np.random.default_rng(0)
    k = 1 if len(classes) == 2 else len(classes)
    levels = levels or Levels()
    w = rng.standard_normal((n + len(levels.features), k)).astype(dtype)
    b = rng.standard_normal((k, 1)).astype(dtype)
    scaling = Scaling(mean * (1 + rng.random(n)), 0.5 + rng.random(n))
    features = tuple(f"f {i}" for i in range(n))
    reading = Reading().of(levels.names)
    return Model(Params(w, b), classes, features, scaling, reading, levels)


def rows_of(model, m=40):
    rng = np.random.default_rng(1)
    rows = model.scaling.mean + model.scaling.scale * rng.standard_normal((m, len(model.features)))
    return rows.astype(np.float32)


def agree(model, kind, rows):
    content, unchecked = export.export(model, kind)
    assert unchecked is None
    found = export.load(content, kind)(rows)
    names = found.labels
    if kind in export.NUMBERED:
        names = np.asarray(model.classes)[names]
    examples = Examples(rows.T, None, model.features, "rows")
    expected = checking.predictions(model, examples)
    allowed = checking.rounding(model, examples)
    assert found.probabilities.shape == expected.probabilities.shape
    assert (allowed >= np.abs(found.probabilities - expected.probabilities).T).all()
    # No row of these is within rounding of a border.
    assert (names == expected.labels).all()


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("kind", export.SUFFIXES)
@pytest.mark.parametrize("classes", ["text", "four integers"])
def test_every_kind_answers_as_predict(kind, classes, mean):
    model = made(CLASSES[classes], MEANS[mean])
    agree(model, kind, rows_of(model))


@pytest.mark.parametrize("kind", ["onnx", "sklearn", "json"])
@pytest.mark.parametrize("classes", CLASSES)
def test_classes_of_every_type(kind, classes):
    model = made(CLASSES[classes])
    found = export.load(export.export(model, kind).content, kind)(rows_of(model))
    assert set(found.labels) <= set(CLASSES[classes]) and len(set(found.labels)) > 1


@pytest.mark.parametrize("kind", export.SUFFIXES)
def test_models_in_float64_and_a_softmax_of_two(kind):
    model = made(dtype="float64")
    w, b = model.params
    two = model._replace(params=Params(np.hstack([w / 2, -w / 2]), np.vstack([b / 2, -b / 2])))
    for one in (model, two):
        agree(one, kind, rows_of(one))


def test_folding_keeps_float64s_digits_and_centring_float32s():
    model = made(mean=1e6, dtype="float64")
    rows = rows_of(model)
    mean, scale = model.scaling
    exact = (rows - mean) / scale @ model.params.w + model.params.b.T
    w, b = folded(model)
    np.testing.assert_allclose(rows @ w + b.T, exact, atol=1e-8)
    centre, w, b = centred(model)
    assert {part.dtype.name for part in (centre, w, b)} == {"float32"}
    np.testing.assert_allclose((rows - centre.T) @ w + b.T, exact, atol=1e-5)
    # The fault: the same in float32 in one product, or with the mean rounded alone.
    w32, b32 = (part.astype("f4") for part in folded(model))
    assert np.max(np.abs(rows @ w32 + b32.T - exact)) > 1e-2
    rounded = (rows - mean.astype("f4")) / scale @ model.params.w + model.params.b.T
    assert np.max(np.abs(rounded - exact)) > 1e-3


def test_onnx_says_what_it_takes_and_means():
    onnx = pytest.importorskip("onnx")
    found = onnx.load_from_string(export.export(made(), "onnx").content)
    (given,), answers = found.graph.input, found.graph.output
    assert given.name == "X" and given.type.tensor_type.shape.dim[0].dim_param == "m"
    assert given.type.tensor_type.shape.dim[1].dim_value == 5
    assert [one.name for one in answers] == ["label", "probabilities"]
    texts = {one.key: json.loads(one.value) for one in found.metadata_props}
    assert texts == {"features": [f"f {i}" for i in range(5)], "classes": ["no", "ja"]}
    assert "Sub" not in [
        node.op_type
        for node in onnx.load_from_string(export.export(made(mean=0.0), "onnx").content).graph.node
    ]


def test_stablehlo_is_for_every_platform_and_any_number_of_examples():
    content = export.export(made(), "stablehlo").content
    exported = jax.export.deserialize(bytearray(content))
    assert exported.platforms == ("cpu", "cuda", "tpu")
    answers, rows = export.load(content, "stablehlo"), rows_of(made(), 9)
    whole = answers(rows)
    for m in (1, 2, 9):
        part = answers(rows[:m])
        np.testing.assert_allclose(part.probabilities, whole.probabilities[:m], rtol=1e-6)
        assert part.labels.tolist() == whole.labels[:m].tolist()


def test_sklearn_is_its_own_object_with_names():
    import pandas as pd
    import skops.io
    from sklearn.linear_model import LogisticRegression

    model = made()
    content = export.export(model, "sklearn").content
    assert skops.io.get_untrusted_types(data=content) == []
    theirs = skops.io.loads(content)
    assert type(theirs) is LogisticRegression
    table = pd.DataFrame(rows_of(model), columns=list(model.features))
    assert (
        theirs.predict(table).tolist()
        == model.predict(Examples(rows_of(model).T, None, model.features, "")).predicted.tolist()
    )


LEVELS = Levels(("city", "day"), (("Berlin", "Bonn", "(missing)"), ("1", "2")))


@pytest.mark.parametrize("drop_first", [False, True])
def test_json_by_hand(drop_first):
    model = made(levels=LEVELS._replace(drop_first=drop_first), n=3)
    read = json.loads(export.export(model, "json").content)
    assert read["classes"] == ["no", "ja"] and read["formula"].startswith("z[j] = intercepts[j]")
    assert ("Berlin" in read["levels"]["city"]) is not drop_first
    example = {"f 0": 3.5, "f 1": 4.25, "f 2": 5.0, "city": "Bonn", "day": "1"}
    z = read["intercepts"][0]
    for name, coefficient in zip(read["features"], read["coefficients"][0], strict=True):
        z += coefficient * example[name]
    for column, of_level in read["levels"].items():
        z += of_level.get(example[column], [0.0])[0]
    by_hand = 1 / (1 + math.exp(-z))
    columns = tuple(
        checking.Column(name, np.array([levels.index(example[name])]), levels)
        for name, levels in zip(model.levels.names, model.levels.levels, strict=True)
    )
    X = np.array([[example[name]] for name in read["features"]])
    said = model.predict(Examples(X, None, model.features, "", categories=columns))
    assert by_hand == pytest.approx(said.probability[0], rel=1e-6)


class Decided(Model):
    """A model with a temperature and a threshold of its own."""

    temperature, threshold = 2.0, 0.8


@pytest.mark.parametrize("kind", export.SUFFIXES)
def test_temperature_and_threshold_are_honoured(kind):
    model = made()
    rows = rows_of(model)
    content = import_module(f"jax_logreg.export.to_{kind}").dump(Decided(*model))
    found = export.load(content, kind)(rows)
    mean, scale = model.scaling
    Z = ((rows - mean) / scale @ model.params.w + model.params.b.T)[:, 0]
    P = 1 / (1 + np.exp(-Z / 2))
    np.testing.assert_allclose(found.probabilities[:, 1], P, rtol=1e-5)
    names = found.labels if kind == "stablehlo" else np.asarray(found.labels) == "ja"
    assert (names == (P > 0.8)).all() and np.sum((P > 0.5) & (P <= 0.8)) > 0


@pytest.mark.parametrize("threshold", [0.5, 0.3, 0.7, 1e-9, 0.0, 1.0])
def test_a_threshold_in_float32_parts_the_same_numbers(threshold):
    class Other(Model):
        pass

    Other.threshold = threshold
    rounded = threshold_in_float32(Other(*made()))
    near = np.float32(threshold)
    for P in (np.nextafter(near, np.float32(-1)), near, np.nextafter(near, np.float32(2))):
        assert (rounded < P) == (float(P) > threshold)


@pytest.mark.parametrize("kind", ["onnx", "stablehlo", "sklearn"])
def test_categories_are_for_json(kind):
    with pytest.raises(InputError, match=r"city, day: .* export to json"):
        export.export(made(levels=LEVELS), kind)


def test_numbers_beyond_float32_are_refused():
    model = made()
    for part, number in (("scale", 1e-60), ("mean", 1e60)):
        scaling = model.scaling._replace(**{part: np.array([1, number, 1, 1, 1])})
        with pytest.raises(InputError, match="feature 'f 1' has a mean too large for float32, or"):
            export.export(model._replace(scaling=scaling), "onnx")


@pytest.mark.parametrize("wrong", ["probabilities", "labels"])
def test_what_disagrees_is_refused(wrong, monkeypatch):
    model = made()
    load = import_module("jax_logreg.export.to_json").load

    def spoilt(content):
        def answers(rows):
            found = load(content)(rows)
            other = {"probabilities": found.probabilities + 1e-5, "labels": found.labels[::-1]}
            return found._replace(**{wrong: other[wrong]})

        return answers

    monkeypatch.setattr("jax_logreg.export.to_json.load", spoilt)
    with pytest.raises(InputError, match="than predict"):
        export.export(model, "json")


def test_without_onnxruntime_it_is_unchecked(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    content, unchecked = export.export(made(), "onnx")
    assert content and "onnxruntime is not installed" in unchecked


def test_no_such_kind_and_no_such_file():
    with pytest.raises(InputError, match=r"to is 'pmml': expected 'onnx', .* or 'json'"):
        export.export(made(), "pmml")
    for kind in export.SUFFIXES:
        with pytest.raises(InputError, match=f"is no {kind} of jax_logreg"):
            export.load(b"nonsense", kind)
