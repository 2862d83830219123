"""The progress of a fit: a bar on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jax_logreg.errors.extras import needs
from jax_logreg.loop.progress import Progress

with needs("run"):
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

_LINES = 10


@contextmanager
def show_progress(console: Console, steps: int) -> Iterator[Callable[[Progress], None]]:
    """Yield a callback for `fit` that shows cost, gradient norm, steps/s and time left."""
    if not console.is_terminal:
        yield _lines(console, steps)
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("compiling", total=steps)
        rate = _Rate()

        def show(progress: Progress) -> None:
            text = _text(progress, rate.of(progress))
            bar.update(task, completed=progress.step, description=text)

        yield show


@contextmanager
def show_models(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback for a sweep that shows how many of its models are done."""
    if not console.is_terminal:
        shown = 0

        def show_line(done: int, models: int) -> None:
            nonlocal shown
            tenth = done * _LINES // models
            if tenth > shown:
                shown = tenth
                console.print(f"{done} of {models} models", highlight=False)

        yield show_line
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("compiling", total=None)

        def show(done: int, models: int) -> None:
            text = f"{done} of {models} models"
            bar.update(task, completed=done, total=models, description=text)

        yield show


def _lines(console: Console, steps: int) -> Callable[[Progress], None]:
    rate, shown = _Rate(), 0

    def show(progress: Progress) -> None:
        nonlocal shown
        speed = rate.of(progress)
        tenth = progress.step * _LINES // max(steps, 1)
        if tenth > shown:
            shown = tenth
            left = f"  {(steps - progress.step) / speed:.1f} s left" if speed > 0 else ""
            console.print(_text(progress, speed) + left, highlight=False, soft_wrap=True)

    return show


class _Rate:
    """Steps a second since the first chunk, which compiles."""

    def __init__(self) -> None:
        self._step, self._time = 0, math.nan

    def of(self, progress: Progress) -> float:
        """Return the rate at this progress, NaN at the first."""
        now = time.perf_counter()
        if math.isnan(self._time):
            self._step, self._time = progress.step, now
            return math.nan
        return (progress.step - self._step) / max(now - self._time, 1e-9)


def _text(progress: Progress, rate: float) -> str:
    speed = f"  {rate:.0f} steps/s" if rate > 0 else ""
    return (
        f"step {progress.step}/{progress.steps}  cost {progress.cost:.6f}  "
        f"gradient norm {progress.gradient_norm:.2e}{speed}"
    )
