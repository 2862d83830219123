import struct
import warnings

import numpy as np
import pytest

from jax_logreg import L2, GradientDescent, fit
from jax_logreg.checkpoint import Checkpoint
from jax_logreg.loop.progress import Progress
from jax_logreg.result import History
from jax_logreg.tracking import flat, track

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 40))
Y = (X[0] + rng.standard_normal(40) > 0).astype(int)
DESCENT = {"solver": GradientDescent(0.1), "steps": 250, "tolerance": 0, "penalty": L2(1e-2)}
DESCENT["gradient_check"] = 100


class Notes:
    """A tracker that remembers."""

    def __init__(self):
        self.began, self.steps, self.ended = [], [], []

    def begin(self, config, resumed):
        self.began.append((config, resumed))

    def log(self, step, values):
        self.steps.append((step, values))

    def end(self, status, summary):
        self.ended.append((status, summary))


def history_of(result):
    """The rows of the history as a tracker gets them."""
    return [
        {name: float(x) for name, x in zip(History._fields, row, strict=True) if np.isfinite(x)}
        for row in zip(*result.history, strict=True)
    ]


def test_the_rows_of_the_history_each_once():
    notes = Notes()
    with track(notes, {"a": {"b": 1, "c": [1, 2]}, "d": None}) as tracked:
        result = fit(X, Y, callback=tracked, **DESCENT)
        tracked.summary = {"cost": result.certificate.cost}
    assert notes.began == [({"a.b": 1, "a.c": "[1, 2]"}, False)]
    assert notes.steps == list(enumerate(history_of(result))) and len(notes.steps) == 250
    assert set(notes.steps[0][1]) == {"cost", "gradient_norm", "relative_gap", "gradient_error"}
    # The first step is checked, the second is not.
    assert "gradient_error" not in notes.steps[1][1]
    assert notes.ended == [("finished", {"cost": result.certificate.cost})]


def test_refined_steps_are_counted_on():
    notes, shown = Notes(), []
    with track(notes) as tracked:

        def both(progress):
            tracked(progress)
            shown.append(progress)

        result = fit(X, Y, penalty=L2(1e-2), refine=True, callback=both)
    assert notes.steps == list(enumerate(history_of(result)))
    assert shown[-1].step == result.steps and {one.steps for one in shown} == {1000}


def test_undone_steps_are_not_logged_again():
    notes, row = Notes(), np.ones((4, 3))
    with track(notes) as tracked:
        tracked(Progress(3, 9, 0, 0, History(*row)))
        tracked(Progress(5, 9, 0, 0, History(*row)))
    assert [step for step, _ in notes.steps] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("method", ["begin", "log", "end"])
def test_a_tracker_that_fails_is_left_out_of_the_run(method):
    class Broken(Notes):
        pass

    def fail(*_):
        raise OSError("no network\nat all")

    setattr(Broken, method, fail)
    notes, lines = Broken(), []
    with track(notes, notice=lines.append) as tracked:
        result = fit(X, Y, callback=tracked, **DESCENT)
    assert result.steps == 250
    assert lines == ["tracking failed, the run continues: OSError: no network"]
    assert method == "end" or not notes.ended


@pytest.mark.parametrize(
    ("raised", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "killed")]
)
def test_how_a_run_ended(raised, status):
    notes = Notes()
    with pytest.raises(raised), track(notes):
        raise raised
    assert notes.ended == [(status, {})]


def test_without_a_tracker():
    with track(None) as tracked:
        tracked(Progress(1, 1, 0, 0, History(*np.ones((4, 1)))))


def test_flat():
    assert flat({"a": {"b": {"c": 1}}, "d": (1,), "e": None, "f": "x"}) == {
        "a.b.c": 1,
        "d": "[1]",
        "f": "x",
    }


def interrupted_and_resumed(make, folder):
    """A run that ends between two saves, and the same resumed; the history it comes to."""

    class Killed(BaseException):
        pass

    def die(progress):
        if progress.step >= 200:
            raise Killed

    checkpoint = Checkpoint(folder, steps=100)
    with pytest.raises(Killed), track(make(), {"steps": 250}) as tracked:

        def both(progress):
            tracked(progress)
            die(progress)

        fit(X, Y, callback=both, checkpoint=checkpoint, **DESCENT)
    with track(make(), {"steps": 250}, resumed=True) as tracked:
        result = fit(X, Y, callback=tracked, checkpoint=Checkpoint(folder, steps=100), **DESCENT)
        tracked.summary = {"final": 1.5, "status": "converged"}
    return history_of(result)


def events_of(folder):
    """TensorBoard's events, less what a later session discards."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("events*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            if event.session_log.status == 1:
                found = [one for one in found if one.step < event.step]
            found.append(event)
    return found


def curve(events, name):
    return [
        (event.step, value.simple_value)
        for event in events
        for value in event.summary.value
        if value.tag == name
    ]


def test_tensorboard_reads_a_resumed_run_as_one(tmp_path):
    from jax_logreg.tracking.tensorboard import TensorBoardTracker

    board = tmp_path / "board"
    history = interrupted_and_resumed(lambda: TensorBoardTracker(board), tmp_path / "saved")
    events = events_of(board)
    for name in ("cost", "gradient_norm", "relative_gap"):
        expected = [np.float32(row[name]) for row in history]
        assert curve(events, name) == list(enumerate(expected))
    assert curve(events, "final/final") == [(0, 1.5)]
    texts = [
        v.tensor.string_val[0].decode()
        for e in events
        for v in e.summary.value
        if v.tensor.string_val
    ]
    assert any("| steps | 250 |" in text for text in texts)
    assert any("| run | finished |" in text and "| status | converged |" in text for text in texts)


def test_tensorboard_of_a_run_started_over(tmp_path):
    from jax_logreg.tracking.tensorboard import TensorBoardTracker

    for cost in (1.0, 2.0):
        with track(TensorBoardTracker(tmp_path)) as tracked:
            tracked(Progress(3, 3, 0, 0, History(*np.full((4, 3), cost))))
        # The names of the files hold the second in which they start.
        (only,) = tmp_path.glob("events*[!r]")
        only.rename(tmp_path / f"events.{cost}.r")
    # One that fails before its first step discards nothing.
    with pytest.raises(ValueError), track(TensorBoardTracker(tmp_path)):
        raise ValueError
    assert curve(events_of(tmp_path), "cost") == [(0, 2.0), (1, 2.0), (2, 2.0)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The URI of a database, and MLflow's client of it."""
    pytest.importorskip("mlflow", reason="needs the [mlflow] extra")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        # MLflow's own, of SQLAlchemy.
        warnings.filterwarnings("ignore", "The ``noload``")
        from mlflow import MlflowClient

        folder = tmp_path_factory.mktemp("mlflow")
        patch.chdir(folder)
        uri = f"sqlite:///{folder}/mlflow.db"
        client = MlflowClient(uri)
        client.search_experiments()
        yield uri, client
    assert [path.name for path in folder.iterdir()] == ["mlflow.db"]


def runs_of(store, name):
    """The runs of that name, the newest first."""
    client = store[1]
    number = client.get_experiment_by_name("jax_logreg").experiment_id
    return [run for run in client.search_runs([number]) if run.info.run_name == name]


def points(store, run, name):
    logged = store[1].get_metric_history(run.info.run_id, name)
    return [(one.step, one.value) for one in logged]


def test_mlflow_reads_a_resumed_run_as_one(store, tmp_path):
    from jax_logreg.tracking.mlflow import MLflowTracker

    history = interrupted_and_resumed(lambda: MLflowTracker("one", store[0]), tmp_path)
    (run,) = runs_of(store, "one")
    assert run.info.status == "FINISHED" and run.data.params == {"steps": "250"}
    assert run.data.metrics["final.final"] == 1.5 and run.data.tags["status"] == "converged"
    for name in ("cost", "gradient_norm"):
        assert points(store, run, name) == list(enumerate(row[name] for row in history))


def test_runs_of_mlflow_started_over_and_how_they_ended(store):
    from jax_logreg.tracking.mlflow import MLflowTracker

    for raised in (KeyboardInterrupt, ValueError):
        with pytest.raises(raised), track(MLflowTracker("two", store[0])):
            raise raised
    assert [run.info.status for run in runs_of(store, "two")] == ["FAILED", "KILLED"]


def test_rows_lost_on_the_way_to_mlflow_are_logged_when_the_run_resumes(store):
    from jax_logreg.tracking.mlflow import MLflowTracker

    first = MLflowTracker("three", store[0])
    first.begin({}, False)
    # A kill -9 before anything but the first step was sent.
    first.log(0, {"cost": 0.0})
    first._send()
    first.log(1, {"cost": 1.0})
    with track(MLflowTracker("three", store[0]), resumed=True) as tracked:
        tracked(Progress(2, 4, 0, 0, History(*np.array([[0.0, 1.0]] * 4))))
        tracked(Progress(4, 4, 0, 0, History(*np.array([[2.0, 3.0]] * 4))))
    (run,) = runs_of(store, "three")
    assert points(store, run, "cost") == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
