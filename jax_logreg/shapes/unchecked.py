"""Annotations of arrays whose shapes nothing checks."""

from functools import cache
from typing import Annotated, NamedTuple


class Dimensions(NamedTuple):
    """The names of the axes of an array, which `placement/axes.py` reads."""

    dim_str: str


class Shaped:
    """An array with the names of its axes: `Shaped[Array, "n m"]`."""

    def __class_getitem__(cls, item: tuple[object, str]) -> object:
        return _named(*item)


@cache
def _named(array: object, axes: str) -> object:
    # An inner function asks for its annotations at each call of the outer one.
    return Annotated[array, Dimensions(axes)]


Bool = Float = Integer = Num = Shaped
