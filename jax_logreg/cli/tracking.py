"""The trackers that a config can name; a new one is a class, and a row of TrackingConfig."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Literal

from jax_logreg.data import Section
from jax_logreg.errors.extras import needs
from jax_logreg.hosts import index
from jax_logreg.tracking import Tracked, Tracker, track

with needs("run"):
    from pydantic import Field, field_serializer


class TensorBoardConfig(Section):
    """Event files of TensorBoard, which `tensorboard --logdir FOLDER` shows."""

    kind: Literal["tensorboard"]
    folder: Path = Field(
        Path("tensorboard"),
        strict=False,
        description="The folder of the event files; each run has a folder of its name in it.",
    )

    @field_serializer("folder")
    def _absolute(self, folder: Path) -> str:
        return str(folder.absolute())

    def tracker(self, out: Path) -> Tracker:
        """Return the tracker of a run that writes to the folder `out`."""
        from jax_logreg.tracking.tensorboard import TensorBoardTracker

        return TensorBoardTracker(self.folder / out.name)


class MLflowConfig(Section):
    """A run of MLflow, with the name of the output folder."""

    kind: Literal["mlflow"]
    uri: str | None = Field(
        None,
        description="A server, or sqlite:///FILE; by default MLFLOW_TRACKING_URI, where a password "
        "belongs, else sqlite:///mlflow.db.",
    )
    experiment: str = Field("jax_logreg", description="The experiment of the run.")

    def tracker(self, out: Path) -> Tracker:
        """Return the tracker of a run that writes to the folder `out`."""
        from jax_logreg.tracking.mlflow import MLflowTracker

        return MLflowTracker(out.name, self.uri, self.experiment, key=str(out))


TrackingConfig = Annotated[TensorBoardConfig | MLflowConfig, Field(discriminator="kind")]


def tracked_run(
    tracking: TensorBoardConfig | MLflowConfig | None,
    settings: dict[str, object],
    partial: Path | None,
    notice: Callable[[str], None],
) -> AbstractContextManager[Tracked]:
    """Track the run that saves itself in `partial`; of several hosts only the first does.

    Raises:
        MissingExtra: the tracker's library is not installed.
    """
    tracker, resumed = None, False
    if tracking is not None and index() == 0:
        place = (partial or Path("run")).absolute()
        tracker = tracking.tracker(place.with_name(place.name.removesuffix(".partial")))
        resumed = any(place.glob("*.safetensors"))
    return track(tracker, settings, resumed=resumed, notice=notice)
