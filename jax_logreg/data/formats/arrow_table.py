"""Arrow IPC files and streams, a record batch of which is held at a time."""

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.batches import Arrow, Batches, after, arrow, cut
from jax_logreg.data.formats.table_file import TableFile
from jax_logreg.placement.memory import check_room


class ArrowTable(TableFile):
    """An Arrow IPC file or stream."""

    def read_schema(self) -> Arrow:
        with arrow().OSFile(str(self.path)) as file:
            return _ipc(file).schema

    def _table(self, columns: list[str], part: Part | None) -> tuple[Arrow, int]:
        batches, held = [], 0
        for batch in self.batches(columns, 0, 2**31):
            batches.append(batch)
            held += batch.nbytes
            # Nothing before its batches says how many rows a file has; X is as large as they.
            check_room(f"{self.path} of {held} bytes and more", 2 * held)
        return self._those(self._joined(columns, batches), part)

    def batches(self, columns: list[str], first: int, size: int) -> Batches:
        with arrow().OSFile(str(self.path)) as file:
            found = _ipc(file)
            batches = found
            if hasattr(found, "get_batch"):
                batches = (found.get_batch(i) for i in range(found.num_record_batches))
            checked = (_checked(batch.select(columns)) for batch in batches)
            yield from after(cut(checked, size), first)


def _checked(batch: Arrow) -> Arrow:
    """The same, once its lengths and places are within its buffers: Arrow trusts what it reads."""
    batch.validate(full=True)
    return batch


def _ipc(file: Arrow) -> Arrow:
    beginning = file.read(8)
    file.seek(0)
    if beginning.startswith(b"ARROW1"):
        return arrow().ipc.open_file(file)
    # The size of the schema, behind a mark; files before Arrow 0.15 have none. It is allocated.
    size = int.from_bytes(beginning.removeprefix(b"\xff" * 4)[:4], "little")
    if size > file.size():
        raise ValueError(f"its schema is said to have {size} bytes")
    return arrow().ipc.open_stream(file)
