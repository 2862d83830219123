"""`tolerance="auto"`: the error is what the certificate says, and small; no start hides it."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression as Theirs

import jax_logreg.proof.accuracy
from jax_logreg import L1, L2, LBFGS, GradientDescent, Params, Status, fit
from jax_logreg.problem.options import complete
from jax_logreg.problem.prepare import prepare
from jax_logreg.proof.accuracy import error_as_computed, error_by_hessian
from jax_logreg.sklearn import LogisticRegression as Ours
from jax_logreg.sweep import fit_many

N, M = 4, 300
RNG = np.random.default_rng(17)
X = RNG.standard_normal((N, M)) * np.array([[1.0], [30.0], [0.05], [1.0]])
Y = (RNG.random(M) < 1 / (1 + np.exp(-X[0] - X[1] / 30 + 0.3))).astype(int)


def optimum(X, y, strength, s=None):
    """The optimum (n+1,) and N·H there, by Newton's method in float64."""
    s = np.ones(len(y)) if s is None else s
    rows = np.vstack([X, np.ones(X.shape[1])])
    ridge = np.append(np.full(len(X), strength), 0.0)
    theta = np.zeros(len(rows))
    for _ in range(50):
        A = 1 / (1 + np.exp(-(theta @ rows)))
        gradient = rows @ (s * (A - y)) / s.sum() + ridge * theta
        hessian = (rows * (s * A * (1 - A))) @ rows.T / s.sum() + np.diag(ridge)
        theta = theta - np.linalg.solve(hessian, gradient)
    return theta, np.count_nonzero(s) * hessian


def error_of(params, theta, information):
    """Return how far the parameters are from the optimum, in standard errors."""
    e = np.append(np.asarray(params.w, float)[:, 0], np.asarray(params.b, float)) - theta
    return float(np.sqrt(e @ information @ e))


SOLVERS = ["auto", "lbfgs"]
STRENGTHS = [0.0, 1e-8, 1e-3, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_error_is_small_and_proven(solver, dtype):
    for strength in STRENGTHS:
        penalty = L2(strength) if strength else None
        result = fit(X, Y, penalty=penalty, solver=solver, dtype=dtype, gradient_check="off")
        theta, information = optimum(X, Y, strength)
        found = float(result.certificate.error_in_std_errs)
        true = error_of(result.params, theta, information)
        assert result.status is Status.CONVERGED, strength
        # Parameters of either dtype are rounded.
        rounding = 4 * np.finfo(dtype).eps * np.sqrt(theta**2 @ np.diag(information))
        assert true <= 1.01 * found + rounding and found <= 0.01, strength


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("strength", [0.0, 1e-3])
def test_the_scale_of_the_features_does_not_matter(factor, strength):
    """A gradient is small where features are: it says nothing by itself."""
    penalty = L2(strength * factor**2) if strength else None
    one = fit(factor * X, Y, penalty=penalty, solver="lbfgs", dtype="float64")
    theta, information = optimum(X, Y, strength)
    params = one.params._replace(w=factor * np.asarray(one.params.w))
    assert one.status is Status.CONVERGED and error_of(params, theta, information) <= 0.01


@pytest.mark.parametrize("strength", [0.0, 1e-4])
def test_a_sweep_is_as_exact_from_any_start(strength):
    starts = Params(np.zeros((3, N, 1)), np.zeros((3, 1, 1)))
    starts.w[1] = 0.1 / np.abs(X).mean(axis=1, keepdims=True)
    starts.w[2] = fit(X, 1 - Y, penalty=L2(1e-2), gradient_check="off").params.w
    theta, information = optimum(X, Y, strength)
    found = fit_many(X, Y, penalty=L2(np.full(3, strength)), params=starts, dtype="float64")
    for i in range(3):
        assert found.status[i] is Status.CONVERGED
        error = float(found.certificate.error_in_std_errs[i])
        true = error_of(found.result(i).params, theta, information)
        assert true <= 1.01 * error + 1e-8 and error <= 0.01


def test_a_start_within_the_old_tolerance_is_not_taken_for_an_answer():
    """A cost that is flat against J(0), and yet far from its optimum."""
    wide = np.random.default_rng(3).standard_normal((200, 60))
    labels = (wide[0] > 0).astype(int)
    flat = fit(wide, labels, penalty=L2(1e-7), tolerance=1e-4, gradient_check="off").params
    exact = fit(wide, labels, penalty=L2(1e-7), tolerance=1e-12, dtype="float64").params
    there = fit(wide, labels, penalty=L2(1e-7), params=flat, dtype="float64")
    assert int(there.steps) > 0
    w = np.asarray(exact.w)
    far, near = (
        np.linalg.norm(np.asarray(p.w) - w) / np.linalg.norm(w) for p in (flat, there.params)
    )
    assert near < 0.005 < far


def test_the_number_of_examples_counts_and_not_the_scale_of_their_weights():
    s = RNG.random(M) + 0.5
    found = [fit(X, Y, s=c * s, penalty=L2(1e-3), tolerance=1e-3) for c in (1.0, 1024.0)]
    assert found[0].certificate.error_in_std_errs > 0.001
    errors = [one.certificate.error_in_std_errs for one in found]
    assert_allclose(errors[0], errors[1], rtol=1e-6)


def test_some_examples_bound_the_error_from_above(monkeypatch):
    task = prepare(X, Y, complete(), penalty=L2(1e-3))
    whole = float(error_by_hessian(task.objective, task.params))
    monkeypatch.setattr(jax_logreg.proof.accuracy, "_WORK", 0)
    error_as_computed.clear_cache()
    some = float(error_by_hessian(task.objective, task.params))
    error_as_computed.clear_cache()
    assert 1.2 * whole < some < 10 * whole


@pytest.mark.parametrize("classes", [2, 3])
def test_confidently_wrong_outliers_prove_nothing(classes):
    """Such examples have a slope and no curvature: the Hessian of the others gives the bound."""
    rng = np.random.default_rng(5)
    labels = rng.integers(classes, size=M)
    rows = rng.standard_normal((N, M))
    # A tenth stands far on the wrong side of w = e_1.
    rows[0, :30] = 40 * np.where(labels[:30] == 1, -1, 1)
    k = 1 if classes == 2 else classes
    w = np.zeros((N, k))
    w[0, k // 2] = 1.0
    with jax.enable_x64(True):
        task = prepare(rows, labels, complete(dtype="float64"), penalty=L2(1e-3))
        params = Params(jnp.asarray(w), jnp.zeros((k, 1)))
        found = float(error_by_hessian(task.objective, params))
    assert_allclose(found, error_by_definition(rows, labels, w, 1e-3), rtol=1e-9)


def error_by_definition(rows, labels, w, strength):
    """√(N·gᵀH⁻¹g) of softmax (or sigmoid) weights w and no intercept, from whole matrices."""
    k, ones = w.shape[1], np.vstack([rows, np.ones(rows.shape[1])])
    Z = w.T @ rows
    if k == 1:
        Y, A = labels[None] == 1, 1 / (1 + np.exp(-Z))
    else:
        Y, A = np.arange(k)[:, None] == labels, np.exp(Z) / np.exp(Z).sum(axis=0)
    ridge = np.tile(np.append(np.full(len(rows), strength), 0.0), k)
    g = ((A - Y) @ ones.T / ones.shape[1] + strength * np.append(w, np.zeros((1, k)), 0).T).ravel()
    weights = A[:, None] * (np.eye(k)[..., None] - A[None])
    H = np.einsum("ijm,am,bm->iajb", weights, ones, ones).reshape(2 * (g.size,)) / ones.shape[1]
    return np.sqrt(ones.shape[1] * g @ np.linalg.pinv(H + np.diag(ridge)) @ g)


@pytest.mark.parametrize("penalty", [L1(1e-2), L2(1e-2)])
def test_a_number_keeps_its_meaning(penalty):
    # In float32 the gap of L1 is about Σ|w| times the rounding of a gradient: 0.0104 errors here.
    given = {"penalty": penalty, "gradient_check": "off", "dtype": "float64"}
    loose, tight = fit(X, Y, tolerance=1e-2, **given), fit(X, Y, **given)
    assert 1e-6 < loose.certificate.relative_gap <= 1e-2
    assert loose.steps < tight.steps and tight.certificate.error_in_std_errs <= 0.01


def test_what_steps_do_not_suffice_for_is_no_answer():
    result = fit(X, Y, solver=GradientDescent(1e-3), steps=20, gradient_check="off")
    assert result.status is Status.STEPS_EXHAUSTED


DATA = {
    "iris": load_iris(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
}


@pytest.mark.parametrize("name", DATA)
def test_no_default_answer_is_further_from_the_optimum_than_scikit_learns(name):
    rows, y = DATA[name]
    rows = rows - rows.mean(axis=0) if name == "iris" else (rows - rows.mean(0)) / rows.std(0)

    def cost(model, C):
        return C * len(y) * log_loss(model, rows, y) + np.sum(model.coef_**2) / 2

    for C in (0.01, 1.0, 100.0):
        with warnings.catch_warnings():
            # scikit-learn's 100 iterations are part of its defaults.
            warnings.simplefilter("ignore")
            theirs = Theirs(C=C).fit(rows, y)
        ours = Ours(C=C).fit(rows, y)
        assert cost(ours, C) <= cost(theirs, C) * (1 + 1e-13)


def log_loss(model, rows, y):
    """The mean cross-entropy, from the decision function."""
    Z = model.decision_function(rows)
    if Z.ndim == 1:
        return np.mean(np.logaddexp(0, np.where(y == 1, -Z, Z)))
    highest = Z.max(axis=1)
    total = np.log(np.exp(Z - highest[:, None]).sum(axis=1)) + highest
    return np.mean(total - Z[np.arange(len(y)), y])


def error_in_float64(rows, labels, params, strength):
    """The length of the way to the optimum in the norm of N·H, by Newton's method about the mean.

    The penalty is on w of the features as they are.
    """
    m, mean = rows.shape[1], rows.mean(axis=1, keepdims=True)
    scale = rows.std(axis=1, keepdims=True)
    X = np.vstack([(rows - mean) / scale, np.ones(m)])
    w, b = (np.asarray(part, float) for part in params)
    start = np.append(w * scale, b + w.T @ mean)
    ridge = np.append(strength / scale**2, 0)
    there = start
    for _ in range(30):
        p = 1 / (1 + np.exp(-there @ X))
        H = (X * (p * (1 - p))) @ X.T / m + np.diag(ridge)
        there = there - np.linalg.solve(H, X @ (p - labels) / m + ridge * there)
    return float(np.sqrt(m * (start - there) @ H @ (start - there)))


def hard(kind, rng):
    """Features (n, m) whose Hessian float32 knows little of, and labels."""
    rows = rng.standard_normal((3, 400))
    score = rows.sum(axis=0)
    if kind == "far":
        rows[0] += 3e3
    elif kind == "collinear":
        rows[1] = rows[0] + 3e-4 * rows[1]
    elif kind == "scales":
        rows = rows * [[1e5], [1e-5], [1]] + [[1e7], [1e-3], [0]]
    labels = (rng.random(400) < 1 / (1 + np.exp(-score))).astype(int)
    return rows.astype("float32"), labels


@pytest.mark.parametrize("strength", [0, 1e-7])
@pytest.mark.parametrize("kind", ["near", "far", "collinear", "scales"])
def test_the_error_is_no_smaller_than_it_is(kind, strength):
    """Rounding of the Hessian hid most of it: one answer 0.86 away was said to be 0.09 away."""
    for seed in range(2):
        rows, labels = hard(kind, np.random.default_rng(seed))
        for solver in ("newton", LBFGS()):
            result = fit(rows, labels, penalty=L2(strength) if strength else None, solver=solver)
            true = error_in_float64(rows.astype(float), labels, result.params, strength)
            assert true <= 1.1 * result.certificate.error_in_std_errs + 1e-4
            assert result.status is not Status.CONVERGED or true <= 0.011
