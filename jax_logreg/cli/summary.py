"""The summary of a run, as result.json holds it."""

import json
from typing import Literal

from jax_logreg.errors.extras import needs

with needs("run"):
    from pydantic import BaseModel, ConfigDict, ValidationError
    from pydantic_core import ErrorDetails

Number = int | float
Status = Literal[
    "converged",
    "steps_exhausted",
    "precision_floor",
    "interrupted",
    "unfinished",
    "separable",
    "diverged",
    "gradient_check_failed",
    "failed",
]


class _Record(BaseModel):
    """A table of result.json: unknown keys are left out, and missing ones have their default."""

    model_config = ConfigDict(frozen=True)


class PenaltySummary(_Record):
    """The penalty of the training, with the strength that a sweep chose."""

    model_config = ConfigDict(extra="allow")

    kind: str
    strength: float | None = None
    l1_ratio: float | None = None


class CertificateSummary(_Record):
    """The bounds on the distance from the optimum; None where there is no bound."""

    gap: float | None = None
    relative_gap: float | None = None
    error_in_std_errs: float | None = None


class CheckSummary(_Record):
    """The gradient check; `passed` is None where no check was made."""

    passed: bool | None = None
    max_relative_error: float | None = None
    max_absolute_error: float | None = None
    tolerance: float | None = None
    worst_entry: str | None = None
    worst_feature: str | None = None


class Weighted(_Record):
    """The parts that have example weights."""

    train: bool = False
    test: bool = False


class DataSummary(_Record):
    """The data of a run: numbers of features and examples, and the examples of each class."""

    source: str
    features: int
    train: int
    test: int
    # With a number of examples, or a sum of weights.
    classes: list[tuple[str, Number]] = []
    weighted: Weighted = Weighted()
    picture: list[int] = []


class SweepSummary(_Record):
    """The scores of each strength, the choice among them, and how the models ended."""

    scoring: str
    choose: str
    folds: int
    strengths: list[float]
    mean: list[float]
    standard_error: list[float | None]
    best: int
    one_standard_error: int
    chosen: int
    models: int
    status: dict[str, int]


class EvaluationSummary(_Record):
    """The measures of `examples` among the `of` examples of a part, by the names of scores."""

    on: str
    examples: int
    of: int
    weighted: bool = False
    measures: dict[str, float | None]


class Summary(_Record):
    """A run: its end, its answer, and the measures of the answer.

    A run that did not end has only `name`, `status`, `message` and `steps`.
    """

    name: str = "Logistic regression"
    status: Status
    message: str = ""
    steps: int | None = None
    family: str | None = None
    classes: list[object] = []
    penalty: PenaltySummary = PenaltySummary(kind="none")
    solver: str | None = None
    notes: list[str] = []
    cost: float | None = None
    gradient_norm: float | None = None
    certificate: CertificateSummary | None = None
    weights: int | None = None
    nonzero_weights: int | None = None
    train_accuracy: float | None = None
    test_accuracy: float | None = None
    gradient_check: CheckSummary | None = None
    data: DataSummary | None = None
    seconds: dict[str, float] = {}
    device: str | None = None
    devices: int = 1
    executor: str = "xla"
    hosts: int = 1
    platform: str | None = None
    versions: dict[str, str] = {}
    sweep: SweepSummary | None = None
    evaluation: EvaluationSummary | None = None
    traceback: str | None = None

    @classmethod
    def read(cls, content: bytes) -> "Summary":
        """Return the summary of a result.json.

        Raises:
            ValueError: the content is no JSON, or an entry is of a wrong type, in one line.
        """
        try:
            return cls.model_validate(json.loads(content))
        except ValidationError as error:
            raise ValueError(_reason(error.errors()[0])) from None

    def content(self) -> dict[str, object]:
        """Return the entries of result.json: those that were given."""
        return self.model_dump(exclude_unset=True)

    def to_json(self) -> bytes:
        """Return the content of result.json."""
        return (json.dumps(self.content(), indent=2, allow_nan=False) + "\n").encode()

    def measure(self, name: str) -> float | None:
        """Return a measure of the evaluation, or None."""
        return None if self.evaluation is None else self.evaluation.measures.get(name)


def _reason(error: ErrorDetails) -> str:
    """Return the fault of an entry: what came, and what was expected."""
    entry = ".".join(map(str, error["loc"]))
    if not entry:
        return "it is no table of entries"
    if entry == "status" and error["type"] == "missing":
        return "it names no status"
    return f"'{entry}': {error['input']!r} is given: {error['msg'].lower()}"
