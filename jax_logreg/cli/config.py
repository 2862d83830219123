"""An experiment's config: TOML, overridden by --set, validated as one."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from jax_logreg.cli.new import offer
from jax_logreg.cli.penalties import NoPenalty, PenaltyConfig
from jax_logreg.cli.solvers import AutoConfig, SolverConfig
from jax_logreg.cli.tracking import TrackingConfig
from jax_logreg.data import DataConfig, Section
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.errors.nearest import closest
from jax_logreg.errors.one_line import one_line
from jax_logreg.evaluation.scores import SCORES
from jax_logreg.problem.options import declared

with needs("run"):
    import tomli_w
    from pydantic import Field, ValidationError

    from jax_logreg.cli.explain import explain, find_origin


# Bytes of a config, and levels of tables and lists in one another.
_LONGEST, _DEEPEST = 1_000_000, 50

_DECLARED = declared()

Tried = Annotated[float, Field(ge=0, allow_inf_nan=False)]
if TYPE_CHECKING:
    ScoreName = str
else:
    ScoreName = Literal[tuple(SCORES)]
Devices = Literal["all"] | Annotated[int, Field(ge=1)]
ClassWeights = dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]


# Its type is that of the field, as with pydantic's own `Field`.
def declared_as(name: str, ge: int | None = None, lt: int | None = None) -> Any:
    """Return the field of an option of `fit`, with the default and the words of its declaration."""
    option = _DECLARED[name]
    return Field(option.default, description=option.description, ge=ge, lt=lt)


class FitConfig(Section):
    """The options of `jax_logreg.fit` of the same names."""

    family: Literal["auto", "binomial", "multinomial"] = declared_as("family")
    fit_intercept: bool = declared_as("fit_intercept")
    class_weight: Literal["balanced"] | ClassWeights | None = declared_as("class_weight")
    steps: int = declared_as("steps", ge=0, lt=2**31)
    tolerance: Literal["auto"] | Tried = declared_as("tolerance")
    gradient_check: Literal["every", "ends", "off"] | Annotated[int, Field(ge=1, lt=2**31)] = (
        declared_as("gradient_check")
    )
    dtype: Literal["float32", "float64"] = declared_as("dtype")
    refine: bool = declared_as("refine")
    sharpen: bool = declared_as("sharpen")
    executor: Literal["auto", "numpy", "xla"] = declared_as("executor")
    device: Literal["cpu", "gpu", "tpu"] | None = declared_as("device")
    devices: Devices | dict[Literal["features"], Devices] | None = declared_as("devices")


class SweepConfig(Section):
    """Strengths of the penalty x folds; the strength with the best held-out score is trained."""

    strengths: (
        Annotated[int, Field(ge=1, le=10_000)] | Annotated[list[Tried], Field(min_length=1)]
    ) = Field(
        10,
        description="The strengths, or the length of a geometric grid. It goes from the least at "
        "which all weights are 0 (of L2: ten times that of L1) down to `smallest` times it.",
    )
    smallest: float = Field(
        1e-4, gt=0, lt=1, description="The last strength of a grid, as a share of the first."
    )
    folds: Annotated[int, Field(ge=2)] | Annotated[float, Field(gt=0, lt=1)] = Field(
        5, description="The number of folds, stratified by class; or the share held out once."
    )
    scoring: ScoreName = Field(
        "log_loss",
        description="The score of the held-out examples; where lower is better, minus the score.",
    )
    choose: Literal["best", "one_standard_error"] = Field(
        "best", description="The best mean score, or the strongest within a standard error of it."
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="The seed of the shuffle that assigns examples to folds."
    )
    memory: float = Field(
        1e9, gt=0, allow_inf_nan=False, description="Bytes that the models may take beside X."
    )


class CheckpointConfig(Section):
    """The intervals at which a run saves itself, so that --resume can continue it."""

    seconds: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds between two saves; more where saving would take over 1 % of the time.",
    )
    steps: int | None = Field(
        None, ge=1, description="The number of steps after which a run is saved too."
    )


class Config(Section):
    """One experiment: its data, penalty, solver and stopping rule."""

    data: DataConfig = Field(description="The source of X and Y.")
    penalty: PenaltyConfig = Field(
        NoPenalty(), description="The penalty on w, which is added to the cost."
    )
    solver: SolverConfig = Field(AutoConfig(), description="The solver and its numbers.")
    fit: FitConfig = Field(FitConfig(), description="The stopping rule, the checks, the device.")
    sweep: SweepConfig | None = Field(
        None, description="The strengths to try, and how to score them."
    )
    checkpoint: CheckpointConfig = Field(
        CheckpointConfig(), description="The intervals at which the run saves itself."
    )
    tracking: TrackingConfig | None = Field(
        None, description="An experiment tracker that logs the history."
    )

    def to_toml(self) -> str:
        """Return the resolved config, enough to run it again: every default, absolute paths."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def load_config(path: Path, overrides: list[str]) -> Config:
    """Return the config of a TOML file with `key.path=value` overrides applied.

    Raises:
        InputError: no file, no TOML, or a value that is refused, in one line each. It names the
            file or the override, the key, and the key or value that was likely meant.
    """
    tree, origins = _merge(path, overrides)
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise InputError(explain(error, Config, tree, str(path), origins)) from None
    wrong = _check_strength(config)
    if wrong is not None:
        key, problem = wrong
        with one_line():
            raise InputError(f"{find_origin(key, origins, str(path))}: {problem}")
    return config


@one_line()
def _merge(path: Path, overrides: list[str]) -> tuple[dict[str, object], dict[str, str]]:
    """Return the file's tree with the overrides, and by key the override that set it."""
    tree = _read(path)
    _check_plain(tree, str(path))
    origins = {}
    for override in overrides:
        key, value = _parse(override)
        _set(tree, key, value, override)
        _check_plain(tree, f"--set {override}")
        origins[key] = f"--set {override}"
    return tree, origins


def _check_plain(value: object, origin: str) -> None:
    """Refuse integers beyond TOML's 64 bits and deep nests, which no key takes (InputError)."""
    level = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(one, int) and not -(2**63) <= one < 2**63 for one in level):
            raise InputError(f"{origin}: an integer is beyond 64 bits: expected a smaller one")
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return
    raise InputError(f"{origin}: over {_DEEPEST} tables or lists in one another: expected fewer")


def _within(value: object) -> Iterable[object]:
    """Return the values of a table, or of a list."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_strength(config: Config) -> tuple[str, str] | None:
    """Return a key and its fault, or None where either penalty or sweep has strengths."""
    kind, strength = config.penalty.kind, getattr(config.penalty, "strength", None)
    if config.sweep is None:
        if kind == "none" or strength is not None:
            return None
        return "penalty", "penalty.strength is missing: set it, or add a [sweep] that tries several"
    if kind == "none":
        return "sweep", "[sweep] tries strengths, but there is no penalty: set penalty.kind='l2'"
    if strength is not None:
        key = "penalty.strength"
        return key, f"{key} is {strength:g}, but [sweep] tries its own strengths: leave one out"
    return None


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            raise InputError(f"{path} is longer than {_LONGEST} bytes: expected a config in TOML")
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        near = closest(path.name, (other.name for other in path.parent.glob("*.toml")))
        mend = f": did you mean {path.with_name(near)}?" if near else offer(path)
        raise InputError(f"{path} does not exist{mend}") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}: expected a config in TOML"
        ) from None
    # Beyond TOMLDecodeError: no UTF-8, thousands of digits, a path with a null byte.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None


def _parse(override: str) -> tuple[str, object]:
    """Return the key of an override, and its value: of TOML, else the text itself."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise InputError(f"--set {override}: expected key.path=value, for example fit.steps=100")
    try:
        override.encode()
        return key, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key, text.strip()
    except UnicodeEncodeError:
        raise InputError(f"--set {override}: expected UTF-8, as in a config") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"--set {override}: {error}") from None


def _set(tree: dict[str, object], key: str, value: object, override: str) -> None:
    *tables, last = key.split(".")
    for depth, name in enumerate(tables, start=1):
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            table = ".".join(tables[:depth])
            raise InputError(f"--set {override}: {table} is no table: expected a key of a table")
        tree = inner
    tree[last] = value
