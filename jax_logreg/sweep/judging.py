"""The judgement of a sweep's answers: certificates, and proofs that they meet the goal."""

from functools import partial

import numpy as np

from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.proof.accuracy import error_by_hessian, judge
from jax_logreg.proof.certificate import Certificate
from jax_logreg.sweep.chains import Chains
from jax_logreg.sweep.slots import Slot, certify_each
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers


def certify(
    loop: Loop,
    stack: Stack,
    models: np.ndarray,
    chains: Chains,
    answers: Answers,
    idle: Slot,
    branch: bool,
) -> Slot:
    """Certify the models' answers, each from a Z of its own and in the slot that it ran in.

    Returns idle slots for those given.
    """
    slots, homes = chains.slots, chains.homes[models]
    homes = np.where(homes < 0, np.arange(len(models)) % slots, homes)
    queues = [models[homes == slot] for slot in range(slots)]
    for turn in range(max(map(len, queues), default=0)):
        due = np.array([turn < len(queue) for queue in queues])
        # All blocks have one shape: where a queue has ended, another model fills its place.
        index = np.array([queue[turn] if turn < len(queue) else models[0] for queue in queues])
        params = Params(*(part[index] for part in answers.params))
        found, idle = certify_each(loop, stack, index, params, idle, branch)
        answers.certificate[index[due]] = np.stack(found, axis=1)[due]
    return idle


def unproven(
    loop: Loop, stack: Stack, models: np.ndarray, answers: Answers, last: bool
) -> np.ndarray:
    """Return the converged models without a proof, of the last round no models.

    They get the bound on the gradient for their next round, the others their status.
    """
    counts, again = _counts(loop, stack), []
    for i in models if loop.goal.asked else ():
        found = Certificate(*answers.certificate[i])
        error_of = partial(_error_of, loop, stack, answers, int(i))
        verdict = judge(loop.goal, found, float(counts[i]), loop.objective, error_of)
        answers.certificate[i] = np.stack(verdict.certificate)
        if verdict.continues(answers.status[i]) and not last:
            again.append(i)
            if verdict.gradient is not None:
                answers.gradient[i] = verdict.gradient
        else:
            answers.status[i] = verdict.status(answers.status[i])
    return np.array(again, models.dtype)


def _error_of(loop: Loop, stack: Stack, answers: Answers, i: int) -> float:
    objective = model_loop(loop, stack.one(i)).objective
    return error_by_hessian(objective, answers.model(i))


def _counts(loop: Loop, stack: Stack) -> np.ndarray:
    """Return the number of examples of each model, by NumPy: JAX would compile a program."""
    rows = loop.objective.batch.s if stack.rows is None else stack.rows
    counts = np.count_nonzero(np.asarray(rows) > 0, axis=1)
    which = np.asarray(stack.row)
    return counts[np.zeros_like(which) if stack.rows is None else which]
