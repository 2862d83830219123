"""The arrays that all models of a sweep share, computed once."""

from jax import Array

from jax_logreg._jax.compiling import jit
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import magnitude
from jax_logreg.proof.certificate import Moments, moments_of
from jax_logreg.solver.declared import shared_by_models, sharing
from jax_logreg.sweep.stack import Stack, scaling_of, with_scaling


def prepared(loop: Loop, params: Params, stack: Stack) -> Loop:
    """Return the loop with the arrays that all models share.

    They are the moments, the scale of the features, and those that the solver makes of X at the
    parameters. Models with a scaling of their own share those of the first scaling.
    """
    first = None if stack.scaling is None else scaling_of(stack.scaling, 0)
    seen = loop._replace(objective=with_scaling(loop.objective, first))
    moments, scale, shared = _shared(seen, params)
    loop = loop._replace(moments=moments, scale=scale)
    return loop._replace(solver=sharing(loop.solver, shared))


@jit
def _shared(loop: Loop, params: Params) -> tuple[Moments | None, Array, object]:
    objective = loop.objective
    shared = shared_by_models(loop.solver, objective, params)
    return moments_of(objective), magnitude(objective.batch.X, objective.batch.s), shared
