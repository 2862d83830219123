"""The derivative of an optimum by the implicit function theorem.

At an optimum the slope F(θ, x) of the cost at the parameters x is 0, for any data and penalty θ.
So F_θ θ̇ + H ẋ = 0, where H = F_x is the Hessian, and

    ẋ = −H⁻¹ F_θ θ̇.

The steps that led to the optimum have no part in it. F is the analytic gradient. A nonsmooth
penalty adds l1·sign(w) on the support, the entries of w that are not 0; the others stay 0.
Conjugate gradients use products of H with vectors alone. A preconditioner, an approximate factor
of H, makes the products few.

Source: S. Krantz and H. Parks, The Implicit Function Theorem, 2002; for a support, Q. Bertrand et
al., Implicit differentiation of Lasso-type models, ICML 2020.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.scipy.sparse.linalg import cg
from jax.tree_util import PyTreeDef

from jax_logreg import matrix
from jax_logreg.logistic import Params, hessian_diagonal
from jax_logreg.objective import Objective
from jax_logreg.shapes import Array, Float
from jax_logreg.solver.preconditioner import join, sample, split

# Up to so many features, and numbers in the factors of all outputs, factors pay for themselves.
_LARGEST_GRAM, _LARGEST_FACTORS = 1500, 2**24
_MOST_PRODUCTS = 1000


def as_optimum(
    objective: Objective, params: Params, cost: Float[Array, ""]
) -> tuple[Params, Array]:
    """Return parameters and their cost as functions of the objective, whose optimum they are.

    Their values do not change. Their derivatives are those of the optimum: w (n, k) and b (k, 1) by
    all numbers of the batch and of the penalty, forwards and backwards, and of any order. Their
    relative error is about that of the parameters.

    A direction along which the cost is constant gets 0: a shift of all outputs of a softmax, where
    nothing penalises it.
    """
    leaves, structure = jax.tree.flatten(objective)
    return _optimum(structure, leaves, *lax.stop_gradient((params, cost)))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _optimum(
    structure: PyTreeDef, leaves: list[Array], params: Params, cost: Float[Array, ""]
) -> tuple[Params, Array]:
    return params, cost


@partial(_optimum.defjvp, symbolic_zeros=True)
def _derivative(
    structure: PyTreeDef,
    primals: tuple[list[Array], Params, Array],
    tangents: tuple[list[Array | SymbolicZero], object, object],
) -> tuple[tuple[Params, Array], tuple[Params, Array]]:
    leaves, params, cost = primals
    # Only leaves that move are computed with, so that a matrix need not have derivatives.
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
        # Near the optimum the sign of w is constant.
        sign = lax.stop_gradient(jnp.sign(params.w))
        slope = slope._replace(w=slope.w + objective.l1(params.w) * sign)
    return at.cost, support * join(slope)


class _Factors(NamedTuple):
    """The root (n+1, k) of H's diagonal, and factors of H divided by it on both sides.

    Each output has a Cholesky factor of about its block, (k, n+1, n+1); None stands for the
    identity.
    """

    root: Array
    factors: Array | None

    def solve(self, columns: Array) -> Array:
        """The approximate scaled H⁻¹ times columns (n+1, k)."""
        if self.factors is None:
            return columns
        return jax.vmap(_cho_solve, in_axes=(0, 1), out_axes=1)(self.factors, columns)


def _cho_solve(factor: Array, column: Array) -> Array:
    return jax.scipy.linalg.cho_solve((factor, True), column)


def _solve_hessian(objective: Objective, params: Params, support: Array, columns: Array) -> Array:
    """H⁻¹ times columns (n+1, k) on the support, 0 elsewhere."""
    gauge, about = lax.stop_gradient(_factorise(objective, params, support))
    times_hessian = _products(objective, params, support, gauge)

    def scaled(columns: Array) -> Array:
        return times_hessian(columns / about.root) / about.root

    eps = float(jnp.finfo(columns.dtype).eps)
    most = min(10 * columns.size, _MOST_PRODUCTS)

    def solve(product: Callable[[Array], Array], columns: Array) -> Array:
        return cg(product, columns, tol=10 * eps, maxiter=most, M=about.solve)[0]

    # `cg` alone has no reverse derivative under jit: jax 0.10 passes its start on with b.
    found = lax.custom_linear_solve(scaled, columns / about.root, solve, symmetric=True)
    return support * (found / about.root)


def _products(
    objective: Objective, params: Params, support: Array, gauge: Array
) -> Callable[[Array], Array]:
    """H times columns (n+1, k), where H is 1 outside of the support.

    H is `gauge` along shifts of all outputs, where these do not change the cost.
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

    Where nothing penalises a shift of all outputs of a softmax, H is singular along it. The gauge,
    of the size of H's diagonal there, changes no solution: the slope is orthogonal to the shift.
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
