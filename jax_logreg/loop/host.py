"""The loop of the host, for one model, slots of many, or models in turn."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from jax_logreg.checkpoint.protocol import S, State

# How often a run continues because its answer, evaluated once more, misses the goal.
REPEATS = 3

_State = TypeVar("_State", bound=State, covariant=True)


class Driven(Protocol[_State]):
    """A run as the host drives it: chunks of steps, then a judgement of its answers."""

    @property
    def state(self) -> _State:
        """All that the run needs to resume."""

    @property
    def stepping(self) -> bool:
        """Return whether steps are to be taken before the answers are judged."""

    def advance(self) -> None:
        """Take a chunk of steps by a compiled program, and look at the state it returns."""

    def report(self) -> None:
        """Call the callback, if there is one, with the progress of the last chunk."""

    def continues(self) -> bool:
        """Judge the answers; return whether the run continues, as the goal is missed."""


def run_to_proof(run: Driven[S], save: Callable[[S], None] | None = None) -> S:
    """Return the last state of a run: its answers meet the goal by proof, or have no proof.

    Solvers move Z along with the parameters, so answers are judged by a Z of their own. Where they
    miss the goal, the run continues from there.
    """
    run_chunks(run, save)
    while run.continues():
        run_chunks(run, save)
    return run.state


def run_chunks(run: Driven[S], save: Callable[[S], None] | None = None) -> S:
    """Return the state in which the answers are to be judged; report and save after each chunk.

    A checkpoint's `save` decides whether it is time, and raises Stopped after a signal.
    """
    while run.stepping:
        run.advance()
        run.report()
        if save is not None:
            save(run.state)
    return run.state
