"""The models of a sweep from their starts to Fits: run, saved, diagnosed."""

from collections.abc import Callable, Sequence

import numpy as np

from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Loop
from jax_logreg.problem.prepare import Problem
from jax_logreg.proof.certificate import Certificate
from jax_logreg.proof.diagnosis import JUDGED, diagnose, unpenalised
from jax_logreg.status import Status
from jax_logreg.sweep.fits import Fits
from jax_logreg.sweep.stack import Stack, model_loop
from jax_logreg.sweep.state import Answers

# Take the models of a sweep to their ends: at once in slots, or one after the other.
RunModels = Callable[[Answers, Checkpointer | None], Answers]


def fit_models(
    run: RunModels,
    loop: Loop,
    problem: Problem,
    stack: Stack,
    starts: Params,
    chosen: str,
    checkpoint: Checkpointer | None,
) -> Fits:
    """Return the models of a stack, run from `starts`, (models, ...) or (1, ...) for all."""
    answers = Answers.empty(loop, starts, len(stack.row))
    answers = run(answers, None) if checkpoint is None else _saved(run, answers, checkpoint)
    status, notes = _diagnosed(loop, stack, answers, problem.names)
    certificate = Certificate(*answers.certificate.T)
    found = (answers.params, certificate, status, answers.steps, problem.classes, chosen, notes)
    return Fits(*found, problem.objective.family, problem.executor)


def _saved(run: RunModels, answers: Answers, checkpoint: Checkpointer) -> Answers:
    """Return the answers of a run with a checkpoint, also saved in a part of their own."""
    at_end = checkpoint.part("answers")
    answers = at_end.restore(answers) or answers
    if answers.running:
        answers = run(answers, checkpoint)
        # Two files, as of every state; then those of earlier states go.
        for _ in range(2):
            at_end.save(answers)
        checkpoint.clear()
    return answers


def _diagnosed(
    loop: Loop, stack: Stack, answers: Answers, names: Sequence[str] | None
) -> tuple[tuple[Status, ...], tuple[tuple[str, ...], ...]]:
    """The status of each model, and the notes on its data where features are unpenalised."""
    status = [Status(int(code)) for code in answers.status]
    notes: list[tuple[str, ...]] = [()] * len(status)
    for alike in _with_alike_data(loop, stack, answers) if loop.goal.asked else ():
        # Features that separate show most where coefficients are largest.
        last = max(alike, key=lambda i: float(np.linalg.norm(answers.params.w[i])))
        objective = model_loop(loop, stack.one(last)).objective
        found, said = diagnose(objective, answers.model(last), status[last], names)
        for i in alike:
            status[i] = found if found is Status.SEPARABLE else status[i]
            notes[i] = said
    return tuple(status), tuple(notes)


def _with_alike_data(loop: Loop, stack: Stack, answers: Answers) -> list[list[int]]:
    """Group the models with unpenalised features by their examples and by these features.

    Separation and collinearity depend on nothing else.
    """
    groups: dict[tuple[int, bytes], list[int]] = {}
    # A gap is finite only where every feature is penalised.
    unbounded = np.isinf(answers.certificate[:, Certificate._fields.index("gap")])
    for i in np.flatnonzero(unbounded & np.isin(answers.status, JUDGED)).tolist():
        objective = model_loop(loop, stack.one(i)).objective
        free = unpenalised(objective, answers.params.w.shape[1])
        groups.setdefault((int(stack.row[i]), free.tobytes()), []).append(i)
    return list(groups.values())
