"""A run saved between its chunks, and found again after a kill, a full disk or a power cut."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from jax_logreg.devices import own_parts, own_shape, place_like
from jax_logreg.driver import Point
from jax_logreg.errors import InputError
from jax_logreg.files import sync_folder, write_synced
from jax_logreg.hosts import count, index, most, share, spans, together
from jax_logreg.loop import Carry
from jax_logreg.saved import NAME, WHERE, Saved, file_name, number_of, pack, read_saved
from jax_logreg.status import Status

_KEPT = 2
# Saving may take this share of a run's time, at most.
_SHARE = 0.01


class Stopped(Exception):
    """A run was asked to stop, by the signal of that number, and saved itself after that step."""

    def __init__(self, signal: int, step: int) -> None:
        super().__init__(f"stopped by signal {signal} after step {step}")
        self.signal, self.step = signal, step


class Checkpoint:
    """Where a fit saves itself, and goes on from: files in a folder, the last two kept.

    A file is a safetensors file whose name holds the BLAKE2 digest of its bytes, written under a
    temporary name, synced and renamed. A damaged one is passed over for the one before it.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        seconds: float = 60.0,
        steps: int | None = None,
        name: str = "",
        notice: Callable[[str], None] | None = None,
    ) -> None:
        """What is saved where, and how often.

        Args:
            folder: for this run alone; made where there is none.
            seconds: between two saves; more where saving would take over 1 % of the time.
            steps: save after so many steps as well.
            name: what is computed, for example a config: files of another name are refused.
            notice: called with a line for a person where the run goes on, or a file is damaged.
        """
        self.folder, self.seconds, self.steps = Path(folder), seconds, steps
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.notice = name, notice
        self._part = "main"
        self._found: tuple[Path, Saved] | None = None
        self._asked: list[int] = []
        self._saved_at, self._saved_step, self._took = time.monotonic(), 0, 0.0

    def part(self, name: str) -> "Checkpoint":
        """That of a later part of the same run, in the same folder."""
        later = copy(self)
        later._part, later._saved_at, later._saved_step = name, time.monotonic(), 0
        return later

    def stop(self, signal: int) -> None:
        """Ask the run to save itself after the chunk under way, and to raise Stopped."""
        self._asked.append(signal)

    def saved(self) -> list[Path]:
        """The files of this part, the newest first."""
        found = ((path, NAME.fullmatch(path.name)) for path in self.folder.glob("*.safetensors"))
        numbered = [(int(m["number"]), p) for p, m in found if m and m["part"] == self._part]
        return [path for _, path in sorted(numbered, reverse=True)]

    def find(self, over_hosts: bool) -> bool:
        """Look for the newest point that is whole, over several hosts on all of them.

        Raises:
            ValueError: there is one of another number of hosts.
        """
        if over_hosts:
            self._part = f"{self._part}_host{index()}of{count()}"
        for left_over in self.folder.glob(f"{self._part}-*.tmp"):
            left_over.unlink(missing_ok=True)
        if not over_hosts:
            self._check_hosts()
            self._found = next(self._whole(), None)
            return self._found is not None
        whole = {}

        def look() -> dict[str, Any]:
            self._check_hosts()
            whole.update({number_of(path): (path, saved) for path, saved in self._whole()})
            return {"numbers": np.array(list(whole), np.int64)}

        common = set.intersection(*(set(one["numbers"].tolist()) for one in share(look)))
        self._found = whole[max(common)] if common else None
        return bool(common)

    def restore(self, like: Carry, scale: Any) -> Point:
        """The point that was found, placed as `like` is.

        Raises:
            ValueError: it is one of other settings or other data.
        """
        take = partial(self._taken_up, like, np.asarray(scale))
        return take() if like.params.w.sharding.is_fully_addressable else together(take)

    def _check_hosts(self) -> None:
        """Refuse what another number of hosts has saved: it is in other parts."""
        name, _, here = self._part.partition("_host")
        for path in self.folder.glob(f"{name}*.safetensors"):
            matched = NAME.fullmatch(path.name)
            there = "" if matched is None else matched["part"].removeprefix(name)
            hosts = there.rpartition("of")[2] or "1"
            if matched and hosts != (here.rpartition("of")[2] or "1"):
                raise InputError(
                    f"{path} is of a run on {hosts} hosts: go on with as many, or begin anew in "
                    "another folder"
                )

    def _whole(self) -> Iterator[tuple[Path, Saved]]:
        """The files that are not damaged and what they hold, the newest first."""
        for path in self.saved():
            try:
                saved = read_saved(path)
            except (OSError, ValueError) as error:
                self._say(f"{path} is damaged: {error}: looking for the one before it")
                continue
            yield path, saved

    def _taken_up(self, like: Carry, scale: np.ndarray) -> Point:
        assert self._found is not None
        path, saved = self._found
        self._found = None
        point = self._point(path, saved, like, scale)
        self._saved_step = point.taken
        self._say(f"going on from step {point.taken}, saved in {path}")
        return point

    def keep(self, point: Point, scale: Any) -> None:
        """Save the point if it is time, and the end of a run always; then stop if asked to.

        Raises:
            Stopped: asked to, and saved.
            ValueError: the file cannot be written.
        """
        running = point.status == Status.RUNNING
        since = time.monotonic() - self._saved_at
        due = since >= max(self.seconds, self._took / _SHARE)
        if self.steps is not None:
            due = due or point.taken - self._saved_step >= self.steps
        asked = self._asked[0] if self._asked else 0
        if spans(point.carry.params.w):
            # What one host is to do, all do, after the same chunk.
            wanted, asked = most(due, asked)
            due = bool(wanted)
        if due or asked or not running:
            began = time.monotonic()
            self._save(point, np.asarray(scale))
            self._saved_at, self._saved_step = time.monotonic(), point.taken
            self._took = self._saved_at - began
        if asked and running:
            raise Stopped(asked, point.taken)

    def _say(self, line: str) -> None:
        if self.notice is not None:
            self.notice(line)

    def _save(self, point: Point, scale: np.ndarray) -> None:
        earlier = self.saved()
        number = 1 + (number_of(earlier[0]) if earlier else 0)
        if spans(point.carry.params.w):
            (number,) = most(number)
        carry = _named(own_parts(point.carry))
        arrays = {**carry, "history": np.stack(point.history), "scale": scale}
        where = {key: getattr(point, key) for key in WHERE}
        content = pack(Saved(arrays, self.name, where))
        path = self.folder / file_name(self._part, number, content)
        temporary = path.with_suffix(".tmp")
        with self._writing():
            try:
                write_synced(temporary, content)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            sync_folder(self.folder)
            for old in earlier[_KEPT - 1 :]:
                old.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            left = f"{self.saved()[0]} is whole" if self.saved() else "nothing was saved before"
            raise InputError(
                f"{self.folder}: the checkpoint cannot be written: {error.strerror or error}: "
                f"make room, then go on with --resume: {left}"
            ) from None

    def _point(
        self,
        path: Path,
        saved: Saved,
        like: Carry,
        scale: np.ndarray,
    ) -> Point:
        """The point that a file holds, if it belongs to this run."""
        arrays = saved.arrays
        if saved.name != self.name:
            was, now = _first_difference(saved.name, self.name)
            raise InputError(
                f"{path} is of other settings, {was[:100]!r} there and {now[:100]!r} here: "
                "take those, or begin anew in another folder"
            )
        before = arrays.pop("scale", np.empty(0))
        if before.shape != scale.shape or not np.allclose(before, scale, rtol=1e-3):
            raise InputError(f"{path} is of other data: begin anew in another folder")
        history = arrays.pop("history")
        leaves, kind = jax.tree.flatten(like)
        names = list(_named(like))
        found = [arrays.get(name) for name in names]
        if set(arrays) != set(names) or any(
            new is None or (new.shape, new.dtype) != (own_shape(old), old.dtype)
            for new, old in zip(found, leaves, strict=True)
        ):
            raise InputError(f"{path} is of another solver or shape: begin anew in another folder")
        # None is missing: the names are the same.
        placed = [place_like(arrays[name], old) for name, old in zip(names, leaves, strict=True)]
        return Point(jax.tree.unflatten(kind, placed), [history], **saved.where)


def _named(carry: Any) -> dict[str, Any]:
    """The leaves of the loop's state by their place in it."""
    return {keystr(place): leaf for place, leaf in tree_flatten_with_path(carry)[0]}


def _first_difference(before: str, now: str) -> tuple[str, str]:
    lines = zip_longest(before.splitlines(), now.splitlines(), fillvalue="")
    return next(((a, b) for a, b in lines if a != b), (before, now))
