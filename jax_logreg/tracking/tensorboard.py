"""TensorBoard's event files, written without TensorBoard."""

import os
from collections.abc import Mapping
from pathlib import Path

from jax_logreg.errors.extras import needs
from jax_logreg.tracking import is_number

with needs("tensorboard"):
    from tensorboardX import SummaryWriter

_FLUSH = 5  # seconds


class TensorBoardTracker:
    """Curves of the history in a folder; `tensorboard --logdir` shows them."""

    def __init__(self, folder: Path | str) -> None:
        """Keep the folder, which is made with the first step."""
        self.folder = Path(folder)
        self._config: Mapping[str, object] = {}
        self._writer: SummaryWriter | None = None

    def begin(self, config: Mapping[str, object], resumed: bool) -> None:
        """Keep the settings."""
        self._config = config

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each curve; the first discards later points of an earlier run."""
        writer = self._open(step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    def end(self, status: str, summary: Mapping[str, object]) -> None:
        """Add the numbers of the summary under final/, its texts in a table, and close the file.

        A run without a step writes nothing: the folder may hold the curves of an earlier run.
        """
        writer = self._writer
        if writer is None:
            return
        for name, value in summary.items():
            if is_number(value):
                writer.add_scalar(f"final/{name}", value)
        texts = {name: value for name, value in summary.items() if not is_number(value)}
        writer.add_text("end", _table({"run": status, **texts}))
        writer.close()

    def _open(self, step: int) -> SummaryWriter:
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Files are named by the second, in which two processes may start.
            suffix = f".{os.getpid()}"
            self._writer = SummaryWriter(
                str(self.folder), purge_step=step, filename_suffix=suffix, flush_secs=_FLUSH
            )
            self._writer.add_text("config", _table(self._config), step)
        return self._writer


def _table(rows: Mapping[str, object]) -> str:
    """Return rows of two columns as a table in Markdown."""
    lines = (f"| {name} | {value} |" for name, value in rows.items())
    return "\n".join(["| | |", "| --- | --- |", *lines])
