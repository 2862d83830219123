"""Newton's method with the exact Hessian, for few parameters and the last digits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import cho_solve, eye_like, map_over, scan
from jax_logreg.arrays import xp as jnp
from jax_logreg.logistic import Params, damped
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Float, T
from jax_logreg.solver.hessian import class_hessian, hessian_block
from jax_logreg.solver.line_search import move, search

# Attempts at a factorisation, each with 100 times as much added to the diagonal.
_ATTEMPTS = 7
# The share of the slope that the line search may leave. A step costs a Hessian, and a trial none:
# with 0.5 the same number of trials came with up to 1.6 times as many steps.
_LEFT = 0.1


@pytree
@dataclass(frozen=True)
class Newton:
    """Steps along −H⁻¹ times the gradient, with H = X diag(s·A(1 − A)) Xᵀ/S + l2.

    For k classes H has k² such blocks. With the line search the cost always falls, and near the
    optimum convergence is quadratic. Memory is (n+1)²·k² numbers for k classes, (n+1)²·k for k
    independent outputs.
    """

    needs_whole_features: ClassVar[bool] = True
    descends: ClassVar[bool] = True
    in_numpy: ClassVar[bool] = True

    def entries(self, objective: Objective) -> int:
        """Return how many numbers the Hessian and its factor have."""
        n, k = objective.batch.X.shape[0], objective.batch.Y.shape[0]
        return 2 * (n + 1) ** 2 * (k if objective.family.independent else k**2)

    def init(self, objective: Objective, params: Params) -> Float[Array, "k m"]:
        """Z (k, m) at the parameters."""
        return objective.linear(params)

    def evaluate(self, objective: Objective, params: Params, state: Array) -> Evaluation:
        """J and its gradient, from the Z that the state keeps."""
        return objective.evaluate_from(params, state)

    def step(
        self, objective: Objective, params: Params, state: Array, at: Evaluation
    ) -> tuple[Params, Array]:
        """One damped step."""
        Z = state
        A = damped(Z, objective.batch.Y, objective.family)
        direction = newton_direction(objective, A, at.gradient)
        U = objective.linear(direction)
        t = search(objective, params, at.gradient, direction, Z, U, left=_LEFT)
        return move(params, direction, t), Z + t * U


def newton_direction(objective: Objective, A: Float[Array, "k m"], gradient: Params) -> Params:
    """−H⁻¹ times the gradient, with H at the probabilities A (k, m)."""
    d = over_hessians(objective, A, gradient, _solve).reshape(A.shape[0], -1)
    return Params(-d[:, :-1].T, -d[:, -1:])


def over_hessians(
    objective: Objective,
    A: Float[Array, "k m"],
    gradient: Params,
    f: Callable[[Array, Array], T],
) -> T:
    """f(H, gradient) of each independent model, stacked, with H at the probabilities A."""
    k, X = A.shape[0], objective.batch.X
    g = jnp.concatenate([gradient.w, gradient.b.T]).T
    ridge = jnp.append(objective.l2(gradient.w), 0)
    if objective.family.independent:

        def of_one(i: Array, g: Float[Array, " p"]) -> T:
            return f(hessian_block(objective, X, A, i, i) + jnp.diag(ridge), g)

        return map_over(lambda pair: of_one(*pair), (jnp.arange(k), g))
    hessian = class_hessian(objective, X, A)
    hessian = hessian + jnp.diag(jnp.tile(ridge, k)) + _gauge(hessian, ridge, k)
    return jax.tree.map(lambda found: found[None], f(hessian, g.ravel()))


def _gauge(hessian: Float[Array, "p p"], ridge: Float[Array, " q"], k: int) -> Array:
    """11ᵀ/k ⊗ diag on features without penalty: a shift of all classes does not change their cost.

    The gradient is orthogonal to such a shift, so that the solution does not change.
    """
    size = ridge.shape[0]
    scale = jnp.where(ridge == 0, jnp.diag(hessian)[:size], 0)
    return jnp.kron(jnp.full((k, k), 1 / k, hessian.dtype), jnp.diag(scale))


def scaled_to_one(hessian: Float[Array, "p p"]) -> tuple[Array, Array]:
    """The Hessian with a diagonal of ones, and the factors (p,) of its rows and columns."""
    diagonal = jnp.diag(hessian)
    scale = jnp.where(diagonal > 0, diagonal, 1) ** -0.5
    return hessian * scale[:, None] * scale[None], scale


def _solve(hessian: Float[Array, "p p"], g: Float[Array, " p"]) -> Array:
    """H⁻¹ g, with just enough added to the diagonal for the Cholesky factorisation to succeed."""
    scaled, scale = scaled_to_one(hessian)
    eps = jnp.finfo(g.dtype).eps
    eye = eye_like(g, g.shape[0])

    def factorise(ridge: Float[Array, " p"]) -> Array:
        return jnp.linalg.cholesky(scaled + ridge * eye)

    def again(tried: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        ridge, factor = tried
        failed = ~jnp.all(jnp.isfinite(factor))
        larger = 100 * ridge
        return where_wanted(failed, lambda _: (larger, factorise(larger)), tried), None

    ridge = jnp.asarray(eps * g.shape[0], g.dtype)
    (_, factor), _ = scan(
        again,
        (ridge, factorise(ridge)),
        length=_ATTEMPTS,
        ended=lambda tried: jnp.all(jnp.isfinite(tried[1])),
    )
    return scale * cho_solve(factor, scale * g)
