"""The history of a run, logged to an experiment tracker while the run goes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeGuard

import numpy as np

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_callable, check_flag, check_methods
from jax_logreg.loop.progress import Progress


class Tracker(Protocol):
    """A logger of runs: TensorBoardTracker, MLflowTracker, or any class with these three methods.

    An exception of such a method is reported in a line, and the run continues without the tracker.
    """

    def begin(self, config: Mapping[str, object], resumed: bool) -> None:
        """Start the log of a run of these settings, keys with dots, or resume it."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values at the parameters before the update of that step, counted from 0.

        They are `cost`, `gradient_norm`, `relative_gap` and `gradient_error`; a value that is not
        finite is left out. Each step is logged once, in order; a resumed run logs all its steps
        again.
        """

    def end(self, status: str, summary: Mapping[str, object]) -> None:
        """End the log: "finished", "failed" or "killed", with numbers and texts of the result."""


class Tracked:
    """A callback of `fit` that logs the rows of the history to a tracker.

    `summary`, a mapping, is logged at the end.
    """

    def __init__(self, tracker: Tracker | None, notice: Callable[[str], None]) -> None:
        """Log nowhere without a tracker; `notice` is called with a line where a tracker fails."""
        self.summary: Mapping[str, object] = {}
        self._tracker, self._notice, self._next = tracker, notice, 0

    def __call__(self, progress: Progress) -> None:
        """Log the steps of a chunk."""
        first = progress.step - len(progress.rows.cost)
        for step, row in enumerate(zip(*progress.rows, strict=True), first):
            if step < self._next:
                # The step was undone, and taken again.
                continue
            self._next = step + 1
            named = zip(progress.rows._fields, map(float, row), strict=True)
            self.call("log", step, {name: value for name, value in named if np.isfinite(value)})

    def call(self, method: str, *arguments: object) -> None:
        """Call a method of the tracker; one that fails is not called again."""
        if self._tracker is None:
            return
        try:
            getattr(self._tracker, method)(*arguments)
        # A run is worth more than its log, whatever a tracker raises.
        except Exception as error:
            self._tracker = None
            reason = (str(error).splitlines() or [""])[0]
            self._notice(f"tracking failed, the run continues: {type(error).__name__}: {reason}")


@contextmanager
def track(
    tracker: Tracker | None,
    config: Mapping[str, object] | None = None,
    *,
    resumed: bool = False,
    notice: Callable[[str], None] = print,
) -> Iterator[Tracked]:
    """Yield a callback of `fit` that logs it to a tracker.

    The status is "finished", "failed" by an exception, or "killed" by a signal.

    Raises:
        InputError: a bad argument, named.
    """
    check_methods("tracker", tracker, ("begin", "log", "end"), "an object with begin, log and end")
    if config is not None and not isinstance(config, Mapping):
        raise InputError(f"config is {brief(config)}: expected None, or a mapping of settings")
    check_flag("resumed", resumed)
    check_callable("notice", notice, "a line")
    if notice is None:
        raise InputError("notice is None: expected a function of a line, such as print")
    tracked = Tracked(tracker, notice)
    tracked.call("begin", flat(config or {}), resumed)
    try:
        yield tracked
    except Exception:
        tracked.call("end", "failed", flat(tracked.summary))
        raise
    # Ctrl-C, or a signal.
    except BaseException:
        tracked.call("end", "killed", flat(tracked.summary))
        raise
    tracked.call("end", "finished", flat(tracked.summary))


def flat(nested: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return numbers and texts by keys with dots; lists become JSON, and None is left out."""
    found: dict[str, object] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            found[prefix + key] = json.dumps(value, default=str)
        elif value is not None:
            found[prefix + key] = value
    return found


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number, which a curve can show."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
