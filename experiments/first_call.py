"""The first fit of a process beside scikit-learn's: NumPy's, and XLA's that is compiled before.

    python experiments/first_call.py [--case CASE ...] [--quick] [--out FOLDER]

Each figure comes from fresh processes in turns, whose data and imports are ready, and which have
nothing cached: medians of the first fit, and of the fits after it. Both sides are given float64
rows and C = 1; scikit-learn may fit them as float32. Each has its fastest setting whose cost is
within 1e-6 of J(0) of the optimum, a float64 fit. By default the two small cases are measured.
"XLA" is the same estimator with `device="cpu"`, which compiles, or in a second process loads what
the first one kept. Results go to experiments/results/first_call.md and .json.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from timing import footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Spec, make  # noqa: E402
from jax_logreg import L2, fit  # noqa: E402

CASES = {
    "569x30": Spec(569, 30),
    "100000x100": Spec(100_000, 100),
    "20000x1000": Spec(20_000, 1_000),
    "2000x5000": Spec(2_000, 5_000),
}
DEFAULT = ["569x30", "100000x100"]
QUICK = {"200x5": Spec(200, 5)}
GOAL = 1e-6
# Parameters beyond which newton-cholesky's Hessian takes minutes.
_SMALL = 2_000
# Seconds of fits in one process: none begins after them.
_BUDGET = 4
CHILD = """
import json, sys, time
sys.path[:0] = [{root!r}]
import numpy as np
from sklearn.linear_model import LogisticRegression as Theirs
from experiments.optimum.cases import Spec, make
began = time.perf_counter()
if {ours}:
    from jax_logreg.sklearn import LogisticRegression as Ours
imported = time.perf_counter() - began
case = make({spec!r})
kind = Ours if {ours} else Theirs
settings = {settings!r}
dtype = settings.pop("dtype", None)
seconds = []
while len(seconds) < {fits} and sum(seconds) < {budget}:
    model = kind(**settings)
    began = time.perf_counter()
    model.fit(case.X if dtype is None else case.X.astype(dtype), case.y)
    seconds.append(time.perf_counter() - began)
w, b = model.coef_.tolist(), model.intercept_.tolist()
print(json.dumps({{"imported": imported, "seconds": seconds, "w": w, "b": b}}))
"""


def settings_of(spec):
    """The settings of each system, by its name: the first that is as close counts."""
    tolerances = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 7e-6, 5e-6, 3e-6, 1e-6)
    theirs = [{"solver": "lbfgs", "tol": tol, "max_iter": 5_000} for tol in tolerances]
    if spec.n <= _SMALL:
        theirs += [{"solver": "newton-cholesky", "tol": tol} for tol in (1e-1, 1e-2, 1e-4)]
    theirs = [{**one, "dtype": dtype} for one in theirs for dtype in ("float32", "float64")]
    ours = [{"tol": tol} for tol in (1e-4, 1e-5, 1e-6)]
    return {
        "numpy": ours,
        "xla": [{**one, "device": "cpu"} for one in ours],
        "sklearn": theirs,
    }


def measured(spec, ours, settings, processes, fits=4, kept="off"):
    """Seconds of imports, of the first fit and of later ones; and coefficients (k, n), (k,).

    `kept` is the folder of compiled programs.
    """
    code = CHILD.format(
        root=str(ROOT), ours=ours, spec=spec, fits=fits, budget=_BUDGET, settings=settings
    )
    found = []
    for _ in range(processes):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "JAX_LOGREG_CACHE": kept},
        )
        found.append(json.loads(done.stdout))
    return {
        "settings": settings,
        "import": statistics.median(one["imported"] for one in found),
        "first": statistics.median(one["seconds"][0] for one in found),
        # A fit that takes all of the time has no later one beside it.
        "warm": statistics.median(s for one in found for s in one["seconds"][1:] or one["seconds"]),
        "w": np.array(found[0]["w"]),
        "b": np.array(found[0]["b"]),
    }


def cost_of(case, w, b):
    """The penalised mean cost of coefficients (k, n) and (k,), in float64; and the cost at zero."""
    Z = case.X.astype(np.float64) @ w.T + b
    m = len(Z)
    if len(w) == 1:
        losses = np.logaddexp(0, Z[:, 0]) - case.y * Z[:, 0]
        zero = np.log(2)
    else:
        losses = np.logaddexp.reduce(Z, axis=1) - Z[np.arange(m), case.y.astype(int)]
        zero = np.log(len(w))
    return losses.mean() + 0.5 / m * np.sum(w**2), zero


def fastest(case, spec, best, name, tried, processes):
    """The setting of the fastest first fit whose cost is as close as the goal, else the closest."""
    rows = []
    for settings in tried:
        row = measured(spec, name != "sklearn", settings, 1, fits=1)
        cost, zero = cost_of(case, row["w"], row["b"])
        rows.append({**row, "suboptimality": max(cost - best, 0) / zero})
    close = [row for row in rows if row["suboptimality"] <= GOAL]
    chosen = min(close, key=lambda row: row["first"]) if close else rows[-1]
    again = measured(spec, name != "sklearn", chosen["settings"], processes)
    shown = {key: again[key] for key in ("settings", "import", "first", "warm")}
    if name == "xla":
        with TemporaryDirectory() as folder:
            measured(spec, True, chosen["settings"], 1, 1, folder)
            second = measured(spec, True, chosen["settings"], processes, 1, folder)
        shown["second"] = second["first"]
    return shown | {"suboptimality": chosen["suboptimality"]}


def main():
    """Measure every case, and write the table after each."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=DEFAULT)
    given = parser.parse_args()
    chosen = QUICK if given.quick else {name: CASES[name] for name in given.case}
    results = []
    for name, spec in chosen.items():
        case = make(spec)
        exact = fit(
            case.X.T, case.y, penalty=L2(1 / len(case.y)), dtype="float64", tolerance=1e-10,
            gradient_check="off", steps=20_000,
        )  # fmt: skip
        w, b = (np.asarray(part) for part in exact.params)
        best, _ = cost_of(case, w.T, b[:, 0])
        found = {
            system: fastest(case, spec, best, system, tried, 1 if given.quick else 3)
            for system, tried in settings_of(spec).items()
        }
        results.append({"case": name, **found})
        write(given.out, results)


def write(folder, results):
    """The table and the figures behind it."""
    head = [
        "examples x features x classes", "first, s", "later, s", "suboptimality",
        "first by XLA, s", "in a second process, s", "later by XLA, s",
        "scikit-learn first, s", "later, s", "suboptimality", "its solver",
        "first / first", "later / later",
    ]  # fmt: skip
    rows = []
    for one in results:
        mine, xla, theirs = one["numpy"], one["xla"], one["sklearn"]
        rows.append(
            [
                one["case"],
                *(f"{mine[key]:.3g}" for key in ("first", "warm")),
                f"{mine['suboptimality']:.0e}",
                *(f"{xla[key]:.3g}" for key in ("first", "second", "warm")),
                *(f"{theirs[key]:.3g}" for key in ("first", "warm")),
                f"{theirs['suboptimality']:.0e}",
                f"{theirs['settings']['solver']}, {theirs['settings']['dtype']}",
                f"**{mine['first'] / theirs['first']:.2f}**",
                f"**{mine['warm'] / theirs['warm']:.2f}**",
            ]
        )
    source = origin()
    imported = statistics.median(one["numpy"]["import"] for one in results)
    said = (
        f"`import jax_logreg.sklearn` takes {imported:.2f} s more than scikit-learn's own import."
    )
    text = "\n\n".join([table(head, rows), said, footer(source)])
    save(folder, "first_call", text, {"origin": source, "cases": results})


if __name__ == "__main__":
    main()
