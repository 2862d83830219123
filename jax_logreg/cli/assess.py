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

    `cost` is that of a false positive and of a false negative, or None; `rows` resamples rows even
    where the weights are counts.
    """

    resamples: int = 1000
    seed: int = 0
    bins: int = 15
    cost: tuple[float, float] | None = None
    temperature: bool = False
    rows: bool = False


class Judgement(NamedTuple):
    """The evaluation at a temperature and a threshold: measures, 95 % intervals, cost of errors."""

    temperature: float
    threshold: float
    measures: Measures
    intervals: Intervals
    cost: float | None


class Assessment(NamedTuple):
    """The model as it is, and with what was fitted to one half of the examples, or None.

    Both are of the `measured` examples; the `fitted` ones are the others. `notes` are lines for the
    user. `resampled` is how many examples intervals draw by counts; None where they draw rows.
    """

    before: Judgement
    after: Judgement | None
    fitted: int
    measured: int
    notes: tuple[str, ...]
    resampled: float | None


class _Known(NamedTuple):
    """Logits (k, m) of examples, the numbers of their classes, (m,), and weights, or None."""

    Z: np.ndarray
    truth: np.ndarray
    s: np.ndarray | None

    def take(self, rows: np.ndarray) -> "_Known":
        return _Known(self.Z[:, rows], self.truth[rows], None if self.s is None else self.s[rows])


@one_line()
def assess(model: Model, examples: Examples, settings: Settings) -> Assessment:
    """The measures of a model, before and after what the settings ask to be fitted.

    A fit looks better on its own examples than it is: temperature and threshold are fitted
    to one half, seeded, of every class as many in either, and all is measured on the other.

    Raises:
        InputError: labels or settings that do not fit the model.
    """
    check_seed(settings.seed)
    if settings.cost is not None:
        check_costs(*settings.cost)
        if len(model.classes) != 2:
            raise InputError(
                f"a cost chooses a threshold of two classes: the model has {len(model.classes)}"
            )
    truth, notes = _truth(model, examples)
    notes += tuple(model.levels.unknown(examples.categories, examples.source))
    known = _Known(model.logits(examples), truth, examples.weights)
    if settings.cost is None and not settings.temperature:
        before = _judge(model, known, settings)
        return Assessment(before, None, 0, known.truth.size, notes, _counted(known, settings))
    if known.truth.size < 2:
        raise InputError(
            f"{examples.source} holds one example: a temperature or a threshold is fitted to a "
            "half: expected more"
        )
    to_fit, to_measure = _halves(known.truth, settings.seed)
    fitted, why = _fit(model, known.take(to_fit), settings)
    rest = known.take(to_measure)
    before, after = (_judge(one, rest, settings) for one in (model, fitted))
    counted = _counted(rest, settings)
    return Assessment(before, after, to_fit.size, to_measure.size, notes + why, counted)


def _counted(known: _Known, settings: Settings) -> float | None:
    """The number of examples that weights stand for, where intervals draw these."""
    if known.s is None or settings.rows or not are_counts(known.s):
        return None
    return float(known.s.sum())


def _truth(model: Model, examples: Examples) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of each example's class, and lines on what was read.

    Of one against the rest, any other label is the rest.
    """
    if model.classes[0] == REST and len(model.classes) == 2:
        truth, notes = against_rest(examples, model.classes[1])
        return truth, examples.notes + notes
    examples = as_classes(examples, list(model.classes))
    return class_indices(examples, model.classes), examples.notes


def _halves(truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of either half: every other example of each class, in a random order."""
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
            why = (
                "are classified without an error"
                if T == LOWEST
                else "are classified worse than by chance"
            )
            notes = (
                f"the examples to fit to {why}: no temperature from {LOWEST:g} to {HIGHEST:g} is "
                f"best, it stays at {model.temperature:g}",
            )
    if settings.cost is not None:
        p = _probabilities(model, known.Z)[-1]
        chosen = choose_threshold(known.truth, p, known.s, *settings.cost)
        model = model._replace(threshold=chosen.threshold)
    return model, notes


def _moved(threshold: float, factor: float) -> float:
    """The threshold that decides as before where logits are multiplied by the factor."""
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
