"""The advice of a run, as options of its config."""

from jax_logreg.cli.config import Config
from jax_logreg.proof.advice import PYTHON, Facts, Terms, advise
from jax_logreg.status import Status

_CONFIG = Terms(
    refine="--set fit.refine=true",
    float64="--set fit.dtype=float64",
    tolerance="a larger fit.tolerance",
    steps="more steps, fit.steps",
    automatic="--set solver.method=auto",
    penalty="--set penalty.kind=l2 --set penalty.strength=1e-4",
    rate=PYTHON.rate,
    standardise="--set data.standardise=true",
)


def advise_run(status: Status, config: Config) -> str:
    """Return a sentence on what to change in the config of a run of this status, or nothing."""
    rate = getattr(config.solver, "learning_rate", None)
    # A refined run has computed in float64 already.
    double = config.fit.dtype == "float64" or config.fit.refine
    facts = Facts(
        dtype="float64" if double else "float32",
        refined=config.fit.refine,
        standardised=config.data.standardise,
        penalised=config.penalty.kind != "none",
        by_rate=rate is not None,
        chosen=config.solver.method == "auto",
        endless=config.fit.tolerance == 0,
    )
    terms = (
        _CONFIG if rate is None else _CONFIG._replace(rate=f"solver.learning_rate, now {rate:g}")
    )
    return advise(status, facts, terms)
