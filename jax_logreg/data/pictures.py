"""Pictures in a folder, a sub-folder a class."""

import warnings
from pathlib import Path

import numpy as np

from jax_logreg.data.examples import Examples
from jax_logreg.errors import InputError
from jax_logreg.extras import needs

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def read_pictures(path: Path, pixels: int | None, labelled: bool) -> Examples:
    """Pictures as RGB, flattened to height x width x 3 values of 0..255 each.

    They are read in the order of their names; where labels are needed, the sub-folders name them.
    """
    pattern = "*/*" if labelled else "**/*"
    files = sorted(file for file in path.glob(pattern) if file.suffix.lower() in _SUFFIXES)
    if not files:
        expected = "sub-folders, one a class, of pictures" if labelled else "pictures"
        raise InputError(f"{path} holds no pictures: expected {expected} ({', '.join(_SUFFIXES)})")
    first = _picture(files[0], pixels)
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
    features = tuple(f"x{i}" for i in range(len(X)))
    return Examples(X, labels, features, str(path), divisor=255.0)


def _picture(path: Path, pixels: int | None) -> np.ndarray:
    with needs("run"):
        from PIL import Image
    try:
        with warnings.catch_warnings():
            # A few damaged bytes can claim a size that takes minutes and all memory to decode.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            colours = image.convert("RGB")
            return np.asarray(colours.resize((pixels, pixels)) if pixels else colours)
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    # A damaged picture makes its decoder raise nearly anything.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is damaged, or no picture: {reason}") from None
