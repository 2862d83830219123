"""Annotations of arrays without their shapes, which nothing checks."""


class Shaped:
    """An array: `Shaped[Array, "n m"]` is `Array`."""

    def __class_getitem__(cls, item: tuple[object, str]) -> object:
        return item[0]


Bool = Float = Integer = Num = Shaped
