"""Folds: every example held out once, classes and groups as they should be."""

import numpy as np
import pytest

from jax_logreg.sweep.folds import held_out

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 50)
Y = (np.arange(3)[:, None] == LABELS).astype(float)
GROUPS = RNG.integers(0, 9, 50)


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_stratified(folds):
    out = held_out(folds, Y, None, 1)
    assert out.shape == (folds, 50) and (out.sum(axis=0) == 1).all()
    assert np.ptp(out.sum(axis=1)) <= 1
    assert (np.ptp(out @ Y.T, axis=0) <= 1).all()
    assert (out == held_out(folds, Y, None, 1)).all()
    assert (out != held_out(folds, Y, None, 2)).any()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_a_share_of_every_class(share):
    (out,) = held_out(share, Y, None, 1)
    counts = Y.sum(axis=1)
    np.testing.assert_array_equal(Y @ out, np.clip(np.round(share * counts), 1, counts - 1))
    assert (out != held_out(share, Y, None, 2)).any()


def test_groups_stay_together():
    out = held_out(3, Y, GROUPS, 0)
    assert (out.sum(axis=0) == 1).all()
    for group in range(9):
        assert len(set(out[:, group == GROUPS].argmax(axis=0))) == 1
    # No fold is more than a group larger than another.
    assert np.ptp(out.sum(axis=1)) <= np.bincount(GROUPS).max()


def test_given():
    number = np.arange(50) % 4
    out = held_out(number, Y, None, 0)
    assert (out.argmax(axis=0) == number).all()
    index = np.arange(50)
    pairs = [(index[number != i], index[number == i]) for i in range(4)]
    assert (held_out(pairs, Y, None, 0) == out).all()
    assert (held_out(iter(pairs), Y, None, 0) == out).all()


WRONG = {
    "one fold": ((1, None), "folds is 1: expected from 2 to"),
    "no share": ((1.5, None), "folds is 1.5: expected how many, or a share between 0 and 1"),
    "a share of groups": ((0.2, GROUPS), "groups are given beside folds that list examples"),
    "too many": ((40, None), "the examples of the rarest class"),
    "too many for the groups": ((10, GROUPS), "from 2 to 9, the number of groups"),
    "one group": ((3, np.zeros(50)), "groups holds all 50 examples in one group"),
    "groups of another length": ((3, GROUPS[1:]), r"groups has shape \(49,\)"),
    "groups and folds": (
        (np.arange(50) % 3, GROUPS),
        "groups are given beside folds that list examples",
    ),
    "all in one": ((np.zeros(50, int), None), "all 50 examples into one"),
    "a word": (("five", None), "folds is 'five'"),
    "an index": (
        ([(np.arange(49), np.array([99]))], None),
        r"folds\[0\] is .*indices from 0 to 49",
    ),
    "left out": (
        ([(np.arange(9), np.arange(9, 20))], None),
        "trains on 9 and holds out 11 of 50 examples",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name):
    (folds, groups), message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        held_out(folds, Y, groups, 0)


@pytest.mark.parametrize("folds", [2, 0.5])
def test_a_class_of_one_example_is_in_no_two_folds(folds):
    labels = np.zeros((1, 50))
    labels[0, 7] = 1
    with pytest.raises(ValueError, match=f"folds is {folds}, but a class has one example"):
        held_out(folds, labels, None, 0)
