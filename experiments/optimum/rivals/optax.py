"""optax's own L-BFGS: a jitted while loop over a plain cost in JAX, float32."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

_LBFGS = optax.lbfgs()


def refuses(case, variant):
    """Why it cannot do the case, or None."""
    if case.penalty == "l1":
        return "no L1: it needs a gradient"
    return "no sparse X in a plain cost" if case.sparse else None


def fit(case, variant, tolerance):
    """Until the largest entry of the gradient is at most the tolerance."""
    # Examples in columns: on the CPU the products' faster layout.
    X = jnp.asarray(case.X.T, jnp.float32)
    Y = jnp.asarray(case.y[None] if case.k == 1 else np.eye(case.k)[:, case.y], jnp.float32)
    start = jnp.zeros((case.X.shape[1], case.k)), jnp.zeros((case.k, 1))
    w, b = _descend(start, X, Y, jnp.float32(case.strength), jnp.float32(tolerance))
    return np.asarray(w).T, np.asarray(b)[:, 0]


def _cost(params, X, Y, strength):
    w, b = params
    Z = w.T @ X + b
    normaliser = jax.nn.softplus(Z) if len(Z) == 1 else jax.nn.logsumexp(Z, axis=0, keepdims=True)
    return (jnp.sum(normaliser) - jnp.sum(Y * Z)) / X.shape[1] + strength / 2 * jnp.sum(w**2)


@jax.jit
def _descend(start, X, Y, strength, tolerance):
    def cost(params):
        return _cost(params, X, Y, strength)

    look = optax.value_and_grad_from_state(cost)

    def going(carry):
        _, state, steps = carry
        gradient = optax.tree.get(state, "grad")
        largest = jnp.maximum(*(jnp.max(jnp.abs(part)) for part in gradient))
        return (steps == 0) | ((largest > tolerance) & (steps < 2_000))

    def step(carry):
        params, state, steps = carry
        value, gradient = look(params, state=state)
        updates, state = _LBFGS.update(
            gradient, state, params, value=value, grad=gradient, value_fn=cost
        )
        return optax.apply_updates(params, updates), state, steps + 1

    return jax.lax.while_loop(going, step, (start, _LBFGS.init(start), 0))[0]
