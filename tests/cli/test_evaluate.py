"""`jax-logreg evaluate`: beside scikit-learn on what predict writes; stored, predict uses it."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from cli.command import command, refused
from safetensors.numpy import load_file
from sklearn import metrics

from jax_logreg import Params
from jax_logreg.cli import assess
from jax_logreg.data import Reading, Scaling
from jax_logreg.evaluation import fit_temperature
from jax_logreg.model import Model, cross_entropies


def write(path, k, m, seed, scale=1.0):
    """A table whose classes overlap, c0 ... of Z drawn with a scale, with weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 2))
    noise = rng.gumbel(size=(m, k))
    labels = np.argmax(X @ np.eye(2, k) * 2 * scale + noise, axis=1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x0", "x1", "weight", "label"])
        writer.writerows([*X[i], i % 3, f"c{labels[i]}"] for i in range(m))
    return path


def save(folder, w, classes, weights="weight", b=0.1):
    """A model of two features, as a run leaves it; b is the intercept of the last class."""
    k = len(w[0])
    b = b * np.eye(k)[:, -1:]
    params = Params(np.array(w, "float32"), b.astype("float32"))
    scaling = Scaling(np.zeros(2), np.ones(2))
    folder.mkdir()
    model = Model(params, classes, ("x0", "x1"), scaling, Reading(weights=weights))
    (folder / "model.safetensors").write_bytes(model.save())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of two and of three classes, and examples whose classes are less sure than they."""
    folder = tmp_path_factory.mktemp("evaluate")
    save(folder / "two", [[-2], [2]], ("c0", "c1"))
    save(folder / "three", [[2, 0, 0], [0, 2, 0]], ("c0", "c1", "c2"))
    save(folder / "softmax", [[1, -1], [-1, 1]], ("c0", "c1"))
    save(folder / "rest", [[-2], [-2]], ("rest", "c2"), None)
    for k, name in ((2, "two"), (3, "three")):
        write(folder / f"new_{name}.csv", k, 150, 1, scale=0.3)
    return folder


@pytest.fixture
def two(folder, tmp_path):
    """The run of two classes, to be changed."""
    (tmp_path / "model.safetensors").write_bytes((folder / "two/model.safetensors").read_bytes())
    return tmp_path


def evaluated(run, data, *options):
    """Return the text that the command printed, and the numbers it wrote."""
    out = Path(run) / "evaluation.json"
    done = command("evaluate", run, data, "--resamples", "20", "--out", out, "--force", *options)
    assert done.code == 0, done
    return done.out, json.loads(out.read_text())


def predicted(run, data):
    rows = list(csv.DictReader(io.StringIO(command("predict", run, data).out)))
    names = [name for name in rows[0] if name != "predicted"]
    A = np.array([[float(row[name]) for row in rows] for name in names])
    return A, [row["predicted"] for row in rows]


def table(data):
    rows = list(csv.DictReader(io.StringIO(data.read_text())))
    return [row["label"] for row in rows], np.array([float(row["weight"]) for row in rows])


@pytest.mark.parametrize("name", ["two", "three"])
@pytest.mark.parametrize("weighted", [True, False])
def test_as_scikit_learn_has_what_predict_writes(name, weighted, folder):
    data = folder / f"new_{name}.csv"
    out, found = evaluated(folder / name, data, *([] if weighted else ["--unweighted"]))
    A, classes = predicted(folder / name, data)
    labels, s = table(data)
    s = s if weighted else None
    values = {name: one["value"] for name, one in found["before"]["measures"].items()}
    # Rounded to float32 they add up to 1 not closely enough for scikit-learn.
    P = np.vstack([1 - A, A]).T if len(A) == 1 else (A / A.sum(axis=0)).T
    assert values["accuracy"] == pytest.approx(
        metrics.accuracy_score(labels, classes, sample_weight=s)
    )
    loss = metrics.log_loss(labels, P, sample_weight=s)
    assert values["log_loss"] == pytest.approx(loss, rel=1e-5)
    scores = P[:, 1] if len(A) == 1 else P
    area = metrics.roc_auc_score(labels, scores, sample_weight=s, multi_class="ovr")
    assert values["roc_auc"] == pytest.approx(area, rel=1e-5)
    assert found["weights"] == ("weight" if weighted else None)
    assert found["after"] is None and found["examples"] == {"fitted": 0, "measured": 150}
    for one in found["before"]["measures"].values():
        assert one["low"] < one["value"] < one["high"]
    assert f"{values['roc_auc']:.4f}" in out and "measured on 150 examples" in out


def test_rows_of_counts_are_resampled_by_the_counts(tmp_path):
    """A published table of 11 x 2 rows that stand for 5,500 examples."""
    x = np.arange(5, 26, 2)
    redeemed = np.array([100, 122, 147, 176, 211, 244, 277, 310, 343, 372, 391])
    data = tmp_path / "coupons.csv"
    rows = [f"{a},0,{n},c1\n{a},0,{500 - n},c0" for a, n in zip(x, redeemed, strict=True)]
    data.write_text("\n".join(["x0,x1,weight,label", *rows, ""]))
    run = save(tmp_path / "run", [[0.1357274], [0]], ("c0", "c1"), b=-2.0847543)
    out, found = evaluated(run, data)
    assert "intervals resample 5,500 examples" in out and "weighted by 'weight'" in out
    for one in found["before"]["measures"].values():
        # A proportion of 5,500 is good to 0.013.
        assert one["low"] <= one["value"] <= one["high"] < one["value"] + 0.02
    out, found = evaluated(run, data, "--rows")
    accuracy = found["before"]["measures"]["accuracy"]
    assert accuracy["high"] - accuracy["low"] > 0.1 and "intervals resample rows" in out


@pytest.mark.parametrize("name", ["two", "three"])
def test_a_temperature_mends_what_is_too_sure(name, folder):
    data = folder / f"new_{name}.csv"
    before = (folder / name / "model.safetensors").read_bytes()
    out, found = evaluated(folder / name, data, "--temperature")
    first, then = found["before"], found["after"]
    assert first["temperature"] == 1 < 1.5 < then["temperature"]
    assert then["measures"]["log_loss"]["value"] < first["measures"]["log_loss"]["value"]
    assert then["measures"]["accuracy"] == first["measures"]["accuracy"]
    assert then["threshold"] == 0.5
    assert f"temperature: {then['temperature']:.4g} instead of 1" in out
    assert "fitted to 75 examples, measured on the 75 others" in out and "look better" in out
    assert (folder / name / "model.safetensors").read_bytes() == before


def test_what_is_fitted_is_not_measured(two, folder, monkeypatch):
    fitted, measured = [], []

    def fit(Z, *rest):
        fitted.extend(Z[0].tolist())
        return fit_temperature(Z, *rest)

    def losses(Z, *rest):
        measured.append(Z[0].tolist())
        return cross_entropies(Z, *rest)

    monkeypatch.setattr(assess, "fit_temperature", fit)
    monkeypatch.setattr(assess, "cross_entropies", losses)
    evaluated(two, folder / "new_two.csv", "--temperature")
    before, after = measured
    assert before == after and len(fitted) == len(before) == 75
    assert len({*fitted, *before}) == 150


def test_a_threshold_by_cost(two, folder):
    out, found = evaluated(two, folder / "new_two.csv", "--cost", "1:20")
    assert found["after"]["threshold"] < 0.3 and found["after"]["temperature"] == 1
    assert found["after"]["cost"] < found["before"]["cost"]
    assert f"mean cost of errors: {found['after']['cost']:.4g} instead of" in out


def test_what_is_stored_is_what_predict_uses(two, folder):
    data = folder / "new_two.csv"
    A, _ = predicted(two, data)
    model = two / "model.safetensors"
    tensors = load_file(model)
    out, found = evaluated(two, data, "--temperature", "--cost", "1:20", "--store")
    T, threshold = found["after"]["temperature"], found["after"]["threshold"]
    assert f"stored in {model}: temperature {T:.4g}, threshold {threshold:.4g}" in out
    cooled, classes = predicted(two, data)
    np.testing.assert_allclose(np.log(cooled / (1 - cooled)), np.log(A / (1 - A)) / T, rtol=1e-3)
    assert [c == "c1" for c in classes] == (cooled[0] > threshold).tolist()
    for name, tensor in load_file(model).items():
        np.testing.assert_array_equal(tensor, tensors[name])
    # Measured again it starts from them; another temperature alone decides as before.
    _, again = evaluated(two, data)
    assert (again["before"]["temperature"], again["before"]["threshold"]) == (T, threshold)
    _, moved = evaluated(two, data, "--temperature", "--seed", "3")
    assert moved["before"]["temperature"] != moved["after"]["temperature"]
    assert moved["before"]["threshold"] != moved["after"]["threshold"]
    shares = [moved[one]["measures"]["accuracy"]["value"] for one in ("before", "after")]
    assert shares[0] == shares[1]


def test_stored_whole_or_not_at_all(two, folder, monkeypatch):
    before = (two / "model.safetensors").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    arguments = ("evaluate", two, folder / "new_two.csv", "--resamples", 2, "--temperature")
    assert "cannot be written: No space left" in refused(*arguments, "--store")
    assert (two / "model.safetensors").read_bytes() == before
    assert [path.name for path in two.iterdir()] == ["model.safetensors"]


def test_separable_examples_have_no_temperature(two, folder):
    data = folder / "easy.csv"
    rows = [f"{x},{-x},1,c{int(x < 0)}" for x in (-3, -2, -2.5, -4, 3, 2, 2.5, 4)]
    data.write_text("\n".join(["x0,x1,weight,label", *rows, ""]))
    out, found = evaluated(two, data, "--temperature", "--store")
    assert (
        "nothing to store" in out
        and "the temperature stays at 1" in out
        and "are classified without an error" in out
    )
    assert found["after"]["temperature"] == 1


def test_a_softmax_of_two_classes_is_measured_as_one_output(folder):
    # Their logits differ by those of the other model.
    options = ("--temperature", "--cost", "1:20")
    _, found = evaluated(folder / "softmax", folder / "new_two.csv", *options)
    _, expected = evaluated(folder / "two", folder / "new_two.csv", *options)
    for one in ("before", "after"):
        for name in ("temperature", "threshold", "cost"):
            assert found[one][name] == pytest.approx(expected[one][name], rel=1e-4)
        for name, numbers in expected[one]["measures"].items():
            assert found[one]["measures"][name] == pytest.approx(numbers, rel=1e-4)


def test_one_class_against_the_rest(folder):
    # A column more than the features is no matter: they are read by their names.
    _, found = evaluated(folder / "rest", folder / "new_three.csv")
    A, _ = predicted(folder / "rest", folder / "new_three.csv")
    truth = np.array(table(folder / "new_three.csv")[0]) == "c2"
    area = metrics.roc_auc_score(truth, A[0])
    assert found["before"]["measures"]["roc_auc"]["value"] == pytest.approx(area, rel=1e-5)


def test_bad_input(two, folder):
    data, two_rows = folder / "new_two.csv", folder / "two_rows.csv"
    lines = data.read_text().splitlines()
    two_rows.write_text("\n".join([*lines[:2], ""]))
    (folder / "other.csv").write_text(f"{lines[0]}\n1,2,1,c9\n")
    (folder / "unlabelled.csv").write_text("x0,x1,weight\n1,2,1\n")
    (folder / "unweighted.csv").write_text("x0,x1,label\n1,2,c1\n")
    (folder / "weightless.csv").write_text(f"{lines[0]}\n1,2,0,c1\n")
    there = folder / "there.json"
    there.write_text("{}")
    cases = [
        ((two, folder / "other.csv"), "the label of example 0 (line 2) is c9: expected a class"),
        ((two, folder / "unlabelled.csv"), "no column 'label'"),
        ((two, folder / "unweighted.csv"), "no column 'weight'"),
        ((two, folder / "weightless.csv"), "none of the 1 examples has a positive weight"),
        ((two, folder / "none.csv"), "does not exist"),
        ((folder, data), "expected the folder of a finished run"),
        ((two, data, "--store"), "--store is given, but nothing is fitted: expected --temperature"),
        ((two, data, "--out", there), "there.json exists already"),
        ((two, data, "--cost", "5"), "--cost is '5': expected FP:FN"),
        ((two, data, "--cost", "0:0"), "expected finite numbers of at least 0, and one above 0"),
        ((two, data, "--resamples", "0"), "resamples is 0"),
        ((two, data, "--bins", "0"), "bins is 0"),
        ((two, data, "--seed", "-1"), "seed is -1"),
        ((two, two_rows, "--cost", "1:1"), "holds one example: expected at least two, as temp"),
        ((folder / "three", folder / "new_three.csv", "--cost", "1:1"), "the model has 3 classes"),
    ]
    for arguments, expected in cases:
        assert expected in refused("evaluate", *arguments), arguments
    assert there.read_text() == "{}"
