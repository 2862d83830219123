"""The benchmark's judge is right, its cases are what they say, and each rival solves them."""

import importlib
import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from scipy import sparse

from experiments.optimum import run
from experiments.optimum.cases import CASES, Case, Spec, load, make, save
from experiments.optimum.measure import GOAL
from experiments.optimum.objective import costs, gaps, suboptimality, zero_cost
from experiments.optimum.reference import _ridge
from experiments.optimum.rival import Failed, start
from experiments.optimum.rivals import RIVALS, label

SMALL = {
    "l2": Spec(200, 5),
    "multinomial": Spec(150, 4, classes=3),
    "sparse": Spec(150, 40, density=0.05),
    "path": Spec(120, 6, penalty="l1", path=3),
}
# The module that a rival of this name imports, where it is another.
LIBRARY = {"liblinear": "liblinear.liblinearutil"}
# Its numba code compiles for longer than all others take.
SLOW = {"skglm"}
PAIRS = [
    pytest.param(name, variant, marks=[pytest.mark.slow] if name in SLOW else [])
    for name, variants in RIVALS.items()
    for variant in variants
]


def optimum(case):
    """J* as the benchmark finds it; its gap is tested below."""
    return costs(case, *_ridge(case))


def test_costs_are_those_of_a_calculation_by_hand():
    X, y = np.array([[1.0], [-2.0]]), np.array([1, 0])
    case = Case(X, y, "l2", np.array([0.5]), 1, False)
    entropy = (log(1 + exp(-(3 + 1))) + log(1 + exp(-6 + 1))) / 2
    assert costs(case, [[3.0]], [1.0])[0] == pytest.approx(entropy + 0.25 * 9, rel=1e-14)
    path = replace(case, penalty="l1", strengths=np.array([2.0, 0.1]), path=True)
    expected = [log(2), entropy + 0.1 * 3]
    np.testing.assert_allclose(costs(path, [[[0]], [[3]]], [[0], [1]]), expected, rtol=1e-14)


def test_the_multinomial_cost_of_two_classes_is_the_binomial_one():
    case = make(SMALL["l2"])
    w, b = np.arange(5)[None] / 5, np.array([0.3])
    two = replace(case, k=2, penalty="l1")
    one = replace(case, penalty="l1")
    zero = np.zeros_like(w)
    np.testing.assert_allclose(
        costs(two, np.concatenate([zero, w]), np.append(0, b)), costs(one, w, b), rtol=1e-13
    )


def test_suboptimality_is_the_worst_of_a_path_in_units_of_the_start():
    case = make(SMALL["path"])
    assert zero_cost(case) == pytest.approx(log(2))
    best = np.array([0.5, 0.4, 0.3])
    assert suboptimality(case, best + np.array([0, 0.1, 0]), best) == pytest.approx(0.1 / log(2))
    assert suboptimality(case, best + np.array([0, np.nan, 0]), best) == np.inf


@pytest.mark.parametrize("name", ["l2", "multinomial", "sparse"])
def test_the_gap_vanishes_at_the_optimum_and_bounds_elsewhere(name):
    case = make(SMALL[name])
    w, b = _ridge(case)
    best = costs(case, w, b)
    assert abs(gaps(case, w, b)[0]) < 1e-12
    # Without features the best intercepts are the classes' log frequencies.
    count = np.bincount(case.y)
    free = np.log(count / count.sum()) if case.k > 1 else np.log(count[1:] / count[0])
    zero = np.zeros_like(w)
    assert gaps(case, zero, free)[0] >= (costs(case, zero, free) - best)[0] > 0


@pytest.mark.parametrize("name", CASES)
def test_every_case_made_small(name, tmp_path):
    spec = CASES[name]
    if not spec.bundled:
        spec = replace(spec, m=200, n=60, density=min(1.0, 50 * spec.density), path=spec.path // 20)
    case = make(spec)
    assert case.X.shape == (spec.m, spec.n) and case.X.dtype == np.float64
    assert set(case.y) <= set(range(spec.classes)) and len(set(case.y)) > 1
    assert case.k == (1 if spec.classes == 2 else spec.classes)
    assert len(case.strengths) == max(spec.path, 1)
    save(case, tmp_path)
    again = load(tmp_path)
    difference = again.X - make(spec).X
    assert (abs(difference).max() if sparse.issparse(difference) else np.abs(difference).max()) == 0
    np.testing.assert_array_equal(again.y, case.y)


def test_the_first_penalty_of_a_path_leaves_nothing():
    case = make(SMALL["path"])
    first = replace(case, strengths=case.strengths[:1], path=False)
    mean = case.y.mean()
    # A gap of zero is a proof.
    assert gaps(first, np.zeros((1, 6)), [log(mean / (1 - mean))])[0] == pytest.approx(0, abs=1e-15)


@pytest.fixture(scope="module")
def problems():
    """The small cases and their J*, found once."""
    made = {name: make(spec) for name, spec in SMALL.items()}
    return {name: (case, None if case.path else optimum(case)) for name, case in made.items()}


@pytest.mark.filterwarnings("ignore")  # A library's own warnings are not this project's.
@pytest.mark.parametrize(("name", "variant"), PAIRS, ids=lambda value: value or "-")
def test_a_rival_reaches_the_goal(name, variant, problems):
    pytest.importorskip(LIBRARY.get(name, name))
    rival = importlib.import_module(f"experiments.optimum.rivals.{name}")
    done = 0
    for case, best in problems.values():
        if (why := rival.refuses(case, variant)) is not None:
            assert isinstance(why, str) and why
            continue
        reached = closest(rival, case, variant, best)
        assert reached <= GOAL, (label(name, variant), case.X.shape, reached)
        done += 1
    assert done


def closest(rival, case, variant, best):
    """Return the gap that a setting reaches, or a tighter one if need be."""
    for tolerance in getattr(rival, "SETTINGS", (1e-5, 1e-8))[-2:]:
        w, b = rival.fit(case, variant, tolerance)
        assert w.shape[-2:] == (case.k, case.X.shape[1]) and b.shape[-1] == case.k
        if case.path:
            reached = gaps(case, w, b).max() / zero_cost(case)
        else:
            reached = suboptimality(case, costs(case, w, b), best)
        if reached <= GOAL:
            break
    return reached


def test_the_whole_benchmark_on_its_smallest_case(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # The run sets it for the rivals' processes.
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
    out = tmp_path / "optimum.md"
    rivals = ["sklearn newton-cholesky", "sklearn liblinear"]
    words = ["--case", "tiny_569x30", "--repeats", "1", "--limit", "20", "--out", str(out)]
    run.main([*words, "--rival", *rivals])
    figures = json.loads(out.with_suffix(".json").read_text())
    rows = figures["cases"]["tiny_569x30"]["rows"]
    assert [row["rival"] for row in rows] == rivals
    for row in rows:
        assert row["reached"] and row["worst"] <= GOAL and row["warm"] > 0
        assert f"| {row['rival']} |" in out.read_text()
    assert (tmp_path / "optimum_tiny_569x30.svg").exists()


def test_a_rival_that_is_missing_or_too_slow_says_so(tmp_path):
    folder = tmp_path
    save(make(SMALL["l2"]), folder)
    with pytest.raises(Failed, match="ModuleNotFoundError"):
        start([sys.executable], folder, "no_such_rival", "", 20)
    rival = start([sys.executable], folder, "sklearn", "saga", 0)
    with rival, pytest.raises(Failed, match="ended after 0 s"):
        rival.fit(0.0)
