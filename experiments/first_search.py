"""The first search of a process beside scikit-learn's: grids of penalties, folds and l1_ratios.

    python experiments/first_search.py [--case CASE ...] [--quick] [--out FOLDER]

Each figure comes from fresh processes, whose data and imports are ready: medians of the first
search with nothing kept, of the first one where an earlier process kept its programs, and of later
ones. Memory is the peak of the first search beyond what the process held before it, with that of
the workers that it started. Both search with two jobs, this project by default settings;
scikit-learn by its fastest solver and tolerance whose held-out scores are within 0.5 % of the exact
ones, which a search at a tolerance of 1e-8 gives. A search of more than a minute is given up. By
default the first two cases are measured. Results go to experiments/results/first_search.md and
.json.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from fresh import kept, loosest, main, median, ratio, shown
from timing import footer, table

ROOT = Path(__file__).parents[1]
# Seconds that a search may take.
_LIMIT = 60
# Calls of either estimator, by what it is searched with; {K} is the module it comes from.
SEARCHES = {
    "folds": "{K}.LogisticRegressionCV(Cs=10, cv=5, scoring='neg_log_loss', n_jobs=2, **settings)",
    "l1_ratios": (
        "{K}.LogisticRegressionCV(Cs=10, cv=5, scoring='neg_log_loss', n_jobs=2, solver='saga', "
        "l1_ratios=[0.0, 0.5, 1.0], **settings)"
    ),
    "GridSearchCV": (
        "GridSearchCV({K}.LogisticRegression(**settings), {{'C': np.logspace(-4, 4, 20)}}, cv=5, "
        "scoring='neg_log_loss', n_jobs=2)"
    ),
}
# Rows, features and the search; 569 rows are those of the breast cancer set, standardised.
CASES = {
    "10 C x 5 folds, 20000x200": (20_000, 200, "folds"),
    "10 C x 5 folds, 569x30": (569, 30, "folds"),
    "10 C x 3 l1_ratios x 5 folds, 569x30": (569, 30, "l1_ratios"),
    "GridSearchCV of 20 C x 5 folds, 569x30": (569, 30, "GridSearchCV"),
}
# The other two take minutes.
DEFAULT = list(CASES)[:2]
QUICK = {"10 C x 5 folds, 200x3": (200, 3, "folds")}
CLOSE = 5e-3
CHILD = """
import json, sys, time, warnings
sys.path[:0] = [{root!r}]
warnings.simplefilter("ignore")
import numpy as np
from sklearn import linear_model as theirs
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from experiments.optimum.worker import forget_peak, memory, memory_of_workers
began = time.perf_counter()
if {ours}:
    from jax_logreg import sklearn as ours
imported = time.perf_counter() - began
m, n, settings = {m}, {n}, {settings!r}
if m == 569:
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
else:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, n))
    y = X @ rng.standard_normal(n) / n**0.5 + rng.logistic(size=m) > 0
seconds, before = [], forget_peak()
while len(seconds) < {searches} and sum(seconds) < 20:
    model = {search}
    began = time.perf_counter()
    model.fit(X, y)
    seconds.append(time.perf_counter() - began)
    if len(seconds) == 1:
        grown = memory("VmHWM") - before + memory_of_workers()
if hasattr(model, "cv_results_"):
    scores = [model.cv_results_[f"split{{i}}_test_score"] for i in range(5)]
else:
    scores = next(iter(model.scores_.values()))
found = {{"imported": imported, "seconds": seconds, "memory": grown}}
print(json.dumps(found | {{"scores": np.ravel(scores).tolist()}}))
"""


def searched(case, ours, settings, processes=1, searches=1, limit=None):
    """The figures of each process: seconds of import and searches, memory, held-out scores."""
    m, n, search = case
    call = SEARCHES[search].replace("{K}", "ours" if ours else "theirs").replace("{{", "{")
    code = CHILD.format(
        root=str(ROOT), ours=ours, m=m, n=n, settings=settings, searches=searches,
        search=call.replace("}}", "}"),
    )  # fmt: skip
    command = [sys.executable, "-c", code]
    found = []
    for _ in range(processes):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
        found.append(json.loads(done.stdout))
    return found


def of(found, exact):
    """Medians of the first search and of later ones, and the worst error of a held-out score."""
    return {
        "first": median(one["seconds"][0] for one in found),
        "later": median(seconds for one in found for seconds in one["seconds"][1:]),
        "import": median(one["imported"] for one in found),
        "memory": max(one["memory"] for one in found),
        "error": float(np.abs(np.array(found[0]["scores"]) / exact - 1).max()),
    }


def measured(case, given):
    """The figures of both sides of one case."""
    (reference,) = searched(case, True, {"max_iter": 20_000, "tol": 1e-8})
    exact = np.array(reference["scores"])
    mine = of(searched(case, True, {}, given.processes, 3), exact)
    with kept():
        searched(case, True, {})
        mine["second"] = of(searched(case, True, {}, given.processes), exact)["first"]
    tried = [run for way in ways_of(case[2]) for run in tried_of(case, exact, *way)]
    best = min(tried, key=_rank, default=None)
    if best is None:
        return {"ours": mine, "theirs": {"settings": {"all": f"over {_LIMIT} s"}}}
    theirs = of(searched(case, False, best["settings"], given.processes, 3), exact)
    return {"ours": mine, "theirs": theirs | {"settings": best["settings"]}}


def _rank(run):
    """Close ones first, by their seconds; then the others, by their error."""
    far = run["error"] > CLOSE
    return far, run["error" if far else "first"]


def tried_of(case, exact, solver, tolerances):
    """The runs of a solver of scikit-learn: at its loosest tolerance that is close, else all."""
    runs = {}

    def close(tolerance):
        settings = {"max_iter": 20_000, **solver, "tol": tolerance}
        try:
            found = of(searched(case, False, settings, limit=_LIMIT), exact)
        except subprocess.TimeoutExpired:
            # A tighter one takes longer still.
            return True
        runs[tolerance] = found | {"settings": settings}
        return found["error"] <= CLOSE

    at = loosest(tolerances, close)
    if at is not None and tolerances[at] in runs:
        return [runs[tolerances[at]]]
    return list(runs.values())


def ways_of(search):
    """Solvers of scikit-learn, and tolerances from loose to tight."""
    if search == "l1_ratios":
        return [({}, (1e-2, 1e-3, 1e-4))]
    return [
        ({"solver": "lbfgs"}, (1e-2, 1e-3, 1e-4, 1e-5)),
        ({"solver": "newton-cholesky"}, (1e-2, 1e-4)),
    ]


def text_of(results, source):
    """The table of results."""
    head = [
        "search, examples x features", "first, s", "in a second process, s", "later, s",
        "memory, MB", "held-out error", "scikit-learn first, s", "later, s", "memory, MB",
        "held-out error", "its setting", "first / first", "second process / first",
        "later / later",
    ]  # fmt: skip
    rows = []
    for one in results:
        mine, theirs = one["ours"], one["theirs"]
        setting = {key: one for key, one in theirs["settings"].items() if key != "max_iter"}
        rows.append(
            [
                one["case"],
                *(shown(mine[key]) for key in ("first", "second", "later")),
                shown(mine["memory"], ".0f"),
                shown(mine["error"], ".1%"),
                *(shown(theirs.get(key)) for key in ("first", "later")),
                shown(theirs.get("memory"), ".0f"),
                shown(theirs.get("error"), ".1%"),
                ", ".join(str(value) for value in setting.values()),
                ratio(mine["first"], theirs.get("first")),
                ratio(mine["second"], theirs.get("first")),
                ratio(mine["later"], theirs.get("later")),
            ]
        )
    return "\n\n".join([table(head, rows), footer(source)])


if __name__ == "__main__":
    main(__doc__, "first_search", CASES, DEFAULT, QUICK, measured, text_of)
