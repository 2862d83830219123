"""One host loop drives one model, slots of many models, and models in turn."""

import numpy as np
import pytest
from cases import COUNTS, FAMILIES

from jax_logreg import L1, L2, GradientDescent, fit
from jax_logreg.checkpoint import Checkpoint, Stopped
from jax_logreg.loop import chunks, host
from jax_logreg.sweep import driver, fit_many, path

X, Y = (COUNTS - 1) / 1.2, FAMILIES["binomial"]


class Recorded:
    """A run of rounds, each of so many chunks, that writes down what the host asks of it."""

    def __init__(self, *rounds):
        self.rounds, self.said, self.chunks = list(rounds), [], 0

    @property
    def state(self):
        return self.chunks

    @property
    def stepping(self):
        return self.rounds[0] > 0

    def advance(self):
        self.said.append("advance")
        self.rounds[0] -= 1
        self.chunks += 1

    def report(self):
        self.said.append("report")

    def continues(self):
        self.said.append("judge")
        self.rounds.pop(0)
        return bool(self.rounds)

    def save(self, state):
        self.said.append(f"save {state}")


CHUNK = ["advance", "report"]


def test_each_chunk_is_reported_then_saved_and_each_round_judged():
    run = Recorded(2, 1)
    assert host.run_to_proof(run, run.save) == 3
    first, second, third = ([*CHUNK, f"save {i}"] for i in (1, 2, 3))
    assert run.said == [*first, *second, "judge", *third, "judge"]


def test_a_run_that_has_ended_is_judged_alone():
    run = Recorded(0, 0, 1)
    host.run_to_proof(run)
    assert run.said == ["judge", "judge", *CHUNK, "judge"]


def test_chunks_alone_are_not_judged():
    run = Recorded(2)
    assert host.run_chunks(run) == 2
    assert run.said == 2 * CHUNK


def test_a_run_stops_where_its_state_is_saved():
    run = Recorded(3)

    def save(state):
        run.save(state)
        if state == 2:
            raise Stopped(15, 2, "step 2")

    with pytest.raises(Stopped):
        host.run_to_proof(run, save)
    assert run.said == [*CHUNK, "save 1", *CHUNK, "save 2"]


KINDS = {
    "one model": lambda **given: fit(X, Y, penalty=L2(1e-2), executor="xla", **given),
    "slots": lambda **given: fit_many(X, Y, penalty=L2(np.array([1.0, 1e-2])), **given),
    "in turn": lambda **given: path(X, Y, penalty=L1, strengths=2, **given),
}


@pytest.mark.parametrize("name", KINDS)
def test_no_chunk_runs_and_nothing_is_saved_but_in_the_one_loop(name, tmp_path, monkeypatch):
    """The programs of chunks are called by `advance` alone, and each chunk is saved once."""
    inside, programs, advanced, saved = [], [], [], []

    def watched(program):
        def call(*arguments, **named):
            assert inside
            # A run of no step gives the certificate of another that has ended.
            if arguments[0].steps:
                programs.append(program)
            return program(*arguments, **named)

        return call

    def run_chunks(run, save=None, run_chunks=host.run_chunks):
        advance = run.advance

        def seen():
            inside.append(True)
            advance()
            advanced.append(inside.pop())

        run.advance = seen
        try:
            return run_chunks(run, save)
        finally:
            del run.advance

    def save(checkpoint, state, save=Checkpoint.save):
        assert not inside
        saved.append(checkpoint._part)
        save(checkpoint, state)

    monkeypatch.setattr(host, "run_chunks", run_chunks)
    monkeypatch.setattr(chunks, "_chunk", watched(chunks._chunk))
    monkeypatch.setattr(driver, "advance_each", watched(driver.advance_each))
    monkeypatch.setattr(Checkpoint, "save", save)
    KINDS[name](checkpoint=Checkpoint(tmp_path))
    of_answers = 0 if name == "one model" else 2
    assert len(programs) == len(advanced) > 0
    assert len(saved) == len(advanced) + of_answers
    assert saved.count("answers") == of_answers


def test_a_slow_callback_is_not_called_more_often(monkeypatch):
    """Chunks are shortened where their own steps are slow, not where others take the time."""
    now = [0.0]
    monkeypatch.setattr(chunks.time, "perf_counter", lambda: now[0])

    def called(seconds):
        seen = []

        def callback(progress):
            seen.append(progress.step)
            now[0] += seconds

        settings = {"solver": GradientDescent(0.1), "steps": 800, "tolerance": 0}
        fit(X, Y, callback=callback, **settings)
        return seen

    assert called(10.0) == called(0.0)
