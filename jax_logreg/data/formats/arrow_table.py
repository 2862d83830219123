"""Arrow IPC files and streams, read one record batch at a time."""

from typing import TYPE_CHECKING

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.batches import after, arrow, cut
from jax_logreg.data.formats.table_file import TableFile
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from pyarrow import (
        NativeFile,
        RecordBatch,
        RecordBatchFileReader,
        RecordBatchReader,
        Schema,
        Table,
    )

    from jax_logreg.data.formats.batches import Batches


class ArrowTable(TableFile):
    """An Arrow IPC file or stream."""

    def read_schema(self) -> "Schema":
        with arrow().OSFile(str(self.path)) as file:
            return _ipc(file).schema

    def _table(self, columns: list[str], part: Part | None) -> "tuple[Table, int]":
        batches, held = [], 0
        for batch in self.batches(columns, 0, 2**31):
            batches.append(batch)
            held += batch.nbytes
            # A file declares no number of rows; X is as large as the batches.
            check_room(f"{self.path} of {held} bytes and more", 2 * held)
        return self._those(self._joined(columns, batches), part)

    def batches(self, columns: list[str], first: int, size: int) -> "Batches":
        with arrow().OSFile(str(self.path)) as file:
            found = _ipc(file)
            batches = found
            if hasattr(found, "get_batch"):
                batches = (found.get_batch(i) for i in range(found.num_record_batches))
            checked = (_checked(batch.select(columns)) for batch in batches)
            yield from after(cut(checked, size), first)


def _checked(batch: "RecordBatch") -> "RecordBatch":
    """Return the batch once its lengths and places are within its buffers."""
    # Arrow trusts a file, and would read beyond them.
    batch.validate(full=True)
    return batch


def _ipc(file: "NativeFile") -> "RecordBatchFileReader | RecordBatchReader":
    beginning = file.read(8)
    file.seek(0)
    if beginning.startswith(b"ARROW1"):
        return arrow().ipc.open_file(file)
    # The size of the schema, which Arrow allocates; a mark comes before it from Arrow 0.15 on.
    size = int.from_bytes(beginning.removeprefix(b"\xff" * 4)[:4], "little")
    if size > file.size():
        raise ValueError(f"it declares a schema of {size} bytes, and has {file.size()}")
    return arrow().ipc.open_stream(file)
