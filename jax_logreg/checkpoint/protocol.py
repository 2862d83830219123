"""The protocol between a run and its checkpoint: a state is saved, and restored after a kill."""

from typing import Protocol, Self, TypeVar

import numpy as np

from jax_logreg.errors.checks import check_methods


class State(Protocol):
    """The state of a run between two chunks: a pytree of all that it needs to resume.

    Its arrays have the shapes of an initial state's; an axis of length 0 there may grow.
    """

    @property
    def taken(self) -> int:
        """Steps so far."""

    @property
    def where(self) -> str:
        """Return how far the run is, in words."""

    @property
    def running(self) -> bool:
        """Return whether the run has not ended."""

    def packed(self) -> Self:
        """Return the state in as few arrays as an initial state has."""

    def check(self) -> None:
        """Refuse numbers that no run leaves (ValueError)."""


S = TypeVar("S", bound=State)


def check_checkpoint(checkpoint: object) -> None:
    """Refuse an object that lacks the methods of a checkpoint (InputError)."""
    methods = ("part", "of", "find", "restore", "save", "clear")
    check_methods("checkpoint", checkpoint, methods, "a jax_logreg.checkpoint.Checkpoint(folder)")


class Checkpointer(Protocol):
    """The saved states of a run, by which it resumes after a kill."""

    def part(self, name: str) -> "Checkpointer":
        """Return the checkpoint of a part of the run, beside those of the other parts."""

    def of(self, views: tuple[np.ndarray, ...] = (), **given: str) -> "Checkpointer":
        """Return the checkpoint of the problem of these lines alone; numbers of views may round."""

    def find(self, over_hosts: bool) -> bool:
        """Return whether states of this part are saved, over several hosts on any of them."""

    def restore(self, like: S) -> S | None:
        """Return the last whole state, in the shapes and places of the other, or None."""

    def save(self, state: State) -> None:
        """Save a state if it is time."""

    def clear(self) -> None:
        """Remove the states of this part: a later part makes them needless."""
