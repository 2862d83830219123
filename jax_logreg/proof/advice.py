"""The change that a message advises: one that is not made already, in the reader's terms."""

from typing import NamedTuple

from jax_logreg.status import Status


class Facts(NamedTuple):
    """The settings of a run, as far as advice depends on them.

    `dtype` is the dtype of the answer. The solver has a learning rate where `by_rate`, and "auto"
    picked it where `chosen`. A feature has a penalty where `penalised`. The tolerance is 0 where
    `endless`.
    """

    dtype: str
    refined: bool = False
    standardised: bool = False
    penalised: bool = False
    by_rate: bool = False
    chosen: bool = True
    endless: bool = False


class Terms(NamedTuple):
    """The names of options as a user sets them; an option that is not offered has an empty name."""

    refine: str
    float64: str
    tolerance: str
    steps: str
    automatic: str
    penalty: str
    rate: str
    standardise: str


PYTHON = Terms(
    refine="refine=True",
    float64="dtype='float64'",
    tolerance="a larger tolerance",
    steps="more steps",
    automatic="solver='auto'",
    penalty="L2(1e-4)",
    rate="the learning rate",
    standardise="jax_logreg.matrix.standardise(X, s)",
)


def advise(status: Status, facts: Facts, terms: Terms = PYTHON) -> str:
    """Return a sentence on what to change, empty where no change would help or is needed."""
    return {
        Status.STEPS_EXHAUSTED: _more_steps,
        Status.DIVERGED: _slower,
        Status.PRECISION_FLOOR: _finer,
        Status.SEPARABLE: _penalised,
    }.get(status, _nothing)(facts, terms)


def _more_steps(facts: Facts, terms: Terms) -> str:
    if facts.endless:
        return ""
    other = terms.automatic if facts.by_rate and not facts.chosen else ""
    more = _either(terms.steps, other)
    return f"The tolerance was not reached: pass {more}." if more else ""


def _slower(facts: Facts, terms: Terms) -> str:
    scaled = "" if facts.standardised else terms.standardise
    if facts.by_rate:
        lower = f"The learning rate is too large for these features: lower {terms.rate}"
        return f"{lower}, or standardise the features: {scaled}." if scaled else f"{lower}."
    if scaled:
        return f"Standardise the features: {scaled}."
    finer = terms.float64 if facts.dtype == "float32" else ""
    return f"Pass {finer}." if finer else ""


def _finer(facts: Facts, terms: Terms) -> str:
    if facts.dtype == "float32":
        finer = _either("" if facts.refined else terms.refine, terms.float64)
        if finer:
            return f"Pass {finer}."
    # A refined answer has a tolerance of its own.
    return "" if facts.refined else f"Pass {terms.tolerance}."


def _penalised(facts: Facts, terms: Terms) -> str:
    if facts.penalised:
        return "Give those features a penalty too."
    return f"Add a penalty, for example {terms.penalty}."


def _nothing(facts: Facts, terms: Terms) -> str:
    return ""


def _either(*options: str) -> str:
    return " or ".join(option for option in options if option)
