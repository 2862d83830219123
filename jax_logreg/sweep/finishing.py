"""The models of a sweep that take many steps, finished one by one as `fit` would.

Under a weak penalty the cost is flat. The shared preconditioner of a sweep is then far from the
Hessian of one model. A single model has Newton's method, or a preconditioner that is renewed.
"""

import numpy as np

from jax_logreg.loop.body import Loop
from jax_logreg.loop.driver import drive
from jax_logreg.proof.certificate import Certificate
from jax_logreg.status import Status
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers

# Steps together, after which a model continues alone.
TOGETHER = 60
_UNFINISHED = (Status.STEPS_EXHAUSTED, Status.PRECISION_FLOOR)


def finish(loop: Loop, stack: Stack, answers: Answers) -> None:
    """Continue each model without a proof from its own answer, with the steps that it has left."""
    for i in np.flatnonzero(np.isin(answers.status, _UNFINISHED)):
        left = loop.steps - int(answers.steps[i])
        if loop.finish is None or left <= 0:
            continue
        one = model_loop(loop, stack.one(int(i)))
        one = one._replace(solver=loop.finish, finish=None, steps=left, moments=None)
        carry, _ = drive(one, answers.model(int(i)), "off")
        before = Certificate(*answers.certificate[i])
        if carry.status == Status.CONVERGED or better(carry.certificate, before):
            answers.take(int(i), carry)
        elif carry.status == Status.PRECISION_FLOOR:
            # The answer stays, but not for want of steps.
            answers.status[i] = carry.status
            answers.steps[i] += int(carry.step)


def better(found: Certificate, before: Certificate) -> bool:
    """Return whether an answer is proven nearer to the optimum; without proof, by cost.

    At the floor of the precision costs differ by their rounding alone.
    """
    if np.isfinite(found.error_in_std_errs) or np.isfinite(before.error_in_std_errs):
        return bool(found.error_in_std_errs < before.error_in_std_errs)
    return bool(found.cost < before.cost)
