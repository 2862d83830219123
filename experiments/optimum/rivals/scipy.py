"""SciPy's L-BFGS-B over jitted JAX gradients of a plain cost, float64."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize


def refuses(case, variant):
    """Why it cannot do the case, or None."""
    if case.penalty == "l1":
        return "no L1: it needs a gradient"
    return "no sparse X in a plain cost" if case.sparse else None


def _cost(point, X, Y, strength):
    # Examples in columns: on the CPU the products' faster layout.
    k, n = len(Y), len(X)
    w, b = point[: k * n].reshape(n, k), point[k * n :][:, None]
    Z = w.T @ X + b
    normaliser = jax.nn.softplus(Z) if k == 1 else jax.nn.logsumexp(Z, axis=0, keepdims=True)
    return (jnp.sum(normaliser) - jnp.sum(Y * Z)) / X.shape[1] + strength / 2 * jnp.sum(w**2)


_look = jax.jit(jax.value_and_grad(_cost))


def fit(case, variant, tolerance):
    """Until the largest entry of the gradient is at most the tolerance."""
    n, k = case.X.shape[1], case.k
    with jax.enable_x64(True):
        X = jnp.asarray(case.X.T)
        Y = jnp.asarray(case.y[None] if k == 1 else np.eye(k)[:, case.y], float)

        def look(point):
            J, gradient = _look(point, X, Y, case.strength)
            return float(J), np.asarray(gradient)

        options = {"gtol": tolerance, "ftol": 0, "maxiter": 100_000, "maxfun": 100_000}
        start = np.zeros((n + 1) * k)
        point = minimize(look, start, jac=True, method="L-BFGS-B", options=options).x
    return point[: n * k].reshape(n, k).T, point[n * k :]
