"""A run saved between its chunks, and found again after a kill, a full disk or a power cut."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import numpy as np

from jax_logreg.checkpoint.files import sync_folder, write_synced
from jax_logreg.checkpoint.protocol import S, State
from jax_logreg.checkpoint.saved import (
    NAME,
    Saved,
    by_name,
    file_name,
    number_of,
    pack,
    read_saved,
)
from jax_logreg.checkpoint.unpacking import VIEW, put_back, unpack
from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_callable, check_integer, check_path, is_number
from jax_logreg.hosts import count, index, most, share, together
from jax_logreg.placement.devices import own_parts

_KEPT = 2
_MAIN = "main"
# Saving may take this share of a run's time, at most.
_SHARE = 0.01


class Stopped(Exception):
    """A run was stopped by the signal of a number, and saved itself after a step."""

    def __init__(self, signal: int, step: int, where: str) -> None:
        super().__init__(f"stopped by signal {signal} after {where}")
        self.signal, self.step, self.where = signal, step, where


class Checkpoint:
    """The checkpoint of a fit or a sweep: a folder with the files of its last two states.

    Each is a safetensors file whose name holds the BLAKE2 digest of its bytes. It is written under
    a temporary name, synced and renamed. A damaged one is passed over for the one before it.
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
        """Open the checkpoint of a folder, and make the folder if it is missing.

        Args:
            folder: of this run alone.
            seconds: between two saves; more where saving would take over 1 % of the time.
            steps: save after so many steps as well.
            name: what is computed, for example a config: files of another name are refused.
            notice: called with a line for a person where the run resumes, or a file is damaged.

        Raises:
            ValueError: a bad argument, named, or a folder that cannot be made.
        """
        if not is_number(seconds) or not seconds >= 0:
            raise InputError(f"seconds is {brief(seconds)}: expected a number of at least 0")
        if steps is not None:
            check_integer("steps", steps, 1)
        if not isinstance(name, str):
            raise InputError(f"name is {brief(name)}: expected a text")
        check_callable("notice", notice, "a line")
        self.folder, self.seconds, self.steps = check_path("folder", folder), seconds, steps
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"folder is {brief(str(folder))}, which cannot be made: {error.strerror}: expected "
                "a place for a folder"
            ) from None
        self.name, self.notice = name, notice
        self._part, self._host = _MAIN, ""
        self._views: tuple[np.ndarray, ...] = ()
        self._asked: list[int] = []
        self._saved_at, self._saved_step, self._took = time.monotonic(), 0, 0.0

    def part(self, name: str) -> "Checkpoint":
        """Return the checkpoint of a part of the run, in the same folder; signals reach all."""
        part = copy(self)
        part._part = name if self._part == _MAIN else f"{self._part}_{name}"
        part._host, part._saved_at, part._saved_step = "", time.monotonic(), 0
        return part

    def of(self, views: tuple[np.ndarray, ...] = (), **given: str) -> "Checkpoint":
        """Return the checkpoint of the problem of these lines; files of another are refused."""
        known = copy(self)
        lines = (f"{key} = {line}" for key, line in given.items())
        known.name = "\n".join([self.name, *lines] if self.name else lines)
        known._views = self._views + views
        return known

    def stop(self, signal: int) -> None:
        """Ask the run to save itself after the chunk under way, and to raise Stopped."""
        self._asked.append(signal)

    def saved(self) -> list[Path]:
        """Return the files of this part, the newest first."""
        return [path for path, match in self._named() if match["host"] in (None, str(index()))]

    def clear(self) -> None:
        """Remove the files of this part: a later one makes them needless."""
        for path in self.saved():
            path.unlink(missing_ok=True)

    def find(self, over_hosts: bool) -> bool:
        """Return whether states of this part are saved, over several hosts on any of them."""
        found = bool(self._named())
        if not over_hosts:
            return found
        self._host = f"_host{index()}of{count()}"
        return bool(most(found)[0])

    def restore(self, like: S) -> S | None:
        """Return the newest whole state, in the shapes and places of the other, or None.

        Over several hosts it has to be whole on all of them.

        Raises:
            ValueError: the state is of other settings, other data or another number of hosts.
        """
        for left_over in self.folder.glob(f"{self._part}{self._host}-*.tmp"):
            left_over.unlink(missing_ok=True)
        if not self._host:
            self._check_hosts()
            found = next(self._whole(like), None)
            return None if found is None else self._taken_up(*found, like)
        whole = {}

        def look() -> dict[str, object]:
            self._check_hosts()
            found = self._whole(like)
            whole.update({number_of(path): (path, state) for path, state in found})
            return {"numbers": np.array(list(whole), np.int64)}

        common = set.intersection(*(set(one["numbers"].tolist()) for one in share(look)))
        if not common:
            return None
        return together(lambda: self._taken_up(*whole[max(common)], like))

    def _named(self) -> list[tuple[Path, re.Match[str]]]:
        """The files of this part, of all hosts, by their names alone, the newest first."""
        found = ((path, NAME.fullmatch(path.name)) for path in self.folder.glob("*.safetensors"))
        ours = [(path, match) for path, match in found if match and match["part"] == self._part]
        return sorted(ours, key=lambda one: (-int(one[1]["number"]), one[0]))

    def _check_hosts(self) -> None:
        """Refuse what another number of hosts has saved: each has its part."""
        here = str(count()) if self._host else "1"
        for path, match in self._named():
            there = match["hosts"] or "1"
            if there != here:
                raise InputError(
                    f"{path} is of a run on {there} hosts: resume on as many, or start in "
                    "another folder"
                )

    def _whole(self, like: S) -> Iterator[tuple[Path, S]]:
        """The files that are not damaged and the states they hold, in NumPy, the newest first."""
        for path in self.saved():
            try:
                saved = read_saved(path)
            except (OSError, ValueError) as error:
                self._say_damaged(path, error)
                continue
            state = unpack(path, saved, self.name, self._views, like)
            try:
                state.check()
            except ValueError as error:
                self._say_damaged(path, error)
                continue
            yield path, state

    def _say_damaged(self, path: Path, error: Exception) -> None:
        self._say(f"{path} is damaged: {error}: looking for the one before it")

    def _taken_up(self, path: Path, state: S, like: S) -> S:
        placed = put_back(state, like)
        self._saved_step = state.taken
        self._say(f"resuming from {state.where}, saved in {path}")
        return placed

    def save(self, state: State) -> None:
        """Save the state if it is time, and the end of a run always; then stop if asked to.

        Raises:
            Stopped: asked to, and saved.
            ValueError: the file cannot be written.
        """
        since = time.monotonic() - self._saved_at
        due = since >= max(self.seconds, self._took / _SHARE)
        if self.steps is not None:
            due = due or state.taken - self._saved_step >= self.steps
        asked = self._asked[0] if self._asked else 0
        if self._host:
            # All hosts do the same after the same chunk.
            wanted, asked = most(due, asked)
            due = bool(wanted)
        if due or asked or not state.running:
            began = time.monotonic()
            self._save(state)
            self._saved_at, self._saved_step = time.monotonic(), state.taken
            self._took = self._saved_at - began
        if asked and state.running:
            raise Stopped(asked, state.taken, state.where)

    def _say(self, line: str) -> None:
        if self.notice is not None:
            self.notice(line)

    def _save(self, state: State) -> None:
        earlier = self.saved()
        number = 1 + (number_of(earlier[0]) if earlier else 0)
        if self._host:
            (number,) = most(number)
        views = {f"{VIEW}{i}": view for i, view in enumerate(self._views)}
        leaves = {**by_name(own_parts(state.packed())), **views}
        arrays = {name: np.asarray(leaf, order="C") for name, leaf in leaves.items()}
        content = pack(Saved(arrays, self.name))
        path = self.folder / file_name(f"{self._part}{self._host}", number, content)
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
                f"make room or give access there, then resume, a command by --resume: {left}"
            ) from None
