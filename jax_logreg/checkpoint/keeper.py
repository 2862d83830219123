"""What a run hands to what saves it between two looks, and takes back after a kill."""

from typing import Any, Protocol, Self, TypeVar

import numpy as np

from jax_logreg.errors.checks import check_methods


class State(Protocol):
    """Where a run is between two looks: a pytree of all that it needs to go on from there.

    Its arrays have the shapes of a fresh one's, but for an axis of length 0 there, which grows.
    """

    @property
    def taken(self) -> int:
        """Steps so far."""

    @property
    def where(self) -> str:
        """How far it is, in words."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""

    def packed(self) -> Self:
        """The same in as few arrays as a fresh one has."""

    def check(self) -> None:
        """Refuse numbers that no run leaves (ValueError)."""


S = TypeVar("S", bound=State)


def check_keeper(keeper: Any) -> None:
    """Refuse a checkpoint that is none (InputError)."""
    methods = ("part", "of", "find", "restore", "keep", "clear")
    check_methods("checkpoint", keeper, methods, "a jax_logreg.checkpoint.Checkpoint(folder)")


class Keeper(Protocol):
    """What keeps the states of a run, so that it can go on after a kill."""

    def part(self, name: str) -> "Keeper":
        """One for a part of the run, whose states are kept beside those of the others."""

    def of(self, views: tuple[np.ndarray, ...] = (), **given: str) -> "Keeper":
        """One for what these lines describe and no others; the numbers of views may round."""

    def find(self, over_hosts: bool) -> bool:
        """Whether states of this part are kept, over several hosts on any of them."""

    def restore(self, like: S) -> S | None:
        """The last state kept, in the shapes and places of the other; None where none is whole."""

    def keep(self, state: State) -> None:
        """Look at a state, and keep it where it is time."""

    def clear(self) -> None:
        """Forget what was kept of this part: a later one makes it needless."""
