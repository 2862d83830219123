"""Arrays in NumPy's formats, which are never unpickled: .npy and .npz."""

import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import IO, ClassVar, NamedTuple

import numpy as np
from numpy.lib import format as npy

from jax_logreg.data.examples import Part
from jax_logreg.data.formats.array_file import ArrayFile, find_array, flat, rows_of
from jax_logreg.data.library_errors import library_errors
from jax_logreg.errors import InputError
from jax_logreg.placement.memory import check_room

# The packings of np.savez, and the bytes that one byte of each can stand for.
_PACKED = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class NpyArray(ArrayFile):
    """A .npy; its labels are in another beside it.

    It is read, not mapped: a mapped file that is cut short ends the process. Mapped pages also
    count as the process's memory.
    """

    def _look(self, features: Sequence[str] | None) -> None:
        self._beside = self.path.parent / self.names.labels.replace("*", self.path.stem)
        if self.labelled and not self._beside.is_file():
            raise InputError(
                f"{self.path} has no file of labels {self._beside.name} beside it: name that file "
                "with data.labels, or put X and Y into one .npz"
            )
        with self.path.open("rb") as file:
            header = _header(self.path, file, self.path.stat().st_size)
            self._offset = file.tell()
        # Stored feature by feature, as np.save stores the transpose of X (n, m).
        self.by_rows = not header.by_columns or self.whole
        self._describe("its array", header.shape, header.dtype)
        if not self.whole and self.features:
            self._keep()

    def _labels(self, part: Part | None) -> np.ndarray:
        with library_errors(self._beside), self._beside.open("rb") as file:
            return load_array(self._beside, file, self._beside.stat().st_size, part)

    def _array(self, part: Part | None) -> np.ndarray:
        with self.path.open("rb") as file:
            return load_array(self.path, file, self.path.stat().st_size, part)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        n = len(self.features)
        with self.path.open("rb", buffering=0) as file:
            for start in range(first, self.length, size):
                b = min(size, self.length - start)
                piece = np.empty((b, n) if self.by_rows else (n, b), self.dtype)
                runs = [(start * n, piece)]
                if not self.by_rows:
                    runs = [(i * self.length + start, row) for i, row in enumerate(piece)]
                for at, run in runs:
                    file.seek(self._offset + at * self.dtype.itemsize)
                    self._fill(file, run)
                yield piece

    def _fill(self, file: FileIO, run: np.ndarray) -> None:
        view = memoryview(run.data).cast("B")
        while len(view):
            got = file.readinto(view)
            if not got:
                raise InputError(
                    f"{self.path} ends before its last example: expected as many as it declares: "
                    "save it again"
                )
            view = view[got:]


class NpzArray(ArrayFile):
    """The arrays x, y and weights of a .npz, each packed as a whole."""

    in_pieces: ClassVar[bool] = False

    def _look(self, features: Sequence[str] | None) -> None:
        with _opened(self.path) as archive:
            self._name = find_array(self.path, archive.members, self.names.x, "x")
            header = archive.header(self._name)
        self._describe(f"array '{self._name}'", header.shape, header.dtype)

    def _labels(self, part: Part | None) -> np.ndarray:
        with _opened(self.path) as archive:
            return archive.load(find_array(self.path, archive.members, self.names.y, "y"))

    def _weights(self, part: Part | None) -> np.ndarray | None:
        if self.names.weights is None:
            return None
        name = self.names.weights
        with _opened(self.path) as archive:
            return archive.load(find_array(self.path, archive.members, name, "weights"))

    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        self._keep()
        with _opened(self.path) as archive:
            rows = flat(archive.load(self._name))
        for start in range(0, max(len(rows), 1), size or max(len(rows), 1)):
            yield rows[start : start + (size or len(rows))]

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        for piece in self.first_pass(None):
            for start in range(first, len(piece), size):
                yield piece[start : start + size]


def load_array(path: Path, file: IO[bytes], held: int, part: Part | None = None) -> np.ndarray:
    """Return an array in NumPy's format, never unpickled; `held` is the most bytes it can have.

    The rows of a part are read by a map of the file.
    """
    shape, _, dtype = _header(path, file, held)
    size = math.prod(shape) * dtype.itemsize
    check_room(f"{path}: {dtype} of shape {shape}", size if part is None else size // part.of)
    if part is not None:
        return rows_of(np.load(path, mmap_mode="r", allow_pickle=False), part)
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


class _Header(NamedTuple):
    """The shape, the order and the dtype that an array in NumPy's format declares."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype


def _header(path: Path, file: IO[bytes], held: int) -> _Header:
    """Return the header of an array; `held` is the most bytes that the array can have.

    Raises:
        InputError: an array of objects, or one that declares more bytes.
    """
    shape, by_columns, dtype = _HEADERS[npy.read_magic(file)](file)
    if dtype.hasobject:
        raise InputError(
            f"{path} holds pickled objects, which are never loaded: save plain numbers or text"
        )
    if math.prod(shape) * dtype.itemsize > held or min(shape, default=0) < 0:
        raise InputError(
            f"{path} is damaged: it declares {dtype} of shape {shape}, and has {held} bytes: save "
            "it again"
        )
    return _Header(shape, by_columns, dtype)


class _Archive:
    """The arrays of an open .npz, by name."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._path, self._file = path, file
        self.members = {one.filename.removesuffix(".npy"): one for one in file.infolist()}

    def header(self, name: str) -> _Header:
        held = self._held(name)
        with self._file.open(self.members[name]) as file:
            return _header(self._path, file, held)

    def load(self, name: str) -> np.ndarray:
        held = self._held(name)
        with self._file.open(self.members[name]) as file:
            return load_array(self._path, file, held)

    def _held(self, name: str) -> int:
        """Return the most bytes that an array can have, whatever it declares."""
        member = self.members[name]
        if member.compress_type not in _PACKED:
            raise InputError(
                f"{self._path}: '{name}' is packed by method {member.compress_type}: expected one "
                "of np.savez: save it again"
            )
        return min(member.file_size, _PACKED[member.compress_type] * member.compress_size)


@contextmanager
def _opened(path: Path) -> Iterator[_Archive]:
    with path.open("rb") as opened, zipfile.ZipFile(opened) as file:
        yield _Archive(path, file)
