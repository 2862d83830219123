import csv
import json
import sys

import pytest
from cli.command import QUICKSTART, command, refused
from tracking.test_tracking import curve, events_of

TENSORBOARD = ("--set", "tracking.kind=tensorboard", "--set", "tracking.folder={}")


def tracked(folder, *more):
    sets = [part.format(folder / "board") for part in TENSORBOARD]
    return ("run", QUICKSTART, "--out", folder / "one", *sets, *more)


def test_a_run_tells_tensorboard_its_history(tmp_path):
    assert command(*tracked(tmp_path)).code == 0
    with (tmp_path / "one" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    events = events_of(tmp_path / "board" / "one")
    for name in ("cost", "gradient_norm", "relative_gap", "gradient_error"):
        expected = [(i, pytest.approx(float(row[name]))) for i, row in enumerate(rows)]
        assert curve(events, name) == expected
    assert curve(events, "final/test_accuracy") and curve(events, "final/seconds.fit")
    config = (tmp_path / "one" / "config.toml").read_text()
    assert f'folder = "{tmp_path / "board"}"' in config


# MLflow's own, of SQLAlchemy.
@pytest.mark.filterwarnings("ignore:The ``noload``")
def test_a_run_tells_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="needs the [mlflow] extra")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    sets = ("--set", "tracking.kind=mlflow", "--set", f"tracking.uri={uri}")
    done = command("run", QUICKSTART, "--out", tmp_path / "one", *sets)
    assert done.code == 0 and "tracking failed" not in done.out
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("jax_logreg").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.run_name == "one" and run.info.status == "FINISHED"
    assert run.data.params["penalty.strength"] == "0.001"
    steps = json.loads((tmp_path / "one" / "result.json").read_text())["steps"]
    assert len(client.get_metric_history(run.info.run_id, "cost")) == steps
    # Data that cannot be used are a failed run.
    sets = (*sets, "--set", "data.positive=mild", "--force")
    assert "mild" in refused("run", QUICKSTART, "--out", tmp_path / "one", *sets)
    assert [one.info.status for one in client.search_runs([experiment])] == ["FAILED", "FINISHED"]


def test_a_tracker_that_fails_is_one_line_and_the_run_goes_on(tmp_path):
    sets = ("--set", "tracking.folder=/dev/null")
    done = command(*tracked(tmp_path), *sets)
    assert done.code == 0 and (tmp_path / "one" / "result.json").exists()
    assert done.out.count("tracking failed, the run continues: NotADirectoryError") == 1


def test_bad_input(tmp_path, monkeypatch):
    path = ("run", QUICKSTART, "--out", tmp_path / "one", "--set")
    line = refused(*path, "tracking.kind=wandb")
    assert "tracking.kind" in line and "tensorboard" in line
    assert "uri" in refused(*tracked(tmp_path), "--set", "tracking.uri=http://a")
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.delitem(sys.modules, "jax_logreg.tracking.tensorboard", raising=False)
    assert "pip install 'jax_logreg[tensorboard]'" in refused(*tracked(tmp_path))
    assert not list(tmp_path.iterdir())
