"""A run that was stopped, or killed, resumes to the same bits."""

import hashlib
import itertools
import json
import re

import jax
import numpy as np
import optax
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, LBFGS, GradientDescent, Newton, Optax, Proximal, Status, fit
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.checkpoint.saved import Saved, file_name, pack, read_saved
from jax_logreg.proof.gradient_check import check_gradients
from jax_logreg.solver.declared import declares

X = (COUNTS - 1) / 1.2
Y = FAMILIES["binomial"]
SOLVERS = {
    "gradient descent": (GradientDescent(0.1), {"steps": 350}),
    "optax": (Optax(optax.adam(0.01)), {"steps": 350, "penalty": L2(0.1)}),
    "LBFGS": (LBFGS(), {"penalty": L2(1e-3), "tolerance": 1e-9, "dtype": "float64"}),
    "Newton": (Newton(), {"penalty": L2(1e-3), "tolerance": 1e-9, "dtype": "float64"}),
    "devices": (LBFGS(), {"penalty": L2(1e-3), "tolerance": 1e-9, "devices": 3}),
    "Proximal": (Proximal(2), {"penalty": L1(1e-3), "tolerance": 1e-9, "dtype": "float64"}),
}


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks of one step, so that there is a point after each."""
    monkeypatch.setattr("jax_logreg.loop.chunks._first_limit", lambda loop: 1)
    monkeypatch.setattr("jax_logreg.loop.chunks._CHUNK", 1)


def stopped_at(step, folder, **arguments):
    """Run until that step, there as by a signal; whether it came so far."""
    checkpoint = Checkpoint(folder, steps=1)

    def stop(progress):
        if progress.step >= step:
            checkpoint.stop(15)

    try:
        fit(X, Y, callback=stop, checkpoint=checkpoint, **arguments)
    except Stopped as stopped:
        assert stopped.signal == 15 and stopped.step >= step
        return True
    return False


def same(one, other):
    """Every bit of two results alike, history and certificate too."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "executor"),
    [
        (name, executor)
        for name, (solver, settings) in SOLVERS.items()
        for executor in ("numpy", "xla")
        if executor == "xla" or (declares(solver, "in_numpy") and "devices" not in settings)
    ],
)
def test_resuming_leads_to_the_same_bits(name, executor, tmp_path, short_chunks):
    solver, settings = SOLVERS[name]
    settings = {"executor": executor, **settings}
    arguments = {"solver": solver, "tolerance": 0, "gradient_check": "every", **settings}
    whole = fit(X, Y, **arguments)
    for step in (1, 2, whole.steps // 2, whole.steps - 1):
        # Stopped once more at each step in turn: every life but the last ends after one chunk.
        assert stopped_at(step, tmp_path, **arguments) or step >= whole.steps - 1
    lines = []
    resumed = fit(X, Y, checkpoint=Checkpoint(tmp_path, notice=lines.append), **arguments)
    assert len(lines) == 1 and lines[0].startswith("resuming from step ")
    same(resumed, whole)


def test_a_state_of_an_earlier_version_is_resumed(tmp_path, short_chunks):
    """Earlier files name the preconditioner of L-BFGS otherwise."""
    arguments = {"solver": LBFGS(), "penalty": L2(1e-3), "tolerance": 1e-9, "dtype": "float64"}
    whole = fit(X, Y, **arguments)
    assert stopped_at(2, tmp_path, **arguments)
    path, *others = Checkpoint(tmp_path).saved()
    for other in others:
        other.unlink()
    saved = read_saved(path)
    arrays = {
        key.replace("preconditioned", "divided").replace("preconditioner", "metric"): array
        for key, array in saved.arrays.items()
    }
    assert len({key for key in arrays if "divided" in key or "metric" in key}) >= 7
    path.unlink()
    content = pack(Saved(arrays, saved.name))
    (tmp_path / file_name("main", 1, content)).write_bytes(content)
    lines = []
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path, notice=lines.append), **arguments), whole)
    assert len(lines) == 1 and "step 2" in lines[0]


def test_what_has_ended_is_not_run_again(tmp_path, monkeypatch):
    arguments = {"penalty": L2(0.1)}
    first = fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments)
    monkeypatch.setattr("jax_logreg.loop.chunks._chunk", None)
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments), first)


def test_a_resumed_run_computes_no_start(tmp_path, short_chunks, monkeypatch):
    """Neither the start's preconditioner nor its gradient check: they would be thrown away."""
    arguments = {"solver": LBFGS(), "penalty": L2(1e-3), "steps": 3, "gradient_check": 9}
    assert stopped_at(1, tmp_path, **arguments)

    def for_shapes(params, batch, family):
        assert isinstance(params.w, jax.core.Tracer)
        return check_gradients(params, batch, family)

    monkeypatch.setattr("jax_logreg.loop.driver.check_gradients", for_shapes)
    monkeypatch.setattr("jax_logreg.loop.initial.restart", None)
    assert fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments).steps == 3


def test_a_refined_run_is_found_again_in_either_part(tmp_path, short_chunks):
    arguments = {"penalty": L2(1e-4), "solver": LBFGS(), "refine": True, "tolerance": 1e-4}
    whole = fit(X, Y, **arguments)
    coarse = fit(X, Y, **{**arguments, "refine": False}).steps
    assert coarse < whole.steps
    assert stopped_at(1, tmp_path, **arguments)
    assert not list(tmp_path.glob("refined-*"))
    checkpoint = Checkpoint(tmp_path)

    def stop(progress):
        # The second part counts its steps on.
        if progress.step > coarse:
            checkpoint.stop(2)

    with pytest.raises(Stopped):
        fit(X, Y, callback=stop, checkpoint=checkpoint, **arguments)
    assert list(tmp_path.glob("refined-*"))
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments), whole)


def test_a_restart_is_part_of_the_state(tmp_path, short_chunks, monkeypatch):
    """Where a certificate computed once more misses the goal, the run continues, counted on."""
    monkeypatch.setattr("jax_logreg.proof.accuracy.met", lambda *_: False)
    arguments = {"penalty": L2(1e-3), "solver": LBFGS()}
    whole = fit(X, Y, **arguments)
    assert whole.status is Status.PRECISION_FLOOR
    for _ in range(50):
        if not stopped_at(0, tmp_path, **arguments):
            break
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments), whole)


def saved(folder):
    return sorted(folder.iterdir())


DAMAGE = {
    "cut short": lambda content, rng: content[: rng.integers(len(content))],
    "a bit flipped": lambda content, rng: flip(content, rng.integers(8 * len(content))),
    "empty": lambda content, rng: b"",
    "longer": lambda content, rng: content + b"\0",
}


def flip(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_passed_over(name, tmp_path, short_chunks, rng):
    arguments = {"solver": GradientDescent(0.1), "steps": 30, "tolerance": 0}
    whole = fit(X, Y, **arguments)
    assert stopped_at(10, tmp_path, **arguments)
    older, newer = saved(tmp_path)
    newer.write_bytes(DAMAGE[name](newer.read_bytes(), rng))
    lines = []
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path, notice=lines.append), **arguments), whole)
    assert lines[0].startswith(f"{newer} is damaged") and str(older) in lines[1]


def test_with_both_damaged_a_run_starts_over(tmp_path, short_chunks):
    arguments = {"solver": GradientDescent(0.1), "steps": 30, "tolerance": 0}
    assert stopped_at(10, tmp_path, **arguments)
    for path in saved(tmp_path):
        path.write_bytes(path.read_bytes()[:-1])
    lines = []
    resumed = fit(X, Y, checkpoint=Checkpoint(tmp_path, notice=lines.append), **arguments)
    same(resumed, fit(X, Y, **arguments))
    assert len(lines) == 2 and all("is damaged" in line for line in lines)


def odd(header, rest):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def number(header, rest, name, value):
    """The arrays with another number in the place of that name."""
    first, after = header[name]["data_offsets"]
    return rest[:first] + int(value).to_bytes(after - first, "little", signed=True) + rest[after:]


FORGED = {
    "no header": lambda header, rest: b"",
    "a list": lambda header, rest: odd([1], rest),
    "no tensors": lambda header, rest: odd({"__metadata__": header["__metadata__"]}, b""),
    "too little": lambda header, rest: odd(header, rest[:-1]),
    "other status": lambda header, rest: odd(header, number(header, rest, ".status", 77)),
    "steps below 0": lambda header, rest: odd(header, number(header, rest, ".step", -1)),
    "no name": lambda header, rest: odd(
        {**header, "__metadata__": {"format": header["__metadata__"]["format"]}}, rest
    ),
    "deep": lambda header, rest: (9999).to_bytes(8, "little") + b"[" * 9999,
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_whose_digest_fits_is_passed_over(name, tmp_path, short_chunks):
    arguments = {"solver": GradientDescent(0.1), "steps": 30, "tolerance": 0}
    assert stopped_at(10, tmp_path, **arguments)
    newer = saved(tmp_path)[-1]
    content = newer.read_bytes()
    size = int.from_bytes(content[:8], "little")
    forged = FORGED[name](json.loads(content[8 : 8 + size]), content[8 + size :])
    newer.unlink()
    digest = hashlib.blake2b(forged, digest_size=16).hexdigest()
    newer.with_name(f"main-999999-{digest}.safetensors").write_bytes(forged)
    lines = []
    fit(X, Y, checkpoint=Checkpoint(tmp_path, notice=lines.append), **arguments)
    assert "is damaged: " in lines[0] and str(newer.parent) in lines[1] and lines[0].isprintable()


def test_two_files_are_kept_and_nothing_else(tmp_path, short_chunks):
    arguments = {"solver": GradientDescent(0.1), "steps": 30, "tolerance": 0}
    fit(X, Y, checkpoint=Checkpoint(tmp_path, steps=1), **arguments)
    names = [path.name for path in saved(tmp_path)]
    assert len(names) == 2
    assert all(re.fullmatch(r"main-\d{6}-[0-9a-f]{32}\.safetensors", name) for name in names)


WRONG = {
    "settings": ({}, {"name": "steps = 2\nrate = 1"}, r"'rate = 0' there and 'rate = 1' here"),
    "solver": ({"solver": Newton()}, {}, "'solver = GradientDescent.* there and 'solver = Newton"),
    "data": ({"s": np.where(Y, 1, 9)}, {}, "'s = float64 of shape .* there and 's = "),
    "dtype": ({"dtype": "float64"}, {}, "'dtype = float32' there and 'dtype = float64' here"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_belongs_to_another_run_is_refused(name, tmp_path):
    arguments = {"solver": GradientDescent(0.1), "steps": 2, "tolerance": 0}
    given = {"name": "steps = 2\nrate = 0"}
    fit(X, Y, checkpoint=Checkpoint(tmp_path, **given), **arguments)
    changed, settings, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        checkpoint = Checkpoint(tmp_path, **{**given, **settings})
        fit(X, Y, checkpoint=checkpoint, **{**arguments, **changed})
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_what_was_there(tmp_path, short_chunks, monkeypatch):
    arguments = {"solver": GradientDescent(0.1), "steps": 30, "tolerance": 0}
    assert stopped_at(10, tmp_path, **arguments)
    before = {path: path.read_bytes() for path in saved(tmp_path)}

    def half(path, content):
        path.write_bytes(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("jax_logreg.checkpoint.saving.write_synced", half)
        message = r"cannot be written: No space left on device: .* is whole"
        with pytest.raises(ValueError, match=message):
            fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments)
    assert {path: path.read_bytes() for path in saved(tmp_path)} == before
    same(fit(X, Y, checkpoint=Checkpoint(tmp_path), **arguments), fit(X, Y, **arguments))


def test_saving_is_a_small_share_of_the_time(tmp_path, short_chunks, monkeypatch):
    """Where a save takes a second, the next is 100 seconds later, however short the interval."""
    now, saves = itertools.count(), []
    monkeypatch.setattr("jax_logreg.checkpoint.saving.time.monotonic", lambda: float(next(now)))
    checkpoint = Checkpoint(tmp_path, seconds=1e-3)
    save = checkpoint._save
    checkpoint._save = lambda *point: (saves.append(next(now)), save(*point))
    arguments = {"solver": GradientDescent(0.1), "steps": 500, "tolerance": 0}
    fit(X, Y, checkpoint=checkpoint, **arguments)
    gaps = np.diff(saves[:-1])
    assert gaps.size >= 2 and gaps.min() >= 100
