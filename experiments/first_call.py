"""The first fit of a process beside the best rival's: NumPy's, and XLA's that is compiled before.

    python experiments/first_call.py [--case CASE ...] [--quick] [--out FOLDER]
        [--old-python PATH] [--limit SECONDS]

Each figure comes from fresh processes whose data and imports are ready, and which have nothing
cached: medians of the first fit, and of those after it. "In a second process" an earlier process
kept its compiled programs; where NumPy computes, it is the first fit, as nothing is compiled.
Memory is the peak of the first fit beyond what the process held before it. Both sides are given
float64 rows and C = 1; scikit-learn may fit them as float32. "XLA" is the same estimator with
`device="cpu"`. Each side has its fastest setting whose cost is within 1e-6 of J(0) of the optimum,
a float64 fit.

The path of 100 L1 penalties is `sweep.path` beside adelie, which needs NumPy 1: `--old-python` is
the interpreter of an environment of its own, as in optimum/run.py. By default the two small cases
are measured. Results go to experiments/results/first_call.md and .json.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "experiments")]

from fresh import kept, loosest, main, median, ratio, shown  # noqa: E402
from timing import footer, table  # noqa: E402

from experiments.optimum import cases  # noqa: E402
from experiments.optimum.cases import Spec  # noqa: E402
from experiments.optimum.measure import GOAL  # noqa: E402
from experiments.optimum.objective import costs, suboptimality  # noqa: E402
from experiments.optimum.rival import Failed, interpreters, start  # noqa: E402
from experiments.optimum.rivals import label  # noqa: E402
from jax_logreg import L1, L2, fit  # noqa: E402
from jax_logreg.sweep import path  # noqa: E402

CASES = {
    "569x30": Spec(569, 30),
    "100000x100": Spec(100_000, 100),
    "20000x1000": Spec(20_000, 1_000),
    "2000x5000": Spec(2_000, 5_000),
    "20000x256x50": Spec(20_000, 256, classes=50),
    "L1 path of 100, 2000x5000": Spec(2_000, 5_000, penalty="l1", path=100),
}
DEFAULT = ["569x30", "100000x100"]
QUICK = {"200x5": Spec(200, 5)}
# Parameters beyond which newton-cholesky's Hessian takes minutes.
_SMALL = 2_000
# Seconds of fits in one process: none begins after them.
_BUDGET, _FITS = 4, 4


@dataclass
class Way:
    """A rival's solver: the variants that it has, and tolerances from loose to tight."""

    name: str
    variants: tuple[str, ...]
    tolerances: tuple[float, ...]


def ways_of(spec):
    """The ways of this project, by default and by XLA, and those of the rival."""
    ours = (1e-4, 1e-5, 1e-6)
    if spec.path:
        steps = tuple(10.0**-e for e in range(3, 11))
        return [Way("jax_logreg", ("",), ours)], [], [Way("adelie", ("",), steps)]
    tolerances = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 7e-6, 5e-6, 3e-6, 1e-6)
    theirs = [Way("sklearn", ("lbfgs float32", "lbfgs"), tolerances)]
    if spec.n * (1 if spec.classes == 2 else spec.classes) <= _SMALL:
        variants = ("newton-cholesky float32", "newton-cholesky")
        theirs.append(Way("sklearn", variants, (1e-1, 1e-2, 1e-4)))
    return [Way("estimator", ("",), ours)], [Way("estimator", ("xla",), ours)], theirs


class Bench:
    """A case in a folder, from which each process reads it, and its optimal costs."""

    def __init__(self, spec, folder, given):
        self.folder, self.given = folder, given
        self.case = cases.make(spec)
        cases.save(self.case, folder)
        self.best = costs(self.case, *exact(self.case))

    def run(self, name, variant, tolerance, fits=1):
        """A process and its fits, one or more: seconds and MB of each, and how close it came."""
        pythons = interpreters(self.given.old_python)
        with start(pythons, self.folder, name, variant, self.given.limit) as rival:
            if rival.refuses:
                raise Failed(rival.refuses)
            found = [rival.fit(tolerance, again=0)]
            while len(found) < fits and sum(one.seconds for one in found) < _BUDGET:
                found.append(rival.fit(tolerance, again=0))
            imported = rival.hello["import_seconds"]
        cost = costs(self.case, found[0].w, found[0].b)
        return {
            "label": label(name, variant),
            "setting": (name, variant, tolerance),
            "import": imported,
            "first": found[0].seconds,
            "later": [one.seconds for one in found[1:]],
            "memory": found[0].growth,
            "note": found[0].note,
            "suboptimality": max(suboptimality(self.case, cost, self.best), 0.0),
        }

    def tried(self, way):
        """The runs of a way that are close, one a variant; else those that are not."""
        found, at = [], None
        for variant in way.variants:
            runs = {}

            def close(tolerance, variant=variant, runs=runs):
                runs[tolerance] = self.run(way.name, variant, tolerance)
                return runs[tolerance]["suboptimality"] <= GOAL

            # The next variant is about as close at the tolerance of the one before.
            if at is None or not close(way.tolerances[at]):
                at = loosest(way.tolerances, close)
            found += runs.values() if at is None else [runs[way.tolerances[at]]]
        return found

    def fastest(self, ways):
        """The figures of the way whose first fit is the fastest of those that are close."""
        try:
            runs = [run for way in ways for run in self.tried(way)]
        except Failed as failed:
            return {"why": str(failed)}
        once = min(runs, key=lambda run: (run["suboptimality"] > GOAL, run["first"]))
        runs = [self.run(*once["setting"], fits=_FITS) for _ in range(self.given.processes)]
        found = once | {name: median(run[name] for run in runs) for name in ("import", "first")}
        found["later"] = median(seconds for run in runs for seconds in run["later"])
        found["memory"] = max(run["memory"] for run in runs)
        if once["label"].startswith(("estimator", "jax_logreg")):
            # NumPy computes at once what it computes: nothing is kept.
            second = found["first"] if once["note"] == "numpy" else self.second(once["setting"])
            found["second"] = second
        return found

    def second(self, setting):
        """Seconds of the first fit of a process that finds the programs of another."""
        with kept():
            self.run(*setting)
            return median(self.run(*setting)["first"] for _ in range(self.given.processes))


def exact(case):
    """The optimum in float64, with a proof: w (p, k, n) and b (p, k) of p penalties."""
    numbers = {"dtype": "float64", "tolerance": 1e-9, "steps": 20_000}
    if case.path:
        found = path(case.X.T, case.y, strengths=case.strengths, penalty=L1, **numbers)
        return np.swapaxes(found.w, 1, 2), found.b[:, :, 0]
    found = fit(case.X.T, case.y, penalty=L2(case.strength), gradient_check="off", **numbers)
    w, b = (np.asarray(part) for part in found.params)
    return w.T, b[:, 0]


def measured(spec, given):
    """The figures of one case: of this project by default and by XLA, and of the rival."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(spec, Path(folder), given)
        ours, by_xla, theirs = ways_of(spec)
        found = {"ours": bench.fastest(ours)}
        # By default it may have been XLA already.
        found["xla"] = bench.fastest(by_xla) if found["ours"]["note"] == "numpy" else None
        return found | {"theirs": bench.fastest(theirs)}


def text_of(results, source):
    """The table of results, and the time of the imports."""
    head = [
        "examples x features x classes", "by", "first, s", "in a second process, s", "later, s",
        "memory, MB", "suboptimality", "first by XLA, s", "in a second process, s",
        "later by XLA, s", "memory, MB", "rival", "first, s", "later, s", "memory, MB",
        "suboptimality", "first / first", "second process / first", "later / later",
    ]  # fmt: skip
    rows = []
    for one in results:
        mine, xla, theirs = one["ours"], one["xla"] or {}, one["theirs"]
        rows.append(
            [
                one["case"],
                mine["note"],
                *(shown(mine[key]) for key in ("first", "second", "later")),
                shown(mine["memory"], ".0f"),
                shown(mine["suboptimality"], ".0e"),
                *(shown(xla.get(key)) for key in ("first", "second", "later")),
                shown(xla.get("memory"), ".0f"),
                theirs.get("why") or theirs["label"],
                *(shown(theirs.get(key)) for key in ("first", "later")),
                shown(theirs.get("memory"), ".0f"),
                shown(theirs.get("suboptimality"), ".0e"),
                ratio(mine["first"], theirs.get("first")),
                ratio(mine["second"], theirs.get("first")),
                ratio(mine["later"], theirs.get("later")),
            ]
        )
    imports = [
        one["ours"]["import"] - one["theirs"]["import"]
        for one in results
        if one["theirs"].get("label", "").startswith("sklearn")
    ]
    said = [
        f"`import jax_logreg.sklearn` takes {median(imports):.2f} s more than scikit-learn's own."
        for _ in imports[:1]
    ]
    return "\n\n".join([table(head, rows), *said, footer(source)])


def add(parser):
    """Options of the processes."""
    parser.add_argument("--old-python", help="an interpreter with adelie")
    parser.add_argument("--limit", type=float, default=120, help="seconds that a fit may take")


if __name__ == "__main__":
    main(__doc__, "first_call", CASES, DEFAULT, QUICK, measured, text_of, add)
