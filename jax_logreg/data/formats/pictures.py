"""Pictures in a folder, a sub-folder a class."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from jax_logreg.data.examples import Part, label_values, numbered
from jax_logreg.data.formats.data_file import DataFile
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import check_room

if TYPE_CHECKING:
    from PIL.Image import Image

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
# Pillow may try no other: reading PostScript runs a program.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
# Files that file managers, notebooks and archives leave beside pictures.
_HIDDEN = {"__macosx", "thumbs.db", "desktop.ini"}
# If no value of 16 bits reaches this, the upper 8 bits hold less than 16 levels.
_DARK = 2**12


class PictureFolder(DataFile):
    """Pictures as RGB, flattened to height x width x 3 values of 0..255 each.

    They are read in the order of their names; the sub-folders name the labels that are wanted.
    Hidden files and folders are left out. Of 16 bits the upper 8 are read. A picture that lies on
    its side by EXIF is read upright.
    """

    by_rows = False
    divisor = 255.0
    in_pieces: ClassVar[bool] = False

    def example(self, i: int) -> str:
        return f"example {i} ({self.files[i]})"

    def _look(self, features: Sequence[str] | None) -> None:
        path, labelled, pixels = self.path, self.labelled, self.names.pixels
        self._found, self._left = _find(path, labelled)
        if not self._found:
            expected = "sub-folders, one a class, of pictures" if labelled else "pictures"
            left = f"; {self._left[0].removeprefix(f'{path}: ')}" if self._left else ""
            raise InputError(
                f"{path} holds no pictures: expected {expected} "
                f"({', '.join(sorted(_SUFFIXES))}){left}"
            )
        count = len(self._found)
        if pixels is not None:
            check_room(f"pictures of {pixels} x {pixels} pixels", 3 * pixels**2 * count)
        self._first_picture = _picture(path / self._found[0], pixels, _Seen())
        size = self._first_picture.size
        check_room(f"{path}: {count} pictures of {size} numbers", size * count)
        self.picture, self.dtype = self._first_picture.shape, np.dtype(np.uint8)
        self.features, self.length = numbered(size), count
        self.files = tuple(file.as_posix() for file in self._found)
        if labelled:
            self.labels = label_values(np.array([file.parent.name for file in self._found]))

    def first_pass(self, size: int | None, part: Part | None = None) -> Iterator[np.ndarray]:
        seen = _Seen()
        yield from self._pieces(0, size or self.length, seen)
        if self.labelled and 0 < seen.brightest < _DARK:
            raise InputError(
                f"{self.path}: pictures of 16 bits hold values up to {seen.brightest} of 65535, "
                f"and their upper 8 bits {seen.brightest // 256 + 1} levels: expected the full "
                "range: save them with 8 bits"
            )
        self.notes = self._left + seen.notes(self.path)

    def later_pass(self, first: int, size: int) -> Iterator[np.ndarray]:
        return self._pieces(first, size, _Seen())

    def _pieces(self, first: int, size: int, seen: "_Seen") -> Iterator[np.ndarray]:
        shape = self._first_picture.shape
        for start in range(first, self.length, size):
            files = self._found[start : start + size]
            X = np.empty((self._first_picture.size, len(files)), np.uint8)
            for i, file in enumerate(files):
                picture = _picture(self.path / file, self.names.pixels, seen)
                if picture.shape != shape:
                    raise InputError(
                        f"{self.path / file} is {picture.shape[1]} x {picture.shape[0]} pixels: "
                        f"expected {shape[1]} x {shape[0]}, as {self.path / self._found[0]} is: "
                        "resize all with data.pixels=64"
                    )
                X[:, i] = picture.ravel()
            yield X


class _Seen:
    """The oddities of pictures, counted for notes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.brightest = 0

    def notes(self, path: Path) -> tuple[str, ...]:
        return tuple(f"{path}: of {count} {what}." for what, count in self.counts.items())


def _find(path: Path, labelled: bool) -> tuple[list[Path], tuple[str, ...]]:
    """Return the pictures, relative to the folder and in order, and notes on files left out."""
    files: list[Path] = []
    hidden, misplaced, others = [], [], []
    for file in sorted(_walk(path)):
        parts = file.parts
        if any(_is_hidden(part) for part in parts):
            hidden.append(file)
        elif file.suffix.lower() not in _SUFFIXES:
            others.append(file)
        elif labelled and len(parts) != 2:
            misplaced.append(file)
        else:
            files.append(file)
    said = {
        "hidden files": hidden,
        "pictures in no sub-folder that is a class": misplaced,
        "files that are no pictures by their suffix": others,
    }
    notes = tuple(
        f"{path}: left out: {what} ({len(left)}, such as {left[0].as_posix()})."
        for what, left in said.items()
        if left
    )
    return files, notes


def _walk(path: Path) -> Iterator[Path]:
    # The first pattern does not follow links to folders; a class may be one.
    found = {*path.glob("**/*"), *path.glob("*/*")}
    return (file.relative_to(path) for file in found if file.is_file())


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _HIDDEN


def _picture(path: Path, pixels: int | None, seen: _Seen) -> np.ndarray:
    with needs("run"):
        from PIL import Image
    try:
        with warnings.catch_warnings():
            # A few damaged bytes can claim a size that takes minutes and all memory to decode.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
        with image:
            colours = _colours(path, _upright(image, seen), seen)
            return np.asarray(colours.resize((pixels, pixels)) if pixels else colours)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise
    # A damaged picture makes its decoder raise nearly anything.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is damaged, or no picture: {reason}") from None


def _upright(image: "Image", seen: _Seen) -> "Image":
    """Return the picture turned by its EXIF orientation."""
    from PIL import ExifTags, ImageOps

    orientation = None
    # Where the notes of a camera are damaged, the picture may still be whole.
    with suppress(Exception):
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    if orientation not in range(2, 9):
        return image
    seen.counts["pictures that lie on their side or mirrored, as EXIF says, are read upright"] += 1
    return ImageOps.exif_transpose(image)


def _colours(path: Path, image: "Image", seen: _Seen) -> "Image":
    """Return the picture in RGB, and count in `seen` what is lost by that."""
    if getattr(image, "is_animated", False):
        seen.counts["pictures that have several frames the first is read"] += 1
    mode = image.mode
    if mode.startswith("I;16") or (mode == "I" and image.format == "PNG"):
        # Pillow clips values above 255.
        image = _upper_bits(image, seen)
    elif mode.startswith(("I", "F")):
        kind = "floating-point numbers" if mode == "F" else "integers of 32 bits"
        raise InputError(
            f"{path} holds {kind}, whose range is unknown: expected 8 or 16 bits: scale them to "
            "0..255, or save the numbers as a .npy with a row for each example"
        )
    elif image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        seen.counts["pictures that are transparent in parts the colours are read as opaque"] += 1
    return image.convert("RGB")


def _upper_bits(image: "Image", seen: _Seen) -> "Image":
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    seen.brightest = max(seen.brightest, int(values.max(initial=0)))
    seen.counts["greyscale pictures of 16 bits the upper 8 bits are read"] += 1
    return Image.fromarray((values >> 8).astype(np.uint8))
