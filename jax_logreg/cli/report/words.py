"""The sentences of a report: the question, the answer, and the proof."""

from jax_logreg.cli.measures import number
from jax_logreg.cli.summary import CertificateSummary, EvaluationSummary, Summary
from jax_logreg.proof.goal import in_words

# How a run ended, in a word, and whether that is good, middling or bad.
ENDS = {
    "converged": ("Converged", "good"),
    "steps_exhausted": ("Stopped by the number of steps", "middling"),
    "precision_floor": ("At the floor of the precision", "middling"),
    "interrupted": ("Interrupted", "middling"),
    "unfinished": ("Unfinished", "middling"),
    "separable": ("Separable: no finite optimum", "bad"),
    "diverged": ("Diverged", "bad"),
    "gradient_check_failed": ("The gradient check failed", "bad"),
    "failed": ("Failed", "bad"),
}


def lines(summary: Summary) -> list[tuple[str, str]]:
    """Return the question, the end of the run and the quality of its predictions, with heads."""
    end = ENDS[summary.status][0]
    found = [("Asked:", _asked(summary)), (f"{end}:", _ended(summary)), ("", _quality(summary))]
    return [(head, line) for head, line in found if line]


def _asked(summary: Summary) -> str:
    data = summary.data
    if data is None:
        return ""
    names = [str(name) for name in summary.classes]
    if len(names) == 2:
        task = f"classify {names[1]} against {names[0]}"
    else:
        task = f"classify {len(names)} classes"
    held_out = f", {data.test:,} more held out" if data.test else ""
    return (
        f"{task} by {data.features:,} features of {data.train:,} examples of "
        f"{data.source}{held_out}; {penalty(summary)}."
    )


def penalty(summary: Summary) -> str:
    """The penalty as one says it."""
    found = summary.penalty
    if found.kind == "none":
        return "no penalty"
    kind = {"l1": "L1", "l2": "L2", "elastic_net": "elastic net"}[found.kind]
    ratio = "" if found.l1_ratio is None else f", L1 ratio {found.l1_ratio:g}"
    sweep = summary.sweep
    chosen = f", chosen among {len(sweep.strengths)}" if sweep else ""
    return f"{kind} penalty of strength {number(found.strength, '.4g')}{ratio}{chosen}"


def _ended(summary: Summary) -> str:
    message = summary.message
    if summary.cost is None:
        return message
    head, _, explained = message.partition(": ")
    method = (summary.solver or "none").partition(":")[0]
    return (
        f"{number(summary.steps, ',')} steps of {method}, to a cost of {summary.cost:.6f} nats an "
        f"example. {explained or head}"
    )


def _quality(summary: Summary) -> str:
    if summary.evaluation is None:
        return ""
    log_loss, accuracy, area, brier = (
        summary.measure(name) for name in ("log_loss", "accuracy", "roc_auc", "brier")
    )
    line = f"Of {_which(summary.evaluation)}, {number(accuracy, '.2%')} are right"
    if area is not None:
        line += f"; area under the ROC curve {area:.4f}"
    return f"{line}; log loss {number(log_loss, '.4f')}, Brier score {number(brier, '.4f')}."


def _which(evaluation: EvaluationSummary) -> str:
    kind = "held-out" if evaluation.on == "test" else "training"
    some, whole = evaluation.examples, evaluation.of
    weighted = ", weighted" if evaluation.weighted else ""
    if some == whole:
        return f"the {whole:,} {kind} examples{weighted}"
    return f"{some:,} of the {whole:,} {kind} examples, drawn by chance{weighted}"


def whose(summary: Summary) -> str:
    """Of which examples the curves are."""
    evaluation = summary.evaluation
    if evaluation is None:
        return ""
    which = _which(evaluation)
    if evaluation.on == "test":
        return f"From here on by {which}."
    return f"From here on by {which}, as none were held out: new ones will be classified worse."


def certificate(summary: Summary) -> list[str]:
    """Return in words the proof that the duality gap gives."""
    found = summary.certificate
    if found is None or summary.cost is None:
        return ["The run has not reached an answer that anything could be proven of."]
    cost, norm = summary.cost, number(summary.gradient_norm, ".2e")
    if found.gap is None:
        without = summary.penalty.kind == "none"
        why = "There is no penalty" if without else "Some features are unpenalised"
        return [
            f"{why}, so the dual gives no bound on the distance from the optimal cost.",
            *_error(found),
            f"The largest absolute entry of the gradient is {norm}; at an optimum it is 0.",
        ]
    # A float32 gap may be the rounding of 0 on either side.
    gap = max(found.gap, 0.0)
    return [
        f"The cost is {cost:.8g} nats. The duality gap proves that no parameters at all, found by "
        f"whatever method, have a cost below {cost - gap:.8g}: at most {gap:.2e} less, or "
        f"{max(found.relative_gap or 0.0, 0.0):.1e} of the cost at zero parameters.",
        *_error(found),
        f"The largest absolute entry of the gradient is {norm}.",
    ]


def _error(found: CertificateSummary) -> list[str]:
    error = found.error_in_std_errs
    if error is None:
        return []
    return [
        f"The numerical error of every coefficient is {in_words(error)} of its own.",
    ]
