"""A saved run belongs to its problem: whatever is changed, the old state is no answer to it."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from cases import COUNTS, FAMILIES, Pieces

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    ElasticNet,
    GradientDescent,
    MiniBatch,
    Optax,
    Params,
    Proximal,
    fit,
)
from jax_logreg.checkpoint import Checkpoint
from jax_logreg.errors.describing import describe
from jax_logreg.matrix import (
    Standardised,
    Transposed,
    compress,
    from_codes,
    from_scipy,
    identify,
    stack,
    stream,
)
from jax_logreg.matrix.identity import are_near
from jax_logreg.sweep import bootstrap, cross_validate, fit_many

X = (COUNTS - 1) / 1.2
Y = FAMILIES["binomial"]
N, M = X.shape
RNG = np.random.default_rng(8)
S = RNG.integers(1, 4, M).astype(float)
FLIPPED = np.where(np.arange(M) == 7, 1 - Y, Y)
ULP = np.where(np.arange(X.size).reshape(X.shape) == 99, np.nextafter(X.astype("f"), np.inf), X)
FACTORS = np.arange(1.0, N + 1)
START = Params(np.full((N, 1), 0.25), np.zeros((1, 1)))

# A computation, and the name under which each change of it is refused.
DATA = {
    "X turned round": ({"X": -X}, "X"),
    "features permuted": ({"X": X[::-1]}, "X"),
    "examples permuted": ({"X": X[:, ::-1]}, "X"),
    "one entry by a rounding": ({"X": ULP}, "X"),
    "X sparse": ({"X": scipy.sparse.csr_array(X)}, "X"),
    "labels turned round": ({"Y": 1 - Y}, "Y"),
    "one label": ({"Y": FLIPPED}, "Y"),
    "family": ({"family": "multinomial"}, "Y"),
    "weights": ({"s": S[::-1]}, "s"),
    "penalty": ({"penalty": L2(0.02)}, "penalty"),
    "factors": ({"penalty": L2(0.01, FACTORS)}, "penalty"),
    "steps": ({"steps": 21}, "steps"),
    "tolerance": ({"tolerance": 1e-5}, "tolerance"),
    "dtype": ({"dtype": "float64"}, "dtype"),
    "no intercept": ({"fit_intercept": False}, "intercept"),
    "number of the solver": ({"solver": LBFGS(memory=5)}, "solver"),
    "solver": ({"solver": "newton"}, "solver"),
}
OF_ONE = {
    "another penalty": ({"penalty": ElasticNet(0.01, 0.0), "solver": Proximal()}, "penalty"),
    "a small ratio": ({"penalty": L1(0.01), "solver": Proximal()}, "penalty"),
    "class_weight": ({"class_weight": {0: 2.0}}, "s"),
    "start": ({"params": START}, "start"),
    "gradient_check": ({"gradient_check": "off"}, "gradient_check"),
}
PLAIN = {"X": X, "Y": Y, "s": S, "steps": 20, "tolerance": 1e-4, "solver": LBFGS()}
FIT = {**PLAIN, "penalty": L2(0.01)}
STRENGTHS = np.array([1.0, 0.01])


def many(**given):
    given["penalty"] = type(given["penalty"])(STRENGTHS * given["penalty"].strength, FACTORS)
    return fit_many(**given)


def folds(**given):
    return cross_validate(strengths=2, folds=2, **given)


def resamples(**given):
    return bootstrap(resamples=2, **given)


SWEEPS = {"fit_many": many, "cross_validate": folds, "bootstrap": resamples}
# The factors of one are not those of the other; folds try strengths of their own.
LEFT_OUT = {"fit_many": ["factors"], "cross_validate": ["penalty"], "bootstrap": []}


def same(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def refused(call, folder, name):
    """Assert that the saved states are refused in one line that names what differs."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    line = rf"of other settings, ['\"]{name} = .* there and ['\"]{name} = .* here: use those"
    with pytest.raises(ValueError, match=line) as caught:
        call(checkpoint=Checkpoint(folder))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 600
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    return folder, fit(**FIT, checkpoint=Checkpoint(folder))


@pytest.mark.parametrize("change", DATA | OF_ONE)
def test_another_problem_finds_nothing(change, fitted):
    changed, name = (DATA | OF_ONE)[change]
    refused(lambda **given: fit(**{**FIT, **changed}, **given), fitted[0], name)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of each sweep with its answers, made once."""
    made = {}

    def find(sweep):
        if sweep not in made:
            folder = tmp_path_factory.mktemp("swept")
            made[sweep] = folder, SWEEPS[sweep](**FIT, checkpoint=Checkpoint(folder))
        return made[sweep]

    return find


@pytest.mark.parametrize(
    ("sweep", "change"), [(s, c) for s in SWEEPS for c in DATA if c not in LEFT_OUT[s]]
)
def test_another_sweep_finds_nothing(sweep, change, swept):
    changed, name = DATA[change]
    refused(lambda **given: SWEEPS[sweep](**{**FIT, **changed}, **given), swept(sweep)[0], name)


SAME = {
    "order in memory": {"X": np.asfortranarray(X)},
    "a jax array": {"X": jnp.asarray(X, "float32")},
    "transposed": {"X": Transposed(jnp.asarray(X.T, "float32"))},
    "weights in a row": {"s": S[None]},
    "labels of text": {"Y": np.where(Y[0], "yes", "no")},
    "an integer": {"penalty": L2(0.01), "tolerance": np.float64(1e-4)},
    "names": {"feature_names": [f"f{i}" for i in range(N)]},
    "another solver of the same": {"solver": LBFGS(10)},
}


@pytest.mark.parametrize("change", SAME)
def test_the_same_problem_is_found_however_it_is_given(change, fitted, monkeypatch):
    folder, first = fitted
    monkeypatch.setattr("jax_logreg.loop.chunks._chunk", None)
    again = fit(**{**FIT, **SAME[change]}, checkpoint=Checkpoint(folder))
    same(again.params, first.params)
    same(again.history, first.history)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_same_sweep_is_found(sweep, swept, monkeypatch):
    folder, first = swept(sweep)
    monkeypatch.setattr("jax_logreg.sweep.driver.advance_each", None)
    same(SWEEPS[sweep](**FIT, checkpoint=Checkpoint(folder)), first)


def test_other_devices_find_the_same_problem(tmp_path, monkeypatch):
    given = {**FIT, "solver": GradientDescent(0.1)}
    first = fit(**given, devices=2, checkpoint=Checkpoint(tmp_path))
    monkeypatch.setattr("jax_logreg.loop.chunks._chunk", None)
    same(fit(**given, checkpoint=Checkpoint(tmp_path)).params, first.params)


def view(X, mean=0.5, scale=2.0):
    about = (jnp.full((len(X), 1), number, jnp.float32) for number in (mean, scale))
    return Standardised(compress(X, "uint8"), *about)


def mixed(X):
    codes = [COUNTS[0].astype(int)]
    parts = [jnp.asarray(X[:3], "float32"), from_scipy(scipy.sparse.csr_array(X[3:]), "float32")]
    return stack([*parts, from_codes(codes, [4])])


KINDS = {
    "dense": lambda X: X,
    "transposed": lambda X: Transposed(jnp.asarray(X.T)),
    "uint8": lambda X: compress(X, "uint8"),
    "int8": lambda X: compress(X, "int8"),
    "scipy": scipy.sparse.csc_array,
    "sparse": lambda X: from_scipy(scipy.sparse.csr_array(X), "float32"),
    "categorical": lambda X: from_codes(X[:2].astype(int), [12, 12]),
    "streamed": lambda X: stream(Pieces(X), 16),
    "streamed rows": lambda X: stream(Pieces(X.astype("uint8"), True), 16),
    "standardised": view,
    "stacked": mixed,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_every_matrix_counts(kind, monkeypatch):
    monkeypatch.setattr("jax_logreg.matrix.identity._STRIP", 40)
    make = KINDS[kind]
    first = identify(make(COUNTS), "float32")
    assert identify(make(COUNTS.copy()), "float32").line == first.line
    assert len(first.line) < 300 and first.line.isprintable()
    for i, j in ((0, 0), (1, M // 2), (1, M - 1)):
        other = COUNTS.copy()
        other[i, j] = 9 - other[i, j]
        assert identify(make(other), "float32").line != first.line
    swapped = COUNTS[:, ::-1]
    assert identify(make(swapped), "float32").line != first.line


def test_one_sparse_matrix_in_every_format():
    formats = ("csr", "csc", "coo", "lil", "dok", "bsr")
    matrices = [scipy.sparse.csr_array(COUNTS).asformat(name) for name in formats]
    lines = {identify(S, "float32").line for S in matrices}
    assert lines == {identify(from_scipy(matrices[0], "float32"), "float32").line}


def test_means_and_scales_may_round_but_no_more():
    """Means and scales are sums, which another number of cores makes in another order."""
    (first,) = identify(view(COUNTS), "float32").views
    (rounded,) = identify(view(COUNTS, np.nextafter(np.float32(0.5), 1)), "float32").views
    assert are_near(first, rounded) and not np.array_equal(first, rounded)
    for changed in ({"mean": 0.501}, {"scale": 2.01}, {"mean": np.nan}):
        (other,) = identify(view(COUNTS, **changed), "float32").views
        assert not are_near(first, other) and not are_near(other, first)


def test_a_view_about_other_means_is_refused(tmp_path):
    fit(view(COUNTS), Y, steps=2, checkpoint=Checkpoint(tmp_path))
    with pytest.raises(ValueError, match="is of an X standardised by other means or scales"):
        fit(view(COUNTS, mean=0.6), Y, steps=2, checkpoint=Checkpoint(tmp_path))


RATE = 0.5


def schedule(step):
    return RATE / (1 + step)


# Each of these is another transformation.
TRANSFORMATIONS = {
    "adam": lambda: optax.adam(0.1),
    "another rate": lambda: optax.adam(0.2),
    "another decay": lambda: optax.adam(0.1, b1=0.8),
    "nesterov": lambda: optax.adam(0.1, nesterov=True),
    "sgd": lambda: optax.sgd(0.1),
    "momentum": lambda: optax.sgd(0.1, momentum=0.9),
    "cosine": lambda: optax.adam(optax.cosine_decay_schedule(0.1, 2000)),
    "longer cosine": lambda: optax.adam(optax.cosine_decay_schedule(0.1, 3000)),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)),
    "clipped at 2": lambda: optax.chain(optax.clip_by_global_norm(2.0), optax.adam(0.1)),
    "a schedule": lambda: optax.sgd(lambda step: 0.1 / (1 + step)),
    "another schedule": lambda: optax.sgd(lambda step: 0.1 / (2 + step)),
    "a name of the module": lambda: optax.sgd(schedule),
    "lbfgs": lambda: optax.lbfgs(),
    "lbfgs of 5": lambda: optax.lbfgs(memory_size=5),
    "injected": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "injected 0.2": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.2),
    "masked": lambda: optax.masked(optax.adam(0.1), {"w": True, "b": False}),
}


def test_transformations_are_distinguished(monkeypatch):
    lines = {name: describe(Optax(make())) for name, make in TRANSFORMATIONS.items()}
    assert len(set(lines.values())) == len(lines)
    assert all(line.isprintable() and len(line) < 90 for line in lines.values())
    again = {name: describe(Optax(make())) for name, make in TRANSFORMATIONS.items()}
    assert again == lines
    assert describe(MiniBatch(optax.adam(0.1))) != lines["adam"]
    monkeypatch.setitem(globals(), "RATE", 0.25)
    assert describe(Optax(optax.sgd(schedule))) != lines["a name of the module"]


def test_a_line_is_the_same_in_every_process():
    """However its hashes fall, by which sets and addresses are in another order."""
    code = (
        "import sys, checkpoint.test_binding as t\n"
        "print([t.describe(t.Optax(make())) for make in t.TRANSFORMATIONS.values()], "
        "t.describe(frozenset('abcdef')), t.identify(t.mixed(t.COUNTS), 'float32').line)"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    lines = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert lines[0] == lines[1] and "Optax of digest" in lines[0]


def test_another_transformation_finds_nothing(tmp_path):
    given = {**FIT, "steps": 3, "tolerance": 0}
    fit(**{**given, "solver": Optax(optax.adam(0.1))}, checkpoint=Checkpoint(tmp_path))
    other = {**given, "solver": Optax(optax.adam(0.2))}
    refused(lambda **more: fit(**other, **more), tmp_path, "solver")


DESCRIBED = {
    "numbers": (L2(1), L2(1.0), L2(np.float64(1))),
    "lists": (tuple(range(30)), tuple(float(i) for i in range(30))),
    "mappings": ({0: 1.0, 1: 2}, {1: 2.0, 0: 1}),
}
APART = {
    "classes": (L2(0.1), L1(0.1), ElasticNet(0.1, 0.0), L2(0.1, np.ones(3))),
    "dtypes": (np.zeros(20, "float32"), np.zeros(20), np.zeros((20, 1))),
    "texts": ("1", 1, True, None, "None"),
    "far along": (np.arange(5000.0), np.where(np.arange(5000) == 4000, 0, np.arange(5000.0))),
}


def test_what_is_alike_has_one_line_and_what_is_not_has_several():
    assert describe(L2(1)) == "L2(strength=1, factors=None)"
    for name in ("numbers", "mappings"):
        assert len({describe(value) for value in DESCRIBED[name]}) == 1, name
    for name, values in APART.items():
        assert len({describe(value) for value in values}) == len(values), name
