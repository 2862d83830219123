"""Annotations of arrays whose shapes nothing checks."""

from typing import Annotated, NamedTuple


class Dimensions(NamedTuple):
    """The names of the axes of an array, which `placement/axes.py` reads."""

    dim_str: str


class Shaped:
    """An array with the names of its axes: `Shaped[Array, "n m"]`."""

    def __class_getitem__(cls, item: tuple[object, str]) -> object:
        array, axes = item
        return Annotated[array, Dimensions(axes)]


Bool = Float = Integer = Num = Shaped
