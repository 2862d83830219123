"""What all models of a sweep share, computed once."""

from dataclasses import replace

from jax import Array

from jax_logreg._jax.compiling import jit
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.matrix import magnitude
from jax_logreg.proof.certificate import Moments, moments_of
from jax_logreg.solver import LBFGS
from jax_logreg.solver.basis import Basis, make_basis
from jax_logreg.sweep.stack import Stack, scaling_of, with_scaling


def prepared(loop: Loop, params: Params, stack: Stack) -> Loop:
    """The loop with what all models share: moments, the scale of the features, and a basis, made at
    the parameters, if they go by L-BFGS. Models with a scaling of their own share the first one's.
    """
    first = None if stack.scaling is None else scaling_of(stack.scaling, 0)
    seen = loop._replace(objective=with_scaling(loop.objective, first))
    moments, scale, basis = _shared(seen, params)
    loop = loop._replace(moments=moments, scale=scale)
    if isinstance(loop.solver, LBFGS):
        loop = loop._replace(solver=replace(loop.solver, basis=basis))
    return loop


@jit
def _shared(loop: Loop, params: Params) -> tuple[Moments | None, Array, Basis | None]:
    objective, basis = loop.objective, None
    if isinstance(loop.solver, LBFGS):
        basis = make_basis(objective, params)
    return moments_of(objective), magnitude(objective.batch.X, objective.batch.s), basis
