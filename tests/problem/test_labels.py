"""Labels of any kind and weights of any scale: one model."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, LBFGS, Newton, Proximal, fit
from jax_logreg.problem.labels import encode
from jax_logreg.problem.weights import weigh

assert_allclose = np.testing.assert_allclose
X = COUNTS
Y = FAMILIES["binomial"].astype(int)
CLASSES = FAMILIES["multinomial"].argmax(axis=0)
S = np.random.default_rng(4).integers(0, 4, (1, X.shape[1])).astype(float)
SETTINGS = {"dtype": "float64", "gradient_check": "off", "tolerance": 1e-10, "solver": Newton()}


def same(a, b, **tolerance):
    for left, right in zip(a.params, b.params, strict=True):
        assert_allclose(left, right, **tolerance or {"rtol": 1e-9, "atol": 1e-12})


KINDS = {
    "booleans": (Y[0].astype(bool), (False, True)),
    "3 and 7": (np.array([3, 7])[Y[0]], (3, 7)),
    "negative": (np.array([-1, 1])[Y[0]], (-1, 1)),
    "float": (Y[0].astype(float), (0.0, 1.0)),
    "text": (np.array(["no", "yes"])[Y[0]], ("no", "yes")),
    "bytes": (np.array([b"no", b"yes"])[Y[0]], (b"no", b"yes")),
    "objects": (np.array(["no", "yes"], object)[Y[0]], ("no", "yes")),
    "list": (np.array(["no", "yes"])[Y[0]].tolist(), ("no", "yes")),
    "unsigned": (np.array([3, 250], "uint8")[Y[0]], (3, 250)),
    "row": (Y, (0, 1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(kind):
    labels, classes = KINDS[kind]
    result = fit(X, labels, **SETTINGS)
    assert result.classes == classes
    assert [type(c) for c in result.classes] == [type(c) for c in classes]
    same(result, fit(X, Y[0], **SETTINGS), rtol=0)


def test_three_classes_of_any_kind():
    expected = fit(X, FAMILIES["multinomial"], **SETTINGS)
    for names in (["a", "b", "c"], [3, 7, 11], [-2.0, 0.0, 5.0]):
        result = fit(X, np.array(names)[CLASSES], **SETTINGS)
        assert result.classes == tuple(names)
        same(result, expected, rtol=0)


def test_two_classes_as_multinomial_are_the_binomial_model():
    result = fit(X, Y, family="multinomial", penalty=L2(0.1), **SETTINGS)
    w = np.asarray(result.params.w)
    assert w.shape == (6, 2) and result.classes == (0, 1)
    # Half the difference to each class: the sum of squares is half of that of the difference.
    binomial = fit(X, Y, penalty=L2(0.05), **SETTINGS)
    assert_allclose(w[:, 1:] - w[:, :1], binomial.params.w, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 7.0, 1e8])
def test_the_scale_of_the_weights_changes_nothing(scale):
    for penalty in (None, L2(0.1)):
        expected = fit(X, Y, s=S, penalty=penalty, **SETTINGS)
        result = fit(X, Y, s=scale * S, penalty=penalty, **SETTINGS)
        same(result, expected, rtol=1e-9)
        assert_allclose(result.certificate.cost, expected.certificate.cost, rtol=1e-12)


@pytest.mark.parametrize("family", ["binomial", "multinomial"])
def test_integer_weights_are_repeated_examples(family):
    """Of the same m: what is left out makes room for what is repeated."""
    labels = FAMILIES[family]
    rows = np.repeat(np.arange(X.shape[1]), S[0].astype(int))
    rows = np.sort(np.random.default_rng(0).choice(rows, X.shape[1]))
    s = np.bincount(rows, minlength=X.shape[1])
    weighted = fit(X, labels, s=s, penalty=L2(0.1), **SETTINGS)
    repeated = fit(X[:, rows], labels[:, rows], penalty=L2(0.1), **SETTINGS)
    same(weighted, repeated, rtol=1e-8)


def test_examples_without_weight_do_not_count():
    s = (S > 0).astype(float)
    X2, Y2 = X + 100 * (s == 0), np.where(s == 0, 1 - Y, Y)
    same(fit(X2, Y2, s=s, **SETTINGS), fit(X, Y, s=s, **SETTINGS), rtol=1e-6)


def test_features_permuted_and_rescaled_predict_the_same(rng):
    order, scale = rng.permutation(6), 10 ** rng.uniform(-3, 3, (6, 1))
    settings = SETTINGS | {"tolerance": 1e-7}
    expected = fit(X, Y, **settings)
    result = fit((X / scale)[order], Y, **settings)
    Z, expected_Z = (
        np.asarray(r.params.w).T @ x + np.asarray(r.params.b)
        for r, x in ((result, (X / scale)[order]), (expected, X))
    )
    assert_allclose(Z, expected_Z, atol=1e-4)


def test_examples_permuted_are_the_same_model(rng):
    order = rng.permutation(X.shape[1])
    expected = fit(X, Y, s=S, **SETTINGS)
    same(fit(X[:, order], Y[:, order], s=S[:, order], **SETTINGS), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("solver", "penalty"),
    [(Newton(), None), (LBFGS(), L2(0.05)), (Proximal(), L1(0.02))],
    ids=["Newton", "LBFGS", "Proximal"],
)
def test_independent_outputs_are_single_fits(solver, penalty):
    settings = SETTINGS | {"solver": solver, "penalty": penalty}
    targets = FAMILIES["independent"].astype(int)
    together = fit(X, targets, family="binomial", **settings)
    assert together.classes == (0, 1, 2)
    cost = 0
    for i, row in enumerate(targets):
        alone = fit(X, row, **settings)
        cost += float(alone.certificate.cost)
        assert_allclose(np.asarray(together.params.w)[:, [i]], alone.params.w, atol=1e-4)
        assert_allclose(np.asarray(together.params.b)[[i]], alone.params.b, atol=1e-4)
    assert_allclose(together.certificate.cost, cost, rtol=1e-9)


def test_balanced_classes_weigh_the_same():
    s = weigh(S[0], "balanced", *encode(CLASSES, *X.shape, "auto"))
    sums = FAMILIES["multinomial"] @ s[0]
    assert_allclose(sums, sums[0])
    names = np.array(["a", "b", "c"])[CLASSES]
    s = weigh(None, {"b": 2.5}, *encode(names, *X.shape, "auto"))
    assert_allclose(s[0] / s.min(), np.where(names == "b", 2.5, 1))


BAD_LABELS = {
    "one class": (np.zeros(60), "at least two classes"),
    "measurements": (np.linspace(0, 1, 60), "not measurements"),
    "NaN": (np.where(np.arange(60) == 3, np.nan, Y[0]), r"Y\[3\] is nan"),
    "None": (np.array([None] + ["a", "b"] * 29 + ["a"], object), r"Y\[0\] is None"),
    "mixed": (np.array([1, "a"] * 30, object), "cannot be sorted"),
    "columns": (Y.T, "did you mean Y.T"),
    "dates": (np.arange(60).astype("datetime64[s]"), "dtype datetime64"),
    "identifiers": (np.arange(60), "60 different values"),
    "rows of 2": (2 * FAMILIES["multinomial"], "rows of 0 and 1"),
    "not one-hot": (np.ones((3, 60)), "one-hot"),
}


@pytest.mark.parametrize("bad", BAD_LABELS)
def test_bad_labels_are_one_line(bad):
    labels, message = BAD_LABELS[bad]
    with pytest.raises(ValueError, match=message) as caught:
        fit(X, labels)
    assert "\n" not in str(caught.value)
