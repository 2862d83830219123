"""The figures and sentences of a report: the task, the answer, and the certificate."""

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
    """Return the task and the end of the run, each with a head."""
    found = [("Task:", _task(summary)), (f"{ENDS[summary.status][0]}:", _ended(summary))]
    return [(head, line) for head, line in found if line]


def _task(summary: Summary) -> str:
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
    """Return the penalty in words."""
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


def figures(summary: Summary) -> list[tuple[str, str]]:
    """Return the figures that matter most, by name: measures of the predictions."""
    shown = (
        ("accuracy", "accuracy", ".2%"),
        ("area under the ROC curve", "roc_auc", ".4f"),
        ("log loss", "log_loss", ".4f"),
        ("Brier score", "brier", ".4f"),
    )
    found = [(name, summary.measure(key), form) for name, key, form in shown]
    return [(name, number(value, form)) for name, value, form in found if value is not None]


def _which(evaluation: EvaluationSummary) -> str:
    kind = "held-out" if evaluation.on == "test" else "training"
    some, whole = evaluation.examples, evaluation.of
    weighted = ", weighted" if evaluation.weighted else ""
    if some == whole:
        return f"the {whole:,} {kind} examples{weighted}"
    return f"{some:,} of the {whole:,} {kind} examples, a random sample{weighted}"


def whose(summary: Summary) -> str:
    """Return the examples that the measures and the curves are of."""
    evaluation = summary.evaluation
    if evaluation is None:
        return ""
    line = f"Measures and curves of {_which(evaluation)}."
    if evaluation.on == "test":
        return line
    return f"{line} No examples were held out: new ones will be classified worse."


def certificate(summary: Summary) -> list[str]:
    """Return in words the proof that the duality gap gives."""
    found = summary.certificate
    if found is None or summary.cost is None:
        return ["The run has not reached an answer to certify."]
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
        f"The cost is {cost:.8g} nats an example. The duality gap proves that no parameters have a "
        f"cost below {cost - gap:.8g}: at most {gap:.2e} less, or "
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
