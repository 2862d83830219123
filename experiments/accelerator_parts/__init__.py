"""The parts of experiments/accelerator.py: a module each, in order of value."""

from typing import NamedTuple

_HERE = "experiments.accelerator_parts"
# Enough for what the heart needs beside X with a thousand classes.
_ALMOST_ALL = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.92"}
# Other processes or libraries share the memory.
_AS_NEEDED = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


class Part(NamedTuple):
    """A part of the study: the module that runs it, in a process of its own, and its seconds."""

    name: str
    title: str
    module: str
    limit: float
    environment: dict[str, str]


PARTS = (
    Part("0", "The machine", f"{_HERE}.machine", 35, _AS_NEEDED),
    Part("1", "It works", f"{_HERE}.suite", 150, _AS_NEEDED),
    Part("2", "The lecture's step", f"{_HERE}.lecture", 85, _AS_NEEDED),
    Part("3", "A thousand classes", f"{_HERE}.classes", 85, _AS_NEEDED),
    Part("4", "To the optimum", f"{_HERE}.optima", 215, _AS_NEEDED),
    Part("5", "ImageNet's probe", f"{_HERE}.imagenet", 130, _ALMOST_ALL),
)
# Seconds of all parts together: their limits add up to less, and end below 12 minutes.
CLOCK = 710.0
LOWER = Part("lower", "Lowered for another platform", f"{_HERE}.lowering", 120, {})
