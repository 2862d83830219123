"""A model on labelled examples: its measures, and the temperature and threshold that suit them."""

from typing import NamedTuple

import numpy as np

from jax_logreg.data import Examples
from jax_logreg.data.classes import REST, against_rest, as_classes, class_indices
from jax_logreg.errors import InputError
from jax_logreg.errors.one_line import one_line
from jax_logreg.evaluation import (
    Intervals,
    Measures,
    are_counts,
    bootstrap_intervals,
    choose_threshold,
    confusion,
    fit_temperature,
    measure,
    predicted_classes,
)
from jax_logreg.evaluation.temperature import HIGHEST, LOWEST
from jax_logreg.evaluation.threshold import check_costs
from jax_logreg.logistic import BINOMIAL
from jax_logreg.model import Model, activate, cross_entropies
from jax_logreg.problem.settings import check_seed


class Settings(NamedTuple):
    """The options of `evaluate`.

    `cost` has those of a false positive and of a false negative, or is None. `rows` resamples rows
    even where the weights are counts.
    """

    resamples: int = 1000
    seed: int = 0
    bins: int = 15
    cost: tuple[float, float] | None = None
    temperature: bool = False
    rows: bool = False


class Judgement(NamedTuple):
    """The evaluation at a temperature and a threshold: measures, 95 % intervals, mean cost."""

    temperature: float
    threshold: float
    measures: Measures
    intervals: Intervals
    cost: float | None


class Assessment(NamedTuple):
    """The evaluation of a model before and after a fit of temperature and threshold, or None.

    `fitted` is the number of examples of that fit, `measured` that of both evaluations. `notes` are
    lines for the user. `resampled` is the number of examples that intervals draw by counts, or None
    where they draw rows.
    """

    before: Judgement
    after: Judgement | None
    fitted: int
    measured: int
    notes: tuple[str, ...]
    resampled: float | None


class _Known(NamedTuple):
    """Logits Z (k, m) of examples, the numbers of their classes, (m,), and weights, or None."""

    Z: np.ndarray
    truth: np.ndarray
    s: np.ndarray | None

    def take(self, rows: np.ndarray) -> "_Known":
        return _Known(self.Z[:, rows], self.truth[rows], None if self.s is None else self.s[rows])


@one_line()
def assess(model: Model, examples: Examples, settings: Settings) -> Assessment:
    """Return the measures of a model, before and after a temperature and a threshold are fitted.

    They look better on the examples that they were fitted to. So they are fitted to one half of
    each class, drawn by the seed, and measured on the other half.

    Raises:
        InputError: labels or settings that do not fit the model.
    """
    check_seed(settings.seed)
    if settings.cost is not None:
        check_costs(*settings.cost)
        if len(model.classes) != 2:
            raise InputError(
                f"--cost is given, but the model has {len(model.classes)} classes: expected two, "
                "between which a threshold decides: leave it out"
            )
    truth, notes = _truth(model, examples)
    notes += tuple(model.levels.unknown(examples.categories, examples.source))
    known = _Known(model.logits(examples), truth, examples.weights)
    if settings.cost is None and not settings.temperature:
        before = _judge(model, known, settings)
        return Assessment(before, None, 0, known.truth.size, notes, _counted(known, settings))
    if known.truth.size < 2:
        raise InputError(
            f"{examples.source} holds one example: expected at least two, as temperature and "
            "threshold are fitted to one half: leave --temperature and --cost out"
        )
    to_fit, to_measure = _halves(known.truth, settings.seed)
    fitted, why = _fit(model, known.take(to_fit), settings)
    rest = known.take(to_measure)
    before, after = (_judge(one, rest, settings) for one in (model, fitted))
    counted = _counted(rest, settings)
    return Assessment(before, after, to_fit.size, to_measure.size, notes + why, counted)


def _counted(known: _Known, settings: Settings) -> float | None:
    """Return the sum of weights that count examples, or None where intervals draw rows."""
    if known.s is None or settings.rows or not are_counts(known.s):
        return None
    return float(known.s.sum())


def _truth(model: Model, examples: Examples) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the number of each example's class, (m,), and notes on what was read.

    For a model of one class against the rest, any other label is the rest.
    """
    if model.classes[0] == REST and len(model.classes) == 2:
        truth, notes = against_rest(examples, model.classes[1])
        return truth, examples.notes + notes
    examples = as_classes(examples, list(model.classes))
    return class_indices(examples, model.classes), examples.notes


def _halves(truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the examples of each half: of each class every other, shuffled."""
    order = np.random.default_rng(seed).permutation(truth.size)
    order = order[np.argsort(truth[order], kind="stable")]
    return np.sort(order[::2]), np.sort(order[1::2])


def _fit(model: Model, known: _Known, settings: Settings) -> tuple[Model, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if settings.temperature:
        T = fit_temperature(known.Z, _labels(known), known.s, model.family)
        if LOWEST < T < HIGHEST:
            threshold = _moved(model.threshold, model.temperature / T)
            model = model._replace(temperature=T, threshold=threshold)
        else:
            how = "without an error" if T == LOWEST else "worse than by chance"
            notes = (
                f"the temperature stays at {model.temperature:g}: the examples to fit it to are "
                f"classified {how}, so that none from {LOWEST:g} to {HIGHEST:g} is best",
            )
    if settings.cost is not None:
        p = _probabilities(model, known.Z)[-1]
        chosen = choose_threshold(known.truth, p, known.s, *settings.cost)
        model = model._replace(threshold=chosen.threshold)
    return model, notes


def _moved(threshold: float, factor: float) -> float:
    """Return the threshold that decides as before where logits are multiplied by the factor."""
    if not 0 < threshold < 1:
        return threshold
    logit = np.log(threshold / (1 - threshold))
    return float(activate(np.array([[logit * factor]]), BINOMIAL)[0, 0])


def _labels(known: _Known) -> np.ndarray:
    rows = 1 if len(known.Z) == 1 else np.arange(len(known.Z))[:, None]
    return known.truth[None] == rows


def _probabilities(model: Model, Z: np.ndarray) -> np.ndarray:
    return activate(Z.astype(np.float64), model.family, model.temperature)


def _judge(model: Model, known: _Known, settings: Settings) -> Judgement:
    A = _probabilities(model, known.Z)
    what = (known.truth, A, known.s, model.threshold, settings.bins)
    losses = cross_entropies(known.Z, _labels(known), model.family, model.temperature)
    intervals = bootstrap_intervals(
        *what,
        resamples=settings.resamples,
        seed=settings.seed,
        losses=losses,
        counts=False if settings.rows else None,
    )
    cost = None
    if settings.cost is not None:
        table = confusion(known.truth, predicted_classes(A, model.threshold), 2, known.s)
        cost = float(np.dot(settings.cost, table[[0, 1], [1, 0]]) / table.sum())
    measures = measure(*what, losses=losses)
    return Judgement(model.temperature, model.threshold, measures, intervals, cost)
