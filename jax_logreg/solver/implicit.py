"""The derivative of an optimum by the implicit function theorem.

At an optimum the slope F(θ, x) of the cost at the parameters x is 0, whatever the data and the
penalty θ are. So F_θ θ̇ + H ẋ = 0, where H = F_x is the Hessian, and

    ẋ = −H⁻¹ F_θ θ̇.

How the optimum was found has no part in it. F is the analytic gradient, and of a nonsmooth
penalty l1·sign(w) on the support, the entries of w that are not 0. The others stay 0. Conjugate
gradients use products of H with vectors alone. A preconditioner, a factor of about H, makes them
few.

Source: S. Krantz and H. Parks, The Implicit Function Theorem, 2002; for a support, Q. Bertrand et
al., Implicit differentiation of Lasso-type models, ICML 2020.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.scipy.sparse.linalg import cg

from jax_logreg import matrix
from jax_logreg.logistic import Params, hessian_diagonal
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.preconditioner import join, sample, split

# Up to so many features, and numbers in all outputs' factors, a factor is worth its making.
_LARGEST_GRAM, _LARGEST_FACTORS = 1500, 2**24
_MOST_PRODUCTS = 1000


def as_optimum(
    objective: Objective, params: Params, cost: Float[Array, ""]
) -> tuple[Params, Array]:
    """Return parameters and their cost as functions of the objective, whose optimum they are.

    Both come back as they are. Their derivatives are those of the optimum: w (n, k) and b (k, 1) by
    all numbers of the batch and of the penalty, forwards and backwards, and again. They are off by
    about as much, relative to their size, as the parameters are from the optimum.

    A direction along which the cost is constant gets 0: the shift that all outputs of a softmax
    have in common, where nothing penalises it.
    """
    leaves, structure = jax.tree.flatten(objective)
    return _optimum(structure, leaves, *lax.stop_gradient((params, cost)))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _optimum(
    structure: object, leaves: object, params: Params, cost: Float[Array, ""]
) -> tuple[Params, Array]:
    return params, cost


@partial(_optimum.defjvp, symbolic_zeros=True)
def _derivative(
    structure: Any, primals: Any, tangents: Any
) -> tuple[tuple[Params, Array], tuple[Params, Array]]:
    leaves, params, cost = primals
    # Of what does not move nothing is computed, and a matrix without derivatives needs none.
    moved = {i: t for i, t in enumerate(tangents[0]) if not isinstance(t, SymbolicZero)}
    # Again a function of the leaves, so that second derivatives go through it.
    params, cost = _optimum(structure, leaves, params, cost)
    objective = jax.tree.unflatten(structure, leaves)
    support = _support(objective, params)

    def seen(values: dict[int, Array]) -> tuple[Array, Array]:
        changed = [values.get(i, leaf) for i, leaf in enumerate(leaves)]
        return _slope(jax.tree.unflatten(structure, changed), params, support)

    here = {i: leaves[i] for i in moved}
    (_, slope), (cost_dot, slope_dot) = jax.jvp(seen, (here,), (moved,))
    change = -_solve_hessian(objective, params, support, slope_dot)
    cost_dot = cost_dot + jnp.vdot(slope, change, precision="highest")
    return (params, cost), (split(change), cost_dot)


def _support(objective: Objective, params: Params) -> Array:
    """1 for the entries (n+1, k) that move, 0 for those that l1 or no intercept holds."""
    w, b = jnp.ones_like(params.w), jnp.full_like(params.b, float(objective.intercept))
    if not objective.smooth:
        w = jnp.where((params.w != 0) | (objective.l1(params.w) == 0), w, 0)
    return join(Params(w, b))


def _slope(objective: Objective, params: Params, support: Array) -> tuple[Array, Array]:
    """The cost, and its slope (n+1, k) on the support."""
    at = objective.evaluate(params)
    slope = at.gradient
    if not objective.smooth:
        # The sign of w is that of the optimum nearby: it does not move.
        sign = lax.stop_gradient(jnp.sign(params.w))
        slope = slope._replace(w=slope.w + objective.l1(params.w) * sign)
    return at.cost, support * join(slope)


class _Factors(NamedTuple):
    """The root (n+1, k) of H's diagonal, and what H is about, divided by it on both sides: a
    Cholesky factor for each output (k, n+1, n+1), or None for 1.
    """

    root: Array
    factors: Array | None

    def solve(self, columns: Array) -> Array:
        """About the scaled H⁻¹ times columns (n+1, k)."""
        if self.factors is None:
            return columns
        return jax.vmap(_cho_solve, in_axes=(0, 1), out_axes=1)(self.factors, columns)


def _cho_solve(factor: Array, column: Array) -> Array:
    return jax.scipy.linalg.cho_solve((factor, True), column)


def _solve_hessian(objective: Objective, params: Params, support: Array, columns: Array) -> Array:
    """H⁻¹ times columns (n+1, k) on the support, 0 beside it."""
    gauge, about = lax.stop_gradient(_factorise(objective, params, support))
    times_hessian = _products(objective, params, support, gauge)

    def scaled(columns: Array) -> Array:
        return times_hessian(columns / about.root) / about.root

    eps = float(jnp.finfo(columns.dtype).eps)
    most = min(10 * columns.size, _MOST_PRODUCTS)

    def solve(product: Callable[[Array], Array], columns: Array) -> Array:
        return cg(product, columns, tol=10 * eps, maxiter=most, M=about.solve)[0]

    # `cg` alone has no reverse derivative under jit: jax 0.10 hands its start over with b.
    found = lax.custom_linear_solve(scaled, columns / about.root, solve, symmetric=True)
    return support * (found / about.root)


def _products(
    objective: Objective, params: Params, support: Array, gauge: Array
) -> Callable[[Array], Array]:
    """H times columns (n+1, k), H being 1 beside the support, and `gauge` in shifts of all outputs
    that the cost does not see.
    """

    def gradient(params: Params) -> Array:
        return join(objective.evaluate(params).gradient)

    _, along = jax.linearize(gradient, params)

    def product(columns: Array) -> Array:
        inside = support * along(split(support * columns))
        shift = jnp.mean(columns, axis=1, keepdims=True)
        return inside + (1 - support) * columns + gauge * shift

    return product


def _factorise(objective: Objective, params: Params, support: Array) -> tuple[Array, _Factors]:
    """The gauge (n+1, 1) and the factors of H without its blocks between outputs.

    Where the outputs of a softmax share a shift that nothing penalises, H is singular along it; the
    gauge, of the size of H's diagonal there, changes no solution, as the slope is orthogonal to it.
    """
    n, k = params.w.shape
    A = objective.family.activation(objective.linear(params))
    weights = hessian_diagonal(A, objective.batch.s) / objective.total
    whole = n <= _LARGEST_GRAM and k * (n + 1) ** 2 <= _LARGEST_FACTORS
    if whole:
        X, d = sample(objective, weights)
        hessians = lax.map(lambda d: objective.gram(X, d[None]), d)
        diagonal = jnp.diagonal(hessians, axis1=1, axis2=2)
    else:
        squares = lax.map(lambda d: matrix.squares(objective.batch.X, d[None])[:, 0], weights)
        diagonal = jnp.concatenate([squares, jnp.sum(weights, axis=1, keepdims=True)], axis=1)
    # From here on rows are outputs, as in the factors.
    l1, l2 = (jnp.append(a, 0)[None] for a in (objective.l1(params.w), objective.l2(params.w)))
    inside = support.T
    free = (l1 + l2 == 0) & (not objective.family.independent)
    gauge = jnp.where(free, jnp.mean(diagonal, axis=0, keepdims=True), 0) * inside[:1]
    added = l2 + gauge / k
    diagonal = jnp.where(inside > 0, diagonal + added, 1)
    root = jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    if not whole:
        return gauge.T, _Factors(root.T, None)
    scale = inside / root
    scaled = scale[:, :, None] * scale[:, None] * (hessians + jnp.diag(added[0])[None])
    ridge = 1 - inside + 10 * (n + 1) * float(jnp.finfo(root.dtype).eps)
    eye = jnp.eye(n + 1, dtype=root.dtype)[None]
    factors = jnp.linalg.cholesky(scaled + ridge[:, :, None] * eye)
    good = jnp.all(jnp.isfinite(factors), axis=(1, 2), keepdims=True)
    return gauge.T, _Factors(root.T, jnp.where(good, factors, eye))
