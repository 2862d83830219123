"""Pictures in a folder, a sub-folder a class."""

import warnings
from pathlib import Path

import numpy as np

from jax_logreg.data.examples import Examples, label_values, numbered
from jax_logreg.errors import InputError
from jax_logreg.extras import needs
from jax_logreg.memory import check_room

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
# Others are never tried: to read PostScript is to run a program.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


def read_pictures(path: Path, pixels: int | None, labelled: bool) -> Examples:
    """Pictures as RGB, flattened to height x width x 3 values of 0..255 each.

    They are read in the order of their names; where labels are needed, the sub-folders name them.
    """
    pattern = "*/*" if labelled else "**/*"
    named = (file for file in path.glob(pattern) if file.suffix.lower() in _SUFFIXES)
    files = sorted(file for file in named if file.is_file())
    if not files:
        expected = "sub-folders, one a class, of pictures" if labelled else "pictures"
        raise InputError(f"{path} holds no pictures: expected {expected} ({', '.join(_SUFFIXES)})")
    if pixels is not None:
        check_room(f"pictures of {pixels} x {pixels} pixels", 3 * pixels**2 * len(files))
    first = _picture(files[0], pixels)
    check_room(f"{path}: {len(files)} pictures of {first.size} numbers", first.size * len(files))
    X = np.empty((first.size, len(files)), np.uint8)
    for i, file in enumerate(files):
        picture = _picture(file, pixels)
        if picture.shape != first.shape:
            raise InputError(
                f"{file} is {picture.shape[1]} x {picture.shape[0]} pixels, {files[0]} "
                f"{first.shape[1]} x {first.shape[0]}: resize all with data.pixels=64"
            )
        X[:, i] = picture.ravel()
    labels = np.array([file.parent.name for file in files])
    examples = Examples(X, label_values(labels), numbered(len(X)), str(path), divisor=255.0)
    return examples._replace(picture=first.shape)


def _picture(path: Path, pixels: int | None) -> np.ndarray:
    with needs("run"):
        from PIL import Image
    try:
        with warnings.catch_warnings():
            # A few damaged bytes can claim a size that takes minutes and all memory to decode.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
        with image:
            colours = image.convert("RGB")
            return np.asarray(colours.resize((pixels, pixels)) if pixels else colours)
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except MemoryError:
        raise
    # A damaged picture makes its decoder raise nearly anything.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is damaged, or no picture: {reason}") from None
