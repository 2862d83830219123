"""The rivals compute what the heart computes, and the figures are where they are said to be."""

import importlib.util
import json
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from cases import PROBLEMS

from jax_logreg import Batch, Params, train_step

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def rival(name):
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("module", "way"),
    [("rival_numpy", "descend"), ("rival_loops", "one_loop"), ("rival_loops", "two_loops")],
)
def test_every_way_takes_the_same_steps(module, way):
    X, Y, s = (a.astype("float32") for a in PROBLEMS["tall"])
    J = getattr(rival(module), way)(X, Y, 0.5, 7)
    params = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1)))
    for _ in range(7):
        params, expected = train_step(params, Batch(*map(jnp.asarray, (X, Y, s))), 0.5)
    np.testing.assert_allclose(J, expected, rtol=1e-5)


def test_codes_and_sparse_columns_take_the_same_steps(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    # Importing it adds to these.
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
    found = rival("categorical").compare(50, 2, (2, 30), rounds=1, steps=2)
    assert found["bytes"]["codes"] == 2 * 50 < found["bytes"]["sparse"]


@pytest.mark.parametrize("first", [0, 3, 8, None])
def test_the_loosest_setting_that_is_close_is_found_in_few_tries(first, monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    settings, tried = [10.0**-e for e in range(9)], []

    def close(setting):
        tried.append(setting)
        return first is not None and setting <= settings[first]

    assert rival("fresh").loosest(settings, close) == first
    assert len(tried) <= 4


NAMES = ["speed", "sweep", "many", "linear_probe", "vectorization", "layout", "one_pass"]
NAMES += ["stream", "hosts", "categorical", "report", "../scaling"]
NAMES += ["standard_errors", "default_tolerance", "held_out", "sweep_wide", "first_call"]
NAMES += ["first_search"]
# Tables of the page on choosing.
CHOOSING = ["standard_errors", "default_tolerance"]


@pytest.mark.parametrize("name", NAMES)
def test_results_say_where_they_come_from(name):
    figures = json.loads((EXPERIMENTS / "results" / f"{name}.json").read_text())
    assert {"device", "processor", "commit", "jax", "numpy", "dtype"} <= set(figures["origin"])


def test_both_sides_of_the_speed_table_reached_the_same_cost():
    figures = json.loads((EXPERIMENTS / "results" / "speed.json").read_text())
    for size in figures["sizes"]:
        assert abs(size["scan_cost"] / size["numpy_cost"] - 1) < 1e-4


@pytest.mark.parametrize("name", CHOOSING)
def test_tables_of_a_page_are_those_of_the_experiments(name):
    page = (EXPERIMENTS.parent / "docs" / "concepts" / "choosing.md").read_text()
    assert (EXPERIMENTS / "results" / f"{name}.md").read_text().strip() in page


def test_no_answer_of_the_defaults_is_worse_than_scikit_learns():
    figures = json.loads((EXPERIMENTS / "results" / "standard_errors.json").read_text())
    for name, case in figures["cases"].items():
        assert case["jax_logreg"]["error"] <= max(case["scikit-learn"]["error"], 1e-6), name
        assert case["jax_logreg"]["error"] <= max(1.01 * case["proven"], 1e-6), name


@pytest.mark.parametrize("way", ["cross_validate", "LogisticRegressionCV"])
def test_held_out_scores_are_those_of_the_exact_models(way):
    figures = json.loads((EXPERIMENTS / "results" / "held_out.json").read_text())
    for name, case in figures["cases"].items():
        assert case[way]["error"] <= 0.005 and case[way]["chosen"] == case["best"], name
