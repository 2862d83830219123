"""A sweep that was stopped, or killed, resumes to the same bits."""

import hashlib
import itertools
import json

import jax
import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, Proximal
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.sweep import bootstrap, cross_validate, driver, fit_many, path

X = (COUNTS - 1) / 1.2
Y = FAMILIES["binomial"]
STRENGTHS = np.array([1.0, 0.1, 1e-2, 1e-3, 1e-4])
ROWS = np.random.default_rng(3).integers(0, 4, (5, X.shape[1])).astype(float)
ROWS[:, :12] = 1
RIDGE = {"penalty": L2(STRENGTHS), "s": ROWS, "tolerance": 1e-6}
# Three slots, so that models wait for one.
FEW = {"memory": 16e3}


def ridge(**given):
    return fit_many(X, Y, **{**RIDGE, **FEW, **given})


SWEEPS = {
    "weights and a preconditioner": ridge,
    "L1": lambda **given: fit_many(X, Y, penalty=L1(STRENGTHS), tolerance=1e-6, **FEW, **given),
    "devices": lambda **given: fit_many(X, Y, **RIDGE, devices="all", **given),
    "folds": lambda **given: cross_validate(X, Y, strengths=2, folds=2, **FEW, **given),
    "resamples": lambda **given: bootstrap(
        X, Y, resamples=3, penalty=L2(1e-3), tolerance=1e-6, **FEW, **given
    ),
}
LONG = ("L1", "resamples")


def same(one, other):
    """Every bit of two results alike."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def one_look(sweep, folder, **given):
    """Run until the next look, there as by a signal; what there is where it came to its end."""
    checkpoint = Checkpoint(folder, steps=1)
    checkpoint.stop(15)
    try:
        return sweep(checkpoint=checkpoint, **given)
    except Stopped as stopped:
        assert stopped.signal == 15
        return None


def in_many_lives(sweep, folder, **given):
    lives = (one_look(sweep, folder, **given) for _ in range(200))
    ended = list(itertools.takewhile(lambda found: found is None, lives))
    assert len(ended) > 2
    return sweep(checkpoint=Checkpoint(folder), **given)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in SWEEPS]
)
def test_going_on_at_every_look_leads_to_the_same_bits(name, tmp_path):
    same(in_many_lives(SWEEPS[name], tmp_path), SWEEPS[name]())


PATHS = {
    # From a working set of 2 features to one of 4, which has arrays of another shape.
    "a working set that grows": {"penalty": L1, "smallest": 0.1, "solver": Proximal(working_set=2)},
    "L2": {"penalty": L2, "tolerance": 1e-10, "dtype": "float64"},
}


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks of one step, so that models are saved on their way too."""
    monkeypatch.setattr("jax_logreg.loop.chunks._first_limit", lambda loop: 1)
    monkeypatch.setattr("jax_logreg.loop.chunks._CHUNK", 1)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_goes_on_in_the_midst_of_a_model_to_the_same_bits(name, tmp_path, short_chunks):
    def sweep(**given):
        return path(X, Y, strengths=4, **PATHS[name], **given)

    whole = sweep()
    lives = [one_look(sweep, tmp_path) for _ in range(int(whole.steps.sum()) - 1)]
    assert set(lives) == {None}
    assert (
        {"main"}
        <= {file.name.partition("-")[0] for file in tmp_path.iterdir()}
        <= {
            "main",
            "wider1",
        }
    )
    lines = []
    same(sweep(checkpoint=Checkpoint(tmp_path, notice=lines.append)), whole)
    assert len(lines) == 1 and lines[0].startswith("resuming from ") and " of 4 models" in lines[0]
    assert {file.name.partition("-")[0] for file in tmp_path.iterdir()} == {"answers"}
    # A finished sweep is not run again, whatever solver would.
    seen = []
    same(sweep(checkpoint=Checkpoint(tmp_path), callback=lambda *done: seen.append(done)), whole)
    assert not seen
    with pytest.raises(ValueError, match=r"'penalty = .* there"):
        path(
            X,
            Y,
            strengths=4,
            **PATHS[name] | {"penalty": L1(1.0, np.full(6, 2.0))},
            checkpoint=Checkpoint(tmp_path),
        )


def test_a_state_of_a_narrower_solver_serves_where_the_last_one_is_damaged(tmp_path, short_chunks):
    def sweep(**given):
        return path(X, Y, strengths=4, **PATHS["a working set that grows"], **given)

    whole = sweep()
    for _ in range(int(whole.steps.sum()) - 1):
        one_look(sweep, tmp_path)
    wider = [file for file in saved(tmp_path) if file.name.startswith("wider1-")]
    assert wider
    for file in wider:
        file.write_bytes(file.read_bytes()[:-9])
    lines = []
    same(sweep(checkpoint=Checkpoint(tmp_path, notice=lines.append)), whole)
    assert "is damaged" in lines[0] and "main-" in lines[-1]


def test_what_is_run_again_is_part_of_the_state(tmp_path, monkeypatch):
    monkeypatch.setattr("jax_logreg.proof.accuracy.met", lambda *_: False)
    settings = {"steps": 5, "tolerance": 0}
    same(in_many_lives(ridge, tmp_path, **settings), ridge(**settings))
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"answers"}


def test_what_has_ended_is_not_run_again(tmp_path, monkeypatch):
    first = ridge(checkpoint=Checkpoint(tmp_path))
    older, newer = saved(tmp_path)
    assert all(path.name.startswith("answers-") for path in (older, newer))
    newer.write_bytes(b"")
    monkeypatch.setattr(driver, "prepared", None)
    same(ridge(checkpoint=Checkpoint(tmp_path)), first)


def test_it_says_how_many_models_are_done(tmp_path):
    for _ in range(3):
        one_look(ridge, tmp_path)
    lines = []
    ridge(checkpoint=Checkpoint(tmp_path, notice=lines.append))
    (line,) = lines
    assert line.startswith("resuming from ") and " of 5 models, saved in " in line


def saved(folder):
    return sorted(folder.iterdir())


def test_a_damaged_state_is_passed_over(tmp_path):
    for _ in range(3):
        one_look(ridge, tmp_path)
    older, newer = saved(tmp_path)
    newer.write_bytes(newer.read_bytes()[:-9])
    lines = []
    found = ridge(checkpoint=Checkpoint(tmp_path, notice=lines.append))
    same(found, ridge())
    assert lines[0].startswith(f"{newer} is damaged") and str(older) in lines[1]


FORGED = {".held": 99, ".stage": 7, ".round": -1, ".looks": -1, ".answers.status": 77}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_state_whose_digest_fits_is_passed_over(name, tmp_path):
    one_look(ridge, tmp_path)
    (path,) = saved(tmp_path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    first = 8 + size + json.loads(content[8 : 8 + size])[name]["data_offsets"][0]
    # The first number of them, each of which has four bytes or eight, lowest first.
    wrong = int(FORGED[name]).to_bytes(4, "little", signed=True)
    width = 8 if name in (".round", ".looks") else 4
    wrong += bytes([wrong[-1] & 0xFF if FORGED[name] < 0 else 0]) * (width - 4)
    forged = content[:first] + wrong + content[first + width :]
    path.unlink()
    digest = hashlib.blake2b(forged, digest_size=16).hexdigest()
    path.with_name(f"main-000009-{digest}.safetensors").write_bytes(forged)
    lines = []
    same(ridge(checkpoint=Checkpoint(tmp_path, notice=lines.append)), ridge())
    assert len(lines) == 1 and "is damaged: " in lines[0] and lines[0].isprintable()


WRONG = {
    "strengths": ({"penalty": L2(STRENGTHS * 2)}, "'penalty = L2.* there and 'penalty = L2"),
    "penalty": ({"penalty": L1(STRENGTHS)}, "'penalty = L2.* there and 'penalty = L1"),
    "weights": ({"s": ROWS[::-1]}, "'s = float64 of shape .* there and 's = float64 of shape"),
    "tolerance": ({"tolerance": 1e-3}, "'tolerance = 1e-06' there and 'tolerance = 0.001' here"),
    "dtype": (
        {"dtype": "float64", "memory": 1e9},
        "'dtype = float32' there and 'dtype = float64' here",
    ),
    "slots": ({"memory": 1e9}, "another solver or shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_belongs_to_another_sweep_is_refused(name, tmp_path):
    one_look(ridge, tmp_path)
    changed, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        ridge(checkpoint=Checkpoint(tmp_path), **changed)
    assert "\n" not in str(caught.value)


def test_other_labels_and_data_are_refused(tmp_path):
    one_look(ridge, tmp_path)
    for message, data in {"'Y = ": (X, 1 - Y), "'X = ": (2 * X, Y)}.items():
        with pytest.raises(ValueError, match=message):
            fit_many(*data, **RIDGE, **FEW, checkpoint=Checkpoint(tmp_path))


def test_other_folds_are_refused(tmp_path):
    """Another seed draws other folds, with as many of each class."""
    folds = SWEEPS["folds"]
    one_look(folds, tmp_path)
    with pytest.raises(ValueError, match="'weights = float"):
        folds(checkpoint=Checkpoint(tmp_path), seed=1)
    with pytest.raises(ValueError, match="'strengths = 2' there and 'strengths = 3' here"):
        cross_validate(X, Y, strengths=3, folds=2, checkpoint=Checkpoint(tmp_path))
