"""MLflow: a run with parameters, metrics by step, and tags."""

import hashlib
import time
from collections.abc import Mapping

from jax_logreg.errors.extras import needs
from jax_logreg.tracking import is_number

with needs("mlflow"):
    import sqlalchemy  # noqa: F401
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

_TAG = "jax_logreg.cli"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
# The limits of a request, and seconds between two.
_METRICS, _OTHERS, _LONGEST, _WAIT = 1000, 100, 500, 1.0


class MLflowTracker:
    """A run of an MLflow server, or of a local database."""

    def __init__(
        self, name: str, uri: str | None = None, experiment: str = "jax_logreg", key: str = ""
    ) -> None:
        """Keep the place of the runs.

        Args:
            name: the name of the run in MLflow.
            uri: a server's, or sqlite:///FILE; by default MLFLOW_TRACKING_URI, else MLflow's own
                default, sqlite:///mlflow.db.
            experiment: the experiment of the run; made if it is missing.
            key: the text by which a resumed run is found again, its folder for example.
        """
        self.name, self.uri, self.experiment = name, uri, experiment
        self.key = hashlib.blake2b((key or name).encode(), digest_size=16).hexdigest()
        self._next, self._run, self._sent = 0, "", time.monotonic()
        self._waiting: list[Metric] = []
        # Made by `begin`, as it connects.
        self._client: MlflowClient

    def begin(self, config: Mapping[str, object], resumed: bool) -> None:
        """Make a run with the settings as parameters, or resume the newest of the same key."""
        self._client = client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(self.experiment)
        number = client.create_experiment(self.experiment) if found is None else found.experiment_id
        if resumed and self._resume(number):
            return
        tags = {_TAG: self.key}
        self._run = client.create_run(number, run_name=self.name, tags=tags).info.run_id
        params = [Param(key, str(value)[:_LONGEST]) for key, value in config.items()]
        for i in range(0, len(params), _OTHERS):
            client.log_batch(self._run, params=params[i : i + _OTHERS])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log a value of each metric; they are sent together, about once a second."""
        if step < self._next:
            # A resumed run has logged this before: its steps are the same to the bit.
            return
        now = int(1000 * time.time())
        self._waiting += [Metric(name, value, now, step) for name, value in values.items()]
        if len(self._waiting) > _METRICS // 2 or time.monotonic() - self._sent > _WAIT:
            self._send()

    def end(self, status: str, summary: Mapping[str, object]) -> None:
        """Log numbers of the summary as metrics `final.*`, its texts as tags, and the status."""
        self._send()
        now = int(1000 * time.time())
        numbers = {name: value for name, value in summary.items() if is_number(value)}
        metrics = [Metric(f"final.{name}", value, now, 0) for name, value in numbers.items()]
        tags = [
            RunTag(name, str(value)[:_LONGEST])
            for name, value in summary.items()
            if name not in numbers
        ]
        self._client.log_batch(self._run, metrics=metrics, tags=tags[:_OTHERS])
        self._client.set_terminated(self._run, _STATUS[status])

    def _resume(self, experiment: str) -> bool:
        """Return whether a run of this key was there to resume; its steps are not logged again."""
        query = f"tags.`{_TAG}` = '{self.key}'"
        order = ["attributes.start_time DESC"]
        runs = self._client.search_runs([experiment], query, max_results=1, order_by=order)
        if not runs:
            return False
        self._run = runs[0].info.run_id
        self._client.update_run(self._run, status="RUNNING")
        logged = self._client.get_metric_history(self._run, "cost")
        self._next = max((one.step + 1 for one in logged), default=0)
        return True

    def _send(self) -> None:
        if self._waiting:
            self._client.log_batch(self._run, metrics=self._waiting)
        self._waiting, self._sent = [], time.monotonic()
