"""The parts of a state are declared, not guessed: axes may have the same length by accident."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jax_logreg import L1, L2, LBFGS, Newton, Optax, Params, Proximal, fit
from jax_logreg.loop.body import Loop
from jax_logreg.loop.initial import initialise
from jax_logreg.placement.axes import map_axes
from jax_logreg.problem.options import complete
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.goal import goal_of

pytestmark = pytest.mark.several_devices

optax = pytest.importorskip("optax")
EXAMPLES, FEATURES = PartitionSpec(None, "examples"), PartitionSpec("features")


def problem(n, m, k=1, **settings):
    """A problem over eight devices of n features, m examples and k independent outputs."""
    rng = np.random.default_rng(n * m)
    X, Y = rng.standard_normal((n, m)), (rng.random((k, m)) < 0.5).astype(float)
    Y[:, :2] = 0, 1
    penalty = settings.pop("penalty", L2(0.1))
    settings["family"] = "binomial"
    return prepare(X, Y, complete(**settings), penalty=penalty, one_model=True), X, Y


def begun(problem, solver):
    """The first carry of a loop, and the places of its arrays by their names."""
    loop = Loop(problem.objective, solver, 10, goal_of(1e-6, problem.objective))
    _, carry = initialise(loop, problem.params, None)
    leaves = jax.tree_util.tree_flatten_with_path(carry)[0]
    return {jax.tree_util.keystr(path): leaf.sharding.spec for path, leaf in leaves}


SOLVERS = {
    "Newton": (Newton(), L2(0.1), {".state"}),
    "LBFGS": (LBFGS(memory=8), L2(0.1), {".state.Z", ".state.preconditioner.weights"}),
    "Proximal": (Proximal(), L1(0.01), {".state.Z", ".state.weights"}),
    "Optax": (Optax(optax.adam(0.1)), L2(0.1), set()),
}


@pytest.mark.parametrize("k", [1, 8])
@pytest.mark.parametrize("name", SOLVERS)
def test_as_many_features_outputs_and_past_moves_as_examples(name, k):
    """n, k, n·k and the ring of L-BFGS are 8 long, or 64, and so are the examples."""
    solver, penalty, expected = SOLVERS[name]
    given, *_ = problem(8, 8 * k, k, devices=8, penalty=penalty)
    found = begun(given, solver)
    assert {name for name, spec in found.items() if spec != PartitionSpec()} == expected
    assert all(found[name] == EXAMPLES for name in expected)


@pytest.mark.parametrize("name", ["LBFGS", "Optax"])
def test_as_many_examples_as_features_that_devices_share(name):
    """Z (k, m) is whole on each device, and whatever is as long as w in parts."""
    solver, penalty, _ = SOLVERS[name]
    given, *_ = problem(8, 16, 8, devices={"features": 8}, penalty=penalty)
    found = begun(given, solver)
    for name, spec in found.items():
        parts = [axis for axis in spec if axis is not None]
        assert parts == (["features"] if name.endswith(".w") else []), name
    assert found[".params.w"] == FEATURES


@pytest.mark.parametrize("devices", [8, {"features": 8}])
def test_the_answer_and_the_programs_are_those_of_other_sizes(devices, compilations):
    _, X, Y = problem(8, 16, 1)
    settings = {"solver": LBFGS(), "penalty": L2(0.1), "tolerance": 1e-9, "dtype": "float64"}
    found = fit(X, Y, devices=devices, **settings)
    counted = len(compilations)
    fit(X[:, ::-1], Y[:, ::-1], devices=devices, **settings)
    assert len(compilations) == counted
    expected = fit(X, Y, **settings)
    np.testing.assert_allclose(found.params.w, expected.params.w, atol=1e-6)


def test_an_undeclared_state_is_whole_on_each_device():
    class Plain(Newton):
        def init(self, objective, params):
            return [objective.linear(params), {"w": params.w, "all": params}, (), None]

    given, *_ = problem(8, 16, devices=8)
    state = Plain().init(given.objective, given.params)
    names = map_axes(lambda leaf, names: len(names), state, Plain())
    assert names == [0, {"w": 0, "all": Params(2, 2)}, (), None]
    assert isinstance(given.objective.batch.s.sharding, NamedSharding)


WITHOUT_CHECKER = """
import sys
from functools import partial

import jax
import numpy as np

from jax_logreg import L2, LBFGS
from jax_logreg.loop.body import Loop, start
from jax_logreg.placement.devices import outline
from jax_logreg.problem.options import complete
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.goal import goal_of

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((6, 4)), np.array([0, 1, 0, 1])
given = prepare(X, Y, complete(devices=2), penalty=L2(0.1), one_model=True)
loop = Loop(given.objective, LBFGS(memory=2), 10, goal_of(1e-6, given.objective))
shapes = jax.eval_shape(partial(start, check=None), loop, given.params)
placed = outline(shapes, given.objective.batch, loop.solver)
assert "jaxtyping" not in sys.modules
assert placed.state.Z.sharding.spec == jax.sharding.PartitionSpec(None, "examples")
"""


def test_a_program_without_a_checker_of_shapes_knows_the_axes():
    """Outside of the tests the shapes in annotations are not those of jaxtyping."""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", WITHOUT_CHECKER], check=True, env=environment)
