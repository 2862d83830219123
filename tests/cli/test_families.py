"""Penalties, families, weights and certificates, from a config to the folder."""

import csv
import json
import re

import numpy as np
import pytest
from cli.command import CONFIGS, DESCENT, QUICKSTART, command, refused
from data.files import table
from safetensors.numpy import load_file

from jax_logreg import Status, fit

ROWS, LABELS = table()
L2 = "penalty={kind='l2', strength=0.01}"


def trained(config, folder, *overrides, code=0):
    """result.json of a run, and what it printed."""
    sets = [part for override in overrides for part in ("--set", override)]
    done = command("run", config, "--out", folder, *sets)
    assert done.code == code, done
    return json.loads((folder / "result.json").read_text()), done


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart") / "run"
    return (folder, *trained(QUICKSTART, folder))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    return (folder, *trained(CONFIGS / "digits.toml", folder))


def test_the_result_says_what_was_fitted_how_and_how_well(quickstart):
    _, result, _ = quickstart
    assert result["status"] == "converged"
    assert result["family"] == "binomial" and result["classes"] == ["benign", "malignant"]
    assert result["penalty"] == {"kind": "l2", "strength": 0.001, "unpenalised": []}
    assert result["solver"].startswith("Newton: ") and result["notes"] == []
    assert 0 <= result["certificate"]["relative_gap"] <= 1e-5 * result["cost"] / np.log(2)
    assert 0 <= result["certificate"]["error_in_std_errs"] <= 0.01
    assert result["weights"] == result["nonzero_weights"] == 30


def test_the_relative_gap_is_in_words(quickstart):
    folder, result, done = quickstart
    words = f"at most {result['certificate']['relative_gap']:.1e} of J(0) above the optimal cost"
    page = (folder / "report.html").read_text()
    assert words in done.out and words in page and "The duality gap proves that no" in page
    assert 0 < result["certificate"]["error_in_std_errs"] < 1e-3
    error = "at most 0.001 standard errors"
    assert error in done.out and error in page
    assert result["solver"] in done.out and result["solver"] in page
    assert page.count("<svg") == 9 and "Relative duality gap" in page


def test_history_has_the_relative_gap(quickstart):
    with (quickstart[0] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "cost", "gradient_norm", "relative_gap", "gradient_error"]
    assert len(rows) == quickstart[1]["steps"]
    gaps = [float(row["relative_gap"]) for row in rows]
    assert min(gaps) > 0 and gaps[-1] < gaps[0]


def test_where_there_is_no_bound_there_is_no_number(tmp_path):
    result, done = trained(DESCENT, tmp_path / "run", "fit.steps=3")
    assert set(result["certificate"].values()) == {None}
    assert result["penalty"] == {"kind": "none"}
    assert "no bound without a penalty" in done.out
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["relative_gap"] for row in csv.DictReader(file)] == ["", "", ""]
    free = "penalty.unpenalised=['mean radius', 3]"
    result, done = trained(QUICKSTART, tmp_path / "free", free, "fit.steps=3")
    assert result["certificate"]["relative_gap"] is None
    assert result["penalty"]["unpenalised"] == ["mean radius", 3]
    assert "no bound: a feature is unpenalised" in done.out


def test_an_unpenalised_feature_is_larger_for_it(tmp_path):
    weights = []
    for name, free in (("a", "[]"), ("b", "['worst area']")):
        overrides = ("penalty.strength=1", f"penalty.unpenalised={free}", "fit.dtype=float64")
        trained(QUICKSTART, tmp_path / name, *overrides)
        weights.append(load_file(tmp_path / name / "model.safetensors")["w"][23, 0])
    assert abs(weights[1]) > 2 * abs(weights[0])


def test_ten_classes(digits):
    folder, result, done = digits
    assert result["status"] == "converged" and result["family"] == "multinomial"
    assert result["classes"] == list(range(10)) and "64 features, 10 classes" in done.out
    assert result["test_accuracy"] > 0.95 and result["train_accuracy"] > 0.98
    tensors = load_file(folder / "model.safetensors")
    assert tensors["w"].shape == (64, 10) and tensors["b"].shape == (10, 1)


def test_ten_classes_are_predicted_with_a_column_each(digits, tmp_path):
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    np.save(tmp_path / "new.npy", rows)
    done = command("predict", digits[0], tmp_path / "new.npy")
    found = list(csv.DictReader(done.out.splitlines()))
    assert list(found[0]) == [*(f"probability_{c}" for c in range(10)), "predicted"]
    A = np.array([[float(row[f"probability_{c}"]) for c in range(10)] for row in found])
    np.testing.assert_allclose(A.sum(axis=1), 1, rtol=1e-5)
    predicted = np.array([int(row["predicted"]) for row in found])
    np.testing.assert_array_equal(predicted, A.argmax(axis=1))
    assert np.mean(predicted == labels) > 0.97


def test_one_of_ten_against_the_rest(tmp_path):
    result, _ = trained(CONFIGS / "digits.toml", tmp_path / "run", "data.positive=8")
    assert result["family"] == "binomial" and result["classes"] == ["rest", 8]


def test_two_classes_as_a_softmax(quickstart, tmp_path):
    overrides = ("fit.family=multinomial", "penalty.strength=0.002", "fit.tolerance=1e-7")
    softmax, _ = trained(QUICKSTART, tmp_path / "run", *overrides, "fit.dtype=float64")
    sigmoid, _ = trained(QUICKSTART, tmp_path / "one", "fit.tolerance=1e-7", "fit.dtype=float64")
    assert softmax["family"] == "multinomial"
    # Two weights of ±w/2, each penalised by half of twice the strength.
    assert abs(softmax["cost"] - sigmoid["cost"]) < 1e-6
    from sklearn.datasets import load_breast_cancer

    np.save(tmp_path / "new.npy", load_breast_cancer().data)
    texts = [command("predict", tmp_path / f, tmp_path / "new.npy").out for f in ("run", "one")]
    P = [[float(row["probability"]) for row in csv.DictReader(t.splitlines())] for t in texts]
    np.testing.assert_allclose(*P, atol=2e-3)


def test_l1_leaves_exact_zeros(tmp_path):
    result, done = trained(CONFIGS / "sparse_l1.toml", tmp_path / "run")
    w = load_file(tmp_path / "run" / "model.safetensors")["w"]
    assert result["status"] == "converged" and result["solver"].startswith("Proximal")
    assert 0 < result["nonzero_weights"] == np.count_nonzero(w) < 20
    assert f"{result['nonzero_weights']} of 30" in done.out
    result, _ = trained(
        CONFIGS / "sparse_l1.toml", tmp_path / "elastic",
        "penalty.kind=elastic_net", "penalty.l1_ratio=0.5",
    )  # fmt: skip
    assert result["status"] == "converged" and 0 < result["nonzero_weights"] < 30


SOLVERS = {
    "newton": "Newton, as asked",
    "lbfgs": "LBFGS, as asked",
    "optax_lbfgs": "Optax, as asked",
}


@pytest.mark.parametrize("method", SOLVERS)
def test_the_same_optimum_by_every_solver(method, quickstart, tmp_path):
    result, _ = trained(QUICKSTART, tmp_path / "run", f"solver={{method='{method}'}}")
    assert result["status"] == "converged" and result["solver"] == SOLVERS[method]
    assert abs(result["cost"] - quickstart[1]["cost"]) < 1e-4


def test_an_answer_refined_in_float64(tmp_path):
    result, _ = trained(QUICKSTART, tmp_path / "run", "fit.refine=true")
    assert result["certificate"]["relative_gap"] <= 1e-10
    assert load_file(tmp_path / "run" / "model.safetensors")["w"].dtype == np.float64
    np.save(tmp_path / "new.npy", np.ones((2, 30)))
    assert command("predict", tmp_path / "run", tmp_path / "new.npy").code == 0


def test_without_an_intercept(tmp_path):
    trained(QUICKSTART, tmp_path / "run", "fit.fit_intercept=false")
    assert load_file(tmp_path / "run" / "model.safetensors")["b"].tolist() == [[0]]


def weighted(tmp_path, name, rows, labels, weights=None):
    np.savez(tmp_path / f"{name}.npz", X=rows, Y=labels, w=np.ones(len(labels)), v=weights)
    config = tmp_path / f"{name}.toml"
    config.write_text(
        f'[data]\nsource = "file"\ntrain = "{tmp_path / name}.npz"\ntest_fraction = 0\n'
        'standardise = false\n[penalty]\nkind = "l2"\nstrength = 0.1\n'
        '[fit]\ndtype = "float64"\ntolerance = 1e-10\n'
    )
    return config


def parameters(folder):
    return np.concatenate([a.ravel() for a in load_file(folder / "model.safetensors").values()])


@pytest.mark.parametrize("labels", [LABELS, np.arange(12) % 3])
def test_weights_are_duplicated_rows(labels, tmp_path):
    times = np.arange(12) % 3 + 1
    config = weighted(tmp_path, "a", ROWS, labels, times)
    trained(config, tmp_path / "weights", "data.weights=v")
    twice = weighted(tmp_path, "b", np.repeat(ROWS, times, axis=0), np.repeat(labels, times), 1)
    trained(twice, tmp_path / "rows")
    trained(config, tmp_path / "neither")
    a, b, c = (parameters(tmp_path / f) for f in ("weights", "rows", "neither"))
    np.testing.assert_allclose(a, b, rtol=1e-4)
    assert np.abs(a - c).max() > 1e-3


def test_weights_of_classes_are_weights_of_their_examples(tmp_path):
    config = weighted(tmp_path, "a", ROWS, LABELS, np.where(LABELS == "yes", 3, 1))
    trained(config, tmp_path / "examples", "data.weights=v")
    trained(config, tmp_path / "classes", "fit.class_weight={yes=3}")
    a, b = (parameters(tmp_path / f) for f in ("examples", "classes"))
    np.testing.assert_allclose(a, b, rtol=1e-6)
    # Keys are texts: the class here is the number 2.
    config = weighted(
        tmp_path, "b", ROWS, np.arange(12) % 3, np.where(np.arange(12) % 3 == 2, 3, 1)
    )
    trained(config, tmp_path / "c", "data.weights=v")
    trained(config, tmp_path / "d", "fit.class_weight={2=3}")
    a, b = (parameters(tmp_path / f) for f in ("c", "d"))
    np.testing.assert_allclose(a, b, rtol=1e-6)
    assert trained(config, tmp_path / "e", "fit.class_weight=balanced")[0]["status"] == "converged"


REFUSED = {
    "an unknown class": (
        "fit.class_weight={maligant=2}",
        r"names 'maligant', which is no class of .*; did you mean 'malignant'\?$",
    ),
    "an unknown feature": (
        "penalty.unpenalised=['mean radus']",
        r"unpenalised names 'mean radus', which is no feature: .*; did you mean 'mean radius'\?$",
    ),
    "a number that is no feature": ("penalty.unpenalised=[30]", r"feature 30: expected 0 to 29"),
    "a negative number": ("penalty.unpenalised=[-1]", r"names feature -1: expected 0 to 29"),
    "a nonsmooth penalty for L-BFGS": (
        "solver.method=lbfgs penalty.kind=l1",
        r"solver LBFGS cannot take the penalty L1.*: expected Proximal\(\) or 'auto'",
    ),
    "a nonsmooth penalty for Adam": (
        "solver={method='adam',learning_rate=0.1} penalty.kind=l1",
        r"cannot take the penalty L1",
    ),
    "a nonsmooth penalty for gradient descent": (
        "solver={method='gradient_descent',learning_rate=0.1} penalty.kind=l1",
        r"solver GradientDescent cannot take the penalty L1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line(case, tmp_path):
    overrides, pattern = REFUSED[case]
    split = [overrides] if "[" in overrides else overrides.split()
    sets = [part for override in split for part in ("--set", override)]
    line = refused("run", QUICKSTART, "--out", tmp_path / "run", *sets)
    assert re.search(pattern, line), line
    assert list(tmp_path.iterdir()) == []


def test_a_binomial_family_of_ten_classes(tmp_path):
    line = refused(
        "run", CONFIGS / "digits.toml", "--out", tmp_path / "run", "--set", "fit.family=binomial"
    )
    assert "holds 10 classes" in line and "--set data.positive=9" in line


def test_a_class_weight_of_two_lines_is_one(tmp_path):
    config = weighted(tmp_path, "a", ROWS, np.array(["a\nb", "c", "d"] * 4), 1)
    line = refused("run", config, "--out", tmp_path / "run", "--set", "fit.class_weight={x=1}")
    assert r"expected some of a\nb, c, d" in line


def test_separable_classes_end_with_their_message_and_a_folder(tmp_path):
    result, done = trained(
        QUICKSTART, tmp_path / "run", "penalty={kind='none'}", "fit.steps=30", code=2
    )
    assert result["status"] == "separable" and "mean " in result["notes"][0]
    (line,) = done.err.splitlines()
    assert line.endswith(
        "Add a penalty, for example --set penalty.kind=l2 --set penalty.strength=1e-4."
    )
    # Once in all that is printed, and once on the page.
    page = (tmp_path / "run" / "report.html").read_text()
    assert (done.out + line).count(result["notes"][0]) == page.count(result["notes"][0]) == 1
    assert "note" not in done.out
    mended = ("penalty.kind=l2", "penalty.strength=1e-4")
    trained(QUICKSTART, tmp_path / "mended", *mended)


def test_a_precision_floor_is_no_failure_and_says_so(tmp_path, monkeypatch):
    from dataclasses import replace

    def floored(*args, **kwargs):
        return replace(fit(*args, **kwargs), status=Status.PRECISION_FLOOR)

    monkeypatch.setattr("jax_logreg.cli.experiment.fit", floored)
    result, done = trained(QUICKSTART, tmp_path / "run")
    assert result["status"] == "precision_floor" and done.err == ""
    assert "precision_floor after" in done.out and done.out.count("--set fit.refine=true") == 1
    result, done = trained(QUICKSTART, tmp_path / "refined", "fit.refine=true")
    assert "precision_floor after" in done.out and "--set" not in done.out


def test_help_lists_the_exit_codes():
    text = " ".join(command("run", "--help").out.split())
    assert "Exit codes" in text and "separable" in text
