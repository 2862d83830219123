"""The duality gap: a proven bound on how far the cost of an answer is from the optimum.

With weights s of sum S and the penalty R, the cost and its Fenchel dual are

    P(w, b) = 1/S Σ s_i·[lse(z_i) − y_i·z_i] + R(w),        lse(z) = max_p p·z + H(p),
    D(p)    = 1/S Σ s_i·H(p_i) − R*(−v),                     v = X·(s·(p − y))ᵀ/S,

for any probabilities p whose Σ s·(p − y) is 0, as the intercept is free. D(p) ≤ P* ≤ P(w, b), so
P − D bounds the distance from the optimal cost. It is summed here in terms that are never negative,
which leaves nothing to cancel in float32:

    P − D = 1/S Σ s_i·KL(p_i ‖ A_i) + Σ R(w_j) + R*(−v_j) + w_j·v_j.

First A is mixed with a constant distribution q, just enough to balance the intercept. Where R is
not smooth, the mixture is then pulled towards y until R* is finite. So p = (1 − η)·A + t, and v
needs no product with X beyond the gradient's. KL is bounded by the χ² divergence and by −Σ t·log A.

Sources: S. Boyd and L. Vandenberghe, Convex Optimization, 5.1; for the scaling O. Fercoq,
A. Gramfort and J. Salmon, Mind the duality gap, ICML 2015. The balance of the intercept follows
from the concavity of D along p.
"""

import math
from typing import NamedTuple

import jax

from jax_logreg._jax.batching import where_wanted
from jax_logreg.arrays import scalar
from jax_logreg.arrays import xp as jnp
from jax_logreg.display import displayed
from jax_logreg.logistic import Batch, Params, over_examples
from jax_logreg.matrix import over_parts
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.penalty import half_squares, soft_threshold
from jax_logreg.shapes import Array, Float, X_nm


@displayed
class Certificate(NamedTuple):
    """Cost in nats, largest absolute gradient entry and duality gap at the returned parameters.

    `relative_gap` is gap / J(0), with J(0) the cost at zero parameters. Both are infinite where a
    feature is unpenalised: the dual then gives no bound. `error_in_std_errs` bounds the distance of
    any linear combination of the parameters from its optimum, in its own standard errors
    (`goal.py`). It is infinite where nothing bounds that distance.
    """

    cost: Float[Array, ""]
    gradient_norm: Array
    gap: Float[Array, ""]
    relative_gap: Array
    error_in_std_errs: Array


class Moments(NamedTuple):
    """Weighted sums that the dual point needs: Σ s·x/S (n, 1), X(sY)ᵀ/S (n, k), Σ s·Y/S (k, 1)."""

    mean: Float[Array, "n 1"]
    of_classes: Float[Array, "n k"]
    classes: Array


@jax.default_matmul_precision("highest")
def moments(batch: Batch) -> Moments:
    """The moments of a batch: k + 1 products with X."""
    X, Y, s = batch
    sums = X @ jnp.concatenate([s, s * Y]).T / jnp.sum(s)
    classes = jnp.sum(s * Y, axis=1, keepdims=True) / jnp.sum(s)
    return Moments(sums[:, :1], sums[:, 1:], classes)


def moments_of(objective: Objective) -> Moments | None:
    """The moments, or None where there is no penalty and so no gap."""
    return None if objective.penalty is None else moments(objective.batch)


def largest(gradient: Params) -> Array:
    """The largest absolute entry of dw and db; NaN if any is NaN."""
    # From both ends: XLA:CPU is slow to reduce a column that it computes on the way.
    ends = [end(part) for part in gradient for end in (jnp.max, lambda part: -jnp.min(part))]
    return jnp.max(jnp.stack(ends))


def zero_cost(objective: Objective) -> Array:
    """J(0): log 2 for each independent output, or log k for k classes."""
    k = objective.batch.Y.shape[0]
    nats = k * math.log(2) if objective.family.independent else math.log(k)
    return scalar(nats, objective.batch.s.dtype)


def duality_gap(
    objective: Objective, params: Params, at: Evaluation, of: Moments, enough: Array | float = 0.0
) -> Array:
    """An upper bound () on J(params) − J*, in the dtype of the parameters; infinite without one.

    The sum over examples is made only where it may bring the bound below `enough`.
    """
    if objective.penalty is None:
        return jnp.full_like(at.cost, jnp.inf)
    eps, shift = _balance(objective, at, of)
    v = at.gradient.w - objective.l2(params.w) * params.w
    v = (1 - eps) * v + of.mean * shift.T - eps * of.of_classes
    bounds = []
    for pull in _pulls(objective, v):
        rest = _penalty_gap(objective, params.w, pull * v)
        mixed = 1 - pull * (1 - eps)
        quick = rest + _mean_log_bound(objective, params, at, of, mixed, pull * shift, 1 - pull)
        if objective.smooth and not objective.intercept:
            bounds.append(rest)
            continue
        exact = (rest <= enough) | (jnp.asarray(enough) <= 0)

        def sharper(quick: Array, rest: Array = rest, pull: Array = pull) -> Array:
            return jnp.minimum(quick, rest + _divergence(objective, params, at, eps, shift, pull))

        bounds.append(where_wanted((enough < quick) & exact, sharper, quick))
    return jnp.min(jnp.stack(bounds))


def certify(objective: Objective, params: Params) -> Certificate:
    """The certificate of parameters, from scratch."""
    return certify_from(objective, params, objective.evaluate(params), moments_of(objective))


def certify_from(
    objective: Objective,
    params: Params,
    at: Evaluation,
    of: Moments | None,
    enough: Array | float = 0.0,
) -> Certificate:
    """The certificate of the parameters; its gap is no sharper than `enough` nats requires.

    Without moments the gap is infinite.
    """
    norm = largest(objective.stationarity(params, at.gradient))
    if of is None:
        return Certificate(at.cost, norm, *(jnp.full_like(norm, jnp.inf),) * 3)
    gap = duality_gap(objective, params, at, of, enough)
    error = jnp.sqrt(2 * objective.count * jnp.maximum(gap, 0))
    return Certificate(at.cost, norm, gap, gap / zero_cost(objective), error)


def _balance(objective: Objective, at: Evaluation, of: Moments) -> tuple[Array, Array]:
    """The share eps of q, and eps·q (k, 1), such that p = (1 − eps)·A + eps·q balances b."""
    N, excess = of.classes, at.gradient.b
    if not objective.intercept:
        return jnp.zeros_like(at.cost), jnp.zeros_like(excess)
    # The mean of A or of 1 - A may be lost in rounding, but only where nothing exceeds it.
    tiny = jnp.finfo(N.dtype).tiny
    share = jnp.maximum(excess, 0) / jnp.maximum(N + excess, tiny)
    if objective.family.independent:
        below = jnp.maximum(-excess, 0) / jnp.maximum(1 - N - excess, tiny)
        share = jnp.maximum(share, below)
    eps = jnp.max(share)
    return eps, jnp.maximum(eps * N - (1 - eps) * excess, 0)


def _pulls(objective: Objective, v: Array) -> list[Array]:
    """Factors of v, at most 1, that make |v| ≤ l1: where R has no curvature, and everywhere."""
    one = jnp.ones_like(v, shape=())
    if objective.smooth:
        return [one]
    l1, l2 = objective.l1(v), objective.l2(v)
    ratio = jnp.where(jnp.abs(v) > l1, l1 / jnp.abs(v), 1)
    return [jnp.min(jnp.where(l2 > 0, 1, ratio)), jnp.min(ratio)]


def _penalty_gap(objective: Objective, w: Float[Array, "n k"], v: Array) -> Array:
    """Σ R(w) + R*(−v) + w·v, infinite where a feature is unpenalised."""
    assert objective.penalty is not None
    strength = l2 = objective.l2(w)
    l1 = None if objective.smooth else objective.l1(w)
    beyond = v if l1 is None else soft_threshold(v, l1)
    # Where R has no curvature |v| ≤ l1, up to the rounding of the pull.
    slack = jnp.where(l2 > 0, w + beyond / jnp.where(l2 > 0, l2, 1), 0)
    total = half_squares(objective.penalty.l2, slack)
    if l1 is not None:
        strength = l1 + l2
        # |w| times a factor that is not negative: l1·|w| + w·v, fused into one rounding, could be
        # less than 0 for a coefficient at its optimum.
        total = total + jnp.sum(jnp.abs(w) * (l1 + jnp.sign(w) * jnp.clip(v, -l1, l1)))
    return jnp.where(jnp.all(strength > 0), total, jnp.inf)


def _mean_log_bound(
    objective: Objective,
    params: Params,
    at: Evaluation,
    of: Moments,
    mixed: Array,
    t: Array,
    y: Array,
) -> Array:
    """1/S Σ s·(mixed·lse(z) − (t + y·Y)·z) from moments alone: it bounds the mean KL(p ‖ A)."""
    labelled = jnp.vdot(params.w, of.of_classes, precision="highest")
    labelled = labelled + jnp.sum(params.b * of.classes)
    mean = params.w.T @ of.mean + params.b
    loss = at.cost - objective.penalised(params)
    return jnp.maximum(mixed * (loss + labelled) - jnp.sum(t * mean) - y * labelled, 0)


def _divergence(
    objective: Objective,
    params: Params,
    at: Evaluation,
    eps: Float[Array, ""],
    shift: Array,
    pull: Array,
) -> Array:
    """1/S Σ s·min(χ²(p ‖ A), −Σ t·log A), which bounds the mean KL(p ‖ A)."""
    family = objective.family

    def of_part(
        X: X_nm,
        shared: tuple[Array, Array, Array],
        Z: Float[Array, "k m"],
        Y: Float[Array, "k m"],
        s: Float[Array, "1 m"],
    ) -> Array:
        eps, shift, pull = shared
        A = family.activation(Z)
        t = pull * shift + (1 - pull) * Y
        mixed = 1 - pull * (1 - eps)
        spread = A * family.activation(-Z) if family.independent else A
        moved = t - mixed * A
        chi2 = family.models(moved**2 / jnp.maximum(spread, jnp.finfo(A.dtype).tiny))
        zero = jnp.zeros_like(Y)
        logs = mixed * family.cross_entropy(Z, zero) - family.models(t * Z)
        bound = jnp.minimum(chi2, jnp.maximum(logs, 0))
        return jnp.sum(over_examples(s * bound))

    X, Y, s = objective.batch
    Z = objective.linear(params) if at.linear is None else at.linear
    return over_parts(of_part, X, (eps, shift, pull), Z, Y, s) / objective.total
