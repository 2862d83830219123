"""Held-out examples stay out: their labels change no bit of the models that are scored on them."""

import jax
import numpy as np
import pytest
from cases import COUNTS, FAMILIES, Plain
from scipy import sparse
from sweep.test_saved import in_many_lives

from jax_logreg import L1, ElasticNet, GradientDescent, Newton
from jax_logreg.matrix import from_codes, stack
from jax_logreg.sweep import cross_validate, driver
from jax_logreg.sweep.chains import make_chains

assert_allclose = np.testing.assert_allclose
X = (COUNTS - 1) / 1.2
M = X.shape[1]
LABELS = {
    "binomial": FAMILIES["binomial"][0].astype(int),
    "multinomial": FAMILIES["multinomial"].argmax(axis=0),
}
FOLDS = np.arange(M) % 3
WEIGHTS = np.random.default_rng(3).integers(1, 4, M).astype(float)
# Weak enough that a start decides, in any order.
STRENGTHS = [1e-3, 1.0, 1e-5, 3e-2]
# Fewer slots than chains, whose models then take turns.
FEW = {"memory": 16e3}
# More features than examples, which a weak penalty lets a model learn by heart.
WIDE = np.random.default_rng(0).standard_normal((90, M))
CODES = np.random.default_rng(1).integers(0, 3, M)

KINDS = {
    "binomial": {},
    "in turns": FEW,
    "multinomial": {"labels": "multinomial"},
    "L1": {"penalty": L1},
    "elastic net, some features free": {
        "penalty": ElasticNet(1.0, 0.5, np.array([0, 1, 1, 1, 1, 1.0])),
        **FEW,
    },
    "weights, classes balanced": {"s": WEIGHTS, "class_weight": "balanced", **FEW},
    "more features than examples": {"X": WIDE, "tolerance": 1e-3},
    "sparse": {"X": "sparse"},
    "numbers and categories, scaled": {
        "X": "stacked",
        "standardise": np.arange(9) < 6,
        "class_weight": "balanced",
    },
    "scaled, L1, several devices": {"penalty": L1, "standardise": True, "devices": 2},
    "Newton": {"solver": Newton(), **FEW},
    "steps that run out": {"solver": GradientDescent(0.1), "steps": 7},
    "no intercept": {"fit_intercept": False, "standardise": True},
    "a grid of three classes": {"labels": "multinomial", "scoring": "accuracy", **FEW},
}
MATRICES = {
    "sparse": lambda: sparse.csr_array(X),
    "stacked": lambda: stack([X.astype("float32"), from_codes([CODES], [3])]),
}
LONG = (
    "elastic net, some features free",
    "sparse",
    "scaled, L1, several devices",
    "Newton",
    "no intercept",
)


def changed(labels):
    """Each label of fold 0 replaced by another class."""
    return np.where(FOLDS == 0, (labels + 1) % (labels.max() + 1), labels)


def of_fold_0(found):
    """All that is known of its models."""
    return jax.tree.map(lambda part: part[::3], (found.fold_models[:2], found.fold_models.steps))


def same(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def validated(kind, change, **more):
    given = {"X": X, "labels": "binomial", "strengths": STRENGTHS, "folds": FOLDS, **kind, **more}
    X_given, labels = given.pop("X"), LABELS[given.pop("labels")]
    if isinstance(X_given, str):
        X_given = MATRICES[X_given]()
    return cross_validate(X_given, changed(labels) if change else labels, **given)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in KINDS]
)
def test_labels_that_are_held_out_change_no_bit(name):
    here, there = (validated(KINDS[name], change) for change in (False, True))
    same(of_fold_0(here), of_fold_0(there))
    assert here.fold_models.status[::3] == there.fold_models.status[::3]
    # The other folds learn from them, and so does the model of all.
    assert np.any(here.fold_models.params.w[1::3] != there.fold_models.params.w[1::3])
    assert np.any(here.models.params.w != there.models.params.w)
    assert np.all(here.scores[:, 0] != there.scores[:, 0])


def test_a_model_runs_in_a_slot_of_its_own(monkeypatch):
    """Columns of a product may round by their place, and others decide which slot is free first."""
    ran, advance = set(), driver.advance_each

    def recorded(loop, stack, index, *rest):
        ran.update((int(model), slot) for slot, model in enumerate(index) if rest[1][slot])
        return advance(loop, stack, index, *rest)

    monkeypatch.setattr(driver, "advance_each", recorded)
    validated(FEW, False)
    homes = make_chains(np.repeat(np.array(STRENGTHS)[:, None], 4, axis=1), 3).homes
    assert len(set(homes)) == 3
    assert ran == set(enumerate(homes.tolist()))


def test_nor_do_they_in_a_sweep_that_was_stopped_and_went_on(tmp_path):
    found = []
    for change in (False, True):

        def sweep(change=change, **given):
            return validated(FEW, change, **given)

        found.append(in_many_lives(sweep, tmp_path / str(change)))
    same(*map(of_fold_0, found))


EXACT = {"dtype": "float64", "tolerance": 1e-13}


def test_a_model_starts_at_no_other_folds_answer():
    """Weakly penalised, it is its own optimum, however flat the cost is around it."""
    found = cross_validate(X, LABELS["binomial"], strengths=STRENGTHS, folds=FOLDS, **EXACT)
    for i, strength in enumerate(STRENGTHS):
        for fold in range(3):
            s = (fold != FOLDS).astype(float)[None]
            best = Plain(X, FAMILIES["binomial"], s, 0, strength).minimise()
            w = found.fold_models.params.w[3 * i + fold]
            assert_allclose(w, best[:6], atol=1e-3 if strength < 1e-4 else 1e-5)


def test_chains():
    """By strength, in any order, within a column; in slots of their own."""
    strengths = np.array([[1.0, 0.1], [3.0, 0.3], [2.0, 0.2]])
    found = make_chains(strengths, 2)
    np.testing.assert_array_equal(found.parents, [4, 5, -1, -1, 2, 3])
    np.testing.assert_array_equal(found.homes, [0, 1] * 3)
    assert found.slots == 2
    found = make_chains(strengths, 5)
    np.testing.assert_array_equal(found.parents, [2, 3, -1, -1, -1, -1])
    np.testing.assert_array_equal(found.homes, [0, 2, 0, 2, 1, 3])
    assert found.slots == 4
    found = make_chains(strengths, 100)
    assert (found.parents == -1).all() and len(set(found.homes)) == found.slots == 6
    found = make_chains(strengths, 1)
    np.testing.assert_array_equal(found.parents, [4, 5, -1, -1, 2, 3])
    assert (found.homes == 0).all() and found.slots == 1
