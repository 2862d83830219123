from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import DTYPES, PROBLEMS, SOLVERS, batch, close, params, precision
from proof.test_gradient_check import Nudged

from jax_logreg import (
    L2,
    Batch,
    GradientDescent,
    Optax,
    Params,
    Status,
    backprop,
    check_gradients,
    cost,
    fit,
    solve,
    train_step,
)
from jax_logreg.logistic import MULTINOMIAL, update
from jax_logreg.loop import chunks
from jax_logreg.loop.progress import EachStep
from jax_logreg.pytree import pytree
from jax_logreg.sweep import fit_many

assert_allclose = np.testing.assert_allclose
X, Y, S = PROBLEMS["tall"]
GD = GradientDescent(0.5)
PROBLEMS_WITH_OPTIMUM = [name for name in PROBLEMS if name not in ("wide", "shifted and scaled")]


def optimum(name):
    """Parameters, cost and smallest curvature at the optimum, by Newton's method in NumPy."""
    X, Y, s = PROBLEMS[name]
    X = np.vstack([X, np.ones_like(Y)])
    theta = np.zeros((len(X), 1))
    for _ in range(30):
        A = 1 / (1 + np.exp(-theta.T @ X))
        hessian = (X * (s * A * (1 - A))) @ X.T
        theta -= np.linalg.solve(hessian, X @ (s * (A - Y)).T)
    Z = theta.T @ X
    cost = (s * (np.logaddexp(0, Z) - Y * Z)).sum() / s.sum()
    return theta, float(cost), float(np.linalg.eigvalsh(hessian / s.sum())[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS_WITH_OPTIMUM)
def test_every_solver_reaches_the_optimum(name, solver, dtype):
    X, Y, s = PROBLEMS[name]
    # float32 cannot distinguish two costs by less than 4e-8, which a line search has to.
    tolerance = {"float32": 1e-3, "float64": 1e-4}[dtype]
    result = fit(X, Y, s=s, solver=SOLVERS[solver], steps=3000, tolerance=tolerance, dtype=dtype)
    assert result.status is Status.CONVERGED, result.message
    theta, J, curvature = optimum(name)
    # Strong convexity: |gradient|²/2μ bounds the gap, |gradient|/μ the distance; near the optimum
    # μ is at least half of what it is there.
    norm, mu = len(theta) ** 0.5 * tolerance, curvature / 2
    gap, distance = norm**2 / (2 * mu), norm / mu
    assert abs(float(result.certificate.cost) - J) <= gap + close(dtype)["atol"]
    assert_allclose(np.vstack([np.asarray(a) for a in result.params]), theta, atol=distance)
    assert result.certificate.gradient_norm <= tolerance
    assert result.gradient_check.passed
    assert result.params.w.dtype == result.history.cost.dtype == dtype


@pytest.mark.parametrize("steps", [0, 1, 7, 99, 100, 101, 250])
def test_history_has_a_row_a_step(steps):
    result = fit(X, Y, solver=GD, steps=steps, tolerance=0)
    assert result.status is Status.STEPS_EXHAUSTED and result.steps == steps
    w, b, costs = jnp.zeros((5, 1)), jnp.zeros((1, 1)), []
    data, p = batch("tall", "float32"), Params(w, b)
    for _ in range(steps):
        p, J = train_step(p, data, 0.5)
        costs.append(J)
    assert_allclose(result.history.cost, costs, rtol=1e-5)
    assert_allclose(result.params.w, p.w, rtol=1e-4, atol=1e-6)
    J, gradient = backprop(p, data)
    assert_allclose(result.certificate.cost, J, rtol=1e-5)
    assert_allclose(
        result.certificate.gradient_norm, np.abs(np.vstack(gradient)).max(), rtol=1e-3, atol=1e-6
    )
    assert all(len(column) == steps for column in result.history)


def test_converged_at_the_first_step_within_the_tolerance():
    result = fit(X, Y, solver=GD, tolerance=1e-3)
    assert result.status is Status.CONVERGED
    assert result.certificate.gradient_norm <= 1e-3 < result.history.gradient_norm[-1]
    again = fit(X, Y, solver=GD, tolerance=1e-3, params=result.params)
    assert again.status is Status.CONVERGED and again.steps == 0
    assert_allclose(again.params.w, result.params.w, rtol=0)


def test_tolerance_zero_never_stops_early():
    assert fit(X, Y, steps=200, tolerance=0).steps == 200


@pytest.mark.parametrize("mode", ["every", "ends", "off", 1, 7])
def test_gradient_check_modes(mode):
    result = fit(X, Y, solver=GD, steps=20, tolerance=0, gradient_check=mode)
    checked = np.flatnonzero(~np.isnan(result.history.gradient_error))
    every = {"every": 1, 1: 1, 7: 7}.get(mode)
    assert checked.tolist() == (list(range(0, 20, every)) if every else [])
    assert (result.gradient_check is None) == (mode == "off")
    if every:
        assert (
            result.gradient_check.max_relative_error >= result.history.gradient_error[checked].max()
        )


@pytest.mark.parametrize("mode", ["every", "ends", 7])
def test_a_failed_check_ends_the_run(mode):
    nudged = Nudged(jnp.asarray(X.T, "float32"))
    result = fit(nudged, Y, solver=GD, steps=20, gradient_check=mode)
    assert result.status is Status.GRADIENT_CHECK_FAILED and result.steps == 0
    assert result.gradient_check.worst in result.message and "dw[" in result.message
    assert not result.gradient_check.passed
    assert fit(nudged, Y, solver=GD, steps=20, gradient_check="off").steps == 20


@pytree
class TurnsWrong(Nudged):
    """Right while dZ is large, as at the start."""

    def __matmul__(self, right):
        product = self.rows.T @ right
        return product + jnp.where(jnp.mean(jnp.abs(right)) < 0.45, 1.0, 0.0)


@pytest.mark.parametrize("mode", ["every", "ends", 5])
def test_a_check_that_fails_later_ends_the_run_there(mode):
    matrix = TurnsWrong(jnp.asarray(X.T, "float32"))
    result = fit(matrix, Y, solver=GD, steps=50, tolerance=0, gradient_check=mode)
    assert result.status is Status.GRADIENT_CHECK_FAILED
    assert not check_gradients(result.params, Batch(matrix, *batch("tall", "float32")[1:])).passed
    if mode == "ends":
        assert result.steps == 50
    else:
        assert 0 < result.steps < 50 and result.steps % (1 if mode == "every" else mode) == 0
        assert len(result.history.cost) == result.steps


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_cost_that_is_not_finite_keeps_the_parameters_of_the_lowest(dtype):
    runaway = Optax(optax.sgd(1.0, momentum=3.0))
    result = fit(X, Y, solver=runaway, steps=1000, tolerance=0, dtype=dtype)
    assert_allclose(result.certificate.cost, result.history.cost.min(), rtol=1e-6)
    assert result.status is Status.DIVERGED and "learning rate" in result.message
    assert all(np.isfinite(a).all() for a in (*result.params, *result.certificate[:2]))
    assert len(result.history.cost) == result.steps
    assert 50 < result.steps < 1000
    with precision(dtype):
        assert_allclose(cost(result.params, batch("tall", dtype)), result.certificate.cost)


def test_a_start_whose_cost_is_not_finite():
    start = Params(np.full((5, 1), 1e38), np.zeros((1, 1)))
    result = fit(X, Y, solver=GD, params=start)
    assert result.status is Status.DIVERGED and result.steps == 0
    assert_allclose(result.params.w, start.w, rtol=1e-6)


def test_a_cost_that_ends_above_its_start_has_diverged():
    result = fit(50 * X, Y, solver=GradientDescent(5.0), steps=51, tolerance=0)
    assert result.status is Status.DIVERGED
    assert_allclose(result.certificate.cost, result.history.cost.min(), rtol=1e-6)
    with precision("float32"):
        again = cost(result.params, Batch(50 * jnp.asarray(X), jnp.asarray(Y), jnp.ones((1, 200))))
    assert_allclose(again, result.certificate.cost, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 51])
@pytest.mark.parametrize("rate", [50.0, 1e30])
def test_what_diverged_costs_no_more_than_its_start(rate, steps):
    """By itself, traced, and among others: the parameters kept are the best that were seen."""
    wide, settings = 50 * X, {"steps": steps, "tolerance": 0}
    found = fit(wide, Y, solver=GradientDescent(rate), **settings)
    many = fit_many(wide, Y, solver=GradientDescent(np.array([rate, 1e-4])), **settings)
    zero, data = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1))), Batch(wide, Y, np.ones((1, 200)))
    data = jax.tree.map(lambda a: jnp.asarray(a, "float32"), data)
    traced = solve(zero, data, solver=GradientDescent(rate), **settings)
    assert found.status is Status.DIVERGED and many.status[0] is Status.DIVERGED
    for one in (found, many.result(0), traced):
        assert one.certificate.cost <= np.log(2) * (1 + 1e-6)
        assert_allclose(cost(one.params, data), one.certificate.cost, rtol=1e-5)


def test_fit_again_compiles_nothing(compilations):
    fit(X[:, :191], Y[:, :191], solver=GD, steps=30)
    assert compilations  # of a shape of its own: they are counted
    fit(X, Y, solver=GD, steps=30)
    compilations.clear()
    fit(2 * X, 1 - Y, s=S + 1, solver=GradientDescent(0.01), steps=250, tolerance=1e-3)
    assert not compilations
    fit(X, Y, solver="auto", steps=3)
    compilations.clear()
    fit(X + 1, Y, solver="auto", steps=150, tolerance=0)
    assert not compilations


def test_fit_leaves_the_callers_arrays_alone():
    start = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1)))
    data = jnp.asarray(X, "float32")
    fit(data, Y, params=start, steps=5)
    assert start.w.sum() == 0 and data.shape == X.shape


def test_fit_float64_leaves_the_global_state_alone():
    fit(X, Y, steps=3, dtype="float64")
    assert jnp.ones(1).dtype == np.float32


def test_labels_and_weights_in_either_shape():
    expected = fit(X, Y, s=S, steps=20).params.w
    for labels in (Y[0], Y[0].astype(bool), Y.astype(int), Y[0].tolist()):
        assert_allclose(fit(X, labels, s=S[0], steps=20).params.w, expected, rtol=0)


def test_numpy_numbers_are_numbers():
    settings = {"steps": np.int64(20), "tolerance": np.float32(0), "gradient_check": np.int8(5)}
    result = fit(X, Y, solver=GradientDescent(np.float32(0.5)), dtype=np.float64, **settings)
    expected = fit(X, Y, solver=GD, steps=20, tolerance=0, dtype="float64")
    assert_allclose(result.params.w, expected.params.w, rtol=1e-12)


def test_weights_equal_duplicated_examples():
    X, Y, s = PROBLEMS["integer weights"]
    times = s.astype(int).ravel()
    weighted = fit(X, Y, s=s, dtype="float64", tolerance=1e-10)
    repeated = fit(
        np.repeat(X, times, axis=1), np.repeat(Y, times, axis=1), dtype="float64", tolerance=1e-10
    )
    assert_allclose(weighted.params.w, repeated.params.w, rtol=1e-7)


@pytest.mark.several_devices
def test_on_another_device():
    device = jax.devices()[2]
    result = fit(X, Y, steps=20, device=device)
    assert result.params.w.devices() == {device}
    assert_allclose(result.params.w, fit(X, Y, steps=20, device="cpu").params.w, rtol=1e-6)


@pytest.mark.several_devices
def test_over_eight_devices():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "data"))
    sharded = jax.device_put(jnp.asarray(X, "float32"), sharding)
    result = fit(sharded, Y, solver=GD, steps=20)
    expected = fit(X, Y, solver=GD, steps=20)
    assert_allclose(result.params.w, expected.params.w, rtol=1e-4)


def test_progress_between_chunks():
    seen = []
    result = fit(X, Y, solver=GD, steps=250, tolerance=0, callback=seen.append)
    steps = [progress.step for progress in seen]
    assert steps == sorted(steps) and steps[-1] == 250
    assert max(np.diff([0, *steps])) <= 100
    assert seen[-1].cost == result.certificate.cost and seen[-1].steps == 250


@pytest.mark.parametrize("cpu", [True, False])
def test_each_step_is_reported_with_its_parameters(monkeypatch, cpu):
    """Also where a mask, not a branch, leaves out the steps beyond one, as on a GPU."""
    if not cpu:
        monkeypatch.setattr(chunks, "on_cpu", lambda array: False)
    seen = []
    settings = {"solver": GD, "steps": 5, "tolerance": 0}
    result = fit(X, Y, callback=EachStep(seen.append), **settings)
    assert [progress.step for progress in seen] == [1, 2, 3, 4, 5]
    assert_allclose(result.params.w, fit(X, Y, **settings).params.w, rtol=1e-6)
    for progress in (seen[1], seen[-1]):
        there = fit(X, Y, **{**settings, "steps": progress.step})
        assert_allclose(progress.params.w, there.params.w, rtol=1e-6)
        assert_allclose(progress.params.b, there.params.b, rtol=1e-6)


def test_a_class_without_examples_where_no_intercept_grows_for_it():
    labels = np.stack([Y[0], 1 - Y[0], 0 * Y[0]])
    settings = {"penalty": L2(0.1), "family": "multinomial", "tolerance": 1e-6}
    result = fit(X, labels, fit_intercept=False, **settings)
    w = np.asarray(result.params.w)
    assert result.status is Status.CONVERGED and np.all(w[:, 2] != 0)
    at = batch("tall", "float32")
    at = at._replace(Y=jnp.asarray(labels, "float32"), s=jnp.ones_like(at.s))
    gradient = backprop(result.params, at, family=MULTINOMIAL)[1]
    assert_allclose(gradient.w, -0.1 * w, atol=1e-3)
    with pytest.raises(ValueError, match="class 2 has no examples"):
        fit(X, labels, **settings)
    with pytest.raises(ValueError, match="class 2 has no examples"):
        fit(X, labels, fit_intercept=False, **{**settings, "penalty": None})


def test_what_the_callback_raises_comes_through():
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(X, Y, callback=stop)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solve_is_fit(solver):
    method = SOLVERS[solver] if solver != "lbfgs" else Optax(optax.lbfgs())
    start = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1)))
    for tolerance in (0.0, 1e-3):
        result = solve(
            start, batch("tall", "float32"), solver=method, steps=60, tolerance=tolerance
        )
        expected = fit(X, Y, solver=method, steps=60, tolerance=tolerance)
        assert Status(int(result.status)) is expected.status
        assert int(result.steps) == expected.steps
        assert_allclose(result.params.w, expected.params.w, rtol=1e-4, atol=1e-5)
        n = expected.steps
        assert_allclose(result.history.cost[:n], expected.history.cost, rtol=1e-5)
        assert np.isnan(result.history.cost[n:]).all() and len(result.history.cost) == 60
        assert "after" in result.message


def test_solve_under_jit_vmap_and_grad():
    start, data = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1))), batch("tall", "float32")

    def final(rate, tolerance=0.0):
        settings = {"steps": 30, "tolerance": tolerance}
        return solve(start, data, solver=GradientDescent(rate), **settings).certificate.cost

    rates = jnp.array([0.05, 0.2, 0.8])
    stopped = partial(final, tolerance=1e-2)
    one_by_one = [jax.jit(stopped)(rate) for rate in rates]
    assert_allclose(jax.vmap(stopped)(rates), one_by_one, rtol=1e-6)
    rate, h = 0.05, 1e-2
    slope = (final(rate + h) - final(rate - h)) / (2 * h)
    assert_allclose(jax.grad(final)(rate), slope, rtol=2e-2)
    # The optimum, which a tolerance asks for, does not depend on how it was found.
    assert jax.grad(stopped)(rate) == 0


def test_the_gradient_of_solve_reaches_the_data():
    start = Params(jnp.zeros((5, 1)), jnp.zeros((1, 1)))
    with precision("float64"):
        data = batch("tall", "float64")
        start = jax.tree.map(lambda a: a.astype("float64"), start)

        def final(x):
            moved = data._replace(X=data.X.at[0, 0].set(x))
            return solve(start, moved, solver=GD, steps=5).certificate.cost

        x, h = data.X[0, 0], 1e-5
        slope = (final(x + h) - final(x - h)) / (2 * h)
        assert_allclose(jax.grad(final)(x), slope, rtol=1e-6)


@pytest.mark.parametrize("mode", ["every", "off"])
def test_mask_and_branch_are_the_same_loop(mode, monkeypatch):
    chunk = chunks._chunk
    expected = fit(X, Y, solver=GD, steps=130, tolerance=1e-3, gradient_check=mode)
    monkeypatch.setattr(
        chunks, "_chunk", lambda *args, **options: chunk(*args, **options | {"branch": False})
    )
    result = fit(X, Y, solver=GD, steps=130, tolerance=1e-3, gradient_check=mode)
    assert (result.status, result.steps) == (expected.status, expected.steps)
    assert_allclose(result.history.cost, expected.history.cost, rtol=1e-6)
    assert_allclose(result.params.w, expected.params.w, rtol=1e-5)


def test_optax_updates_as_by_hand():
    tx = optax.adam(0.05)
    result = fit(X, Y, solver=Optax(tx), steps=10, tolerance=0)
    data, p = batch("tall", "float32"), Params(jnp.zeros((5, 1)), jnp.zeros((1, 1)))
    with jax.numpy_dtype_promotion("standard"):
        state = tx.init(p)
        for _ in range(10):
            updates, state = tx.update(backprop(p, data)[1], state, p)
            p = optax.apply_updates(p, updates)
    assert_allclose(result.params.w, p.w, rtol=1e-4)


CHAINS = {
    "lbfgs": optax.lbfgs(),
    "halved afterwards": optax.chain(optax.lbfgs(), optax.scale(0.5)),
    "backtracking": optax.chain(
        optax.sgd(1.0), optax.scale_by_backtracking_linesearch(20, store_grad=True)
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_history_is_of_the_parameters_whatever_a_line_search_remembers(chain):
    full = fit(X, Y, solver=Optax(CHAINS[chain]), steps=6, tolerance=0, dtype="float64")
    with precision("float64"):
        data = batch("tall", "float64")
        for steps in range(6):
            part = fit(X, Y, solver=Optax(CHAINS[chain]), steps=steps, tolerance=0, dtype="float64")
            assert_allclose(full.history.cost[steps], cost(part.params, data), rtol=1e-12)
            assert_allclose(part.certificate.cost, cost(part.params, data), rtol=1e-12)


def test_gradient_descent_is_the_lectures_update():
    start, data = params(5, "float32"), batch("tall", "float32")
    result = solve(start, data, solver=GD, steps=1)
    assert_allclose(result.params.w, update(start, backprop(start, data)[1], 0.5).w, rtol=1e-6)


def test_a_line_search_takes_its_gradients_from_backprop():
    from jax_logreg.objective import Objective

    start, data = params(5, "float32"), batch("tall", "float32")
    text = str(jax.make_jaxpr(jax.grad(Objective(data).value))(start))
    plain = jax.grad(lambda data: cost(start, data))(data)
    through = jax.grad(lambda data: Objective(data).value(start))(data)
    assert_allclose(through.X, plain.X, rtol=1e-6)
    analytic = jax.grad(Objective(data).value)(start)
    assert "logistic" in text
    jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=0), analytic, backprop(start, data)[1])


def test_every_status_explains_itself():
    assert all(status.explanation.endswith(".") for status in Status)
    assert Status(3) is Status.DIVERGED
