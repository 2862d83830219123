"""One case: every rival down its ladder of tolerances, then side by side at the fastest that do."""

import itertools
import statistics
import time
from contextlib import ExitStack

import numpy as np

from experiments.optimum.objective import costs, suboptimality
from experiments.optimum.reference import reference, remember
from experiments.optimum.rival import Failed, start
from experiments.optimum.rivals import label

GOAL = 1e-6
# Beyond this a tighter setting shows nothing more.
_ENOUGH = 1e-9
SETTINGS = tuple(10.0**-e for e in range(1, 11))
# Halvings, in orders of magnitude, between the last setting that misses and the first that does.
_HALVINGS = 2
# Threads of the one before may still be spinning.
_PAUSE = 0.2


def measure(case, folder, rivals, pythons, repeats, limit):
    """A row a rival, and what J* is; `rivals` are pairs of file and variant."""
    best, gap = reference(case, folder)
    rows, found = [], {}
    for name, variant in rivals:
        row = {"rival": label(name, variant), "name": name, "variant": variant}
        rows.append(row)
        found[row["rival"]] = _descend(case, folder, pythons, limit, best, row)
        print(f"  {row['rival']}: {_spoken(row)}", flush=True)
    for points in found.values():
        for J in points:
            best = np.fmin(best, J)
    remember(folder, best)
    for row in rows:
        for step, J in zip(row["ladder"], found[row["rival"]], strict=True):
            step["suboptimality"] = suboptimality(case, J, best)
        row["ladder"].sort(key=lambda step: -step["tolerance"])
        _choose(row)
    _alternate(case, folder, pythons, repeats, limit, best, rows)
    return {"rows": rows, "best": best[-1], "gap": float(np.max(gap))}


def _descend(case, folder, pythons, limit, best, row):
    """Fill the row's ladder, loosest setting first; the costs found, a step each."""
    row["ladder"], row["why"], found = [], None, []
    try:
        with start(pythons, folder, row["name"], row["variant"], 2 * limit) as rival:
            if rival.refuses:
                row["why"] = rival.refuses
                return found
            settings = rival.hello["settings"] or SETTINGS
            first = rival.fit(settings[0], again=0)
            row["first"] = rival.hello["import_seconds"] + first.seconds
            row["growth"] = first.growth
            for tolerance in settings:
                reached, seconds = _step(case, rival, tolerance, best, row, found)
                if reached <= _ENOUGH or seconds > limit:
                    break
            for _ in range(_HALVINGS):
                if (tolerance := _between(row)) is None:
                    break
                _step(case, rival, tolerance, best, row, found)
    except Failed as failed:
        row["why"] = str(failed)
    return found


def _step(case, rival, tolerance, best, row, found):
    """Fit at a tolerance, note time and cost, and return suboptimality and seconds."""
    # Once more to have it compiled, and once more to have it warm.
    fit = rival.fit(tolerance, again=2)
    found.append(costs(case, fit.w, fit.b))
    reached = suboptimality(case, found[-1], best)
    row["ladder"].append(
        {
            "tolerance": tolerance,
            "seconds": fit.seconds,
            "note": fit.note,
            "suboptimality": reached,
        }
    )
    return reached, fit.seconds


def _between(row):
    """The tolerance half way between one that misses the goal and the next tighter that does."""
    steps = sorted(row["ladder"], key=lambda step: -step["tolerance"])
    for looser, tighter in itertools.pairwise(steps):
        if looser["suboptimality"] > GOAL >= tighter["suboptimality"]:
            return (looser["tolerance"] * tighter["tolerance"]) ** 0.5
    return None


def _choose(row):
    """The fastest setting that reaches the goal, else the one that came closest."""
    reached = [step for step in row["ladder"] if step["suboptimality"] <= GOAL]
    row["reached"] = bool(reached)
    if reached:
        row["chosen"] = min(reached, key=lambda step: step["seconds"])
    elif row["ladder"]:
        row["chosen"] = min(row["ladder"], key=lambda step: step["suboptimality"])


def _alternate(case, folder, pythons, repeats, limit, best, rows):
    """First call in a fresh process, then warm medians, the rivals in turns."""
    with ExitStack() as stack:
        started = []
        for row in (row for row in rows if row["reached"]):
            arguments = (pythons, folder, row["name"], row["variant"], 2 * limit)
            try:
                rival = stack.enter_context(start(*arguments))
                first = rival.fit(row["chosen"]["tolerance"], again=0)
            except Failed as failed:
                row["why"] = str(failed)
                continue
            row["first"] = rival.hello["import_seconds"] + first.seconds
            row["growth"], row["times"], row["worst"] = 0.0, [], 0.0
            started.append((row, rival))
        for _ in range(repeats):
            for row, rival in started:
                time.sleep(_PAUSE)
                try:
                    fit = rival.fit(row["chosen"]["tolerance"])
                except Failed as failed:
                    row["why"] = str(failed)
                    continue
                row["times"].append(fit.seconds)
                row["growth"] = max(row["growth"], fit.growth)
                J = costs(case, fit.w, fit.b)
                row["worst"] = max(row["worst"], suboptimality(case, J, best))
                row["warm"] = statistics.median(row["times"])


def _spoken(row):
    """A row in a few words, for the terminal."""
    points = [f"{s['seconds']:.3g} s {s['suboptimality']:.0e}" for s in row["ladder"]]
    return ", ".join(points + ([row["why"]] if row["why"] else []))
