"""A sweep of penalties x folds beside scikit-learn's, every model's suboptimality beside the time.

    python experiments/sweep.py [--case CASE ...] [--limit SECONDS] [--name NAME]
                                [--quick] [--out FOLDER]

10 penalties (C from 1e-4 to 1e4) x 5 folds, float64 rows in memory. Either side goes to tighter
tolerances until every model is within 1e-6 of J(0) of its optimum, which comes from float64 fits to
a relative gap of 1e-12 (of many classes: float32 fits at the default tolerance, or whatever came
closer), or until a sweep takes longer than the limit; the fastest that is as close counts. Below
stand the default settings of both sides. Beside the time is the worst relative error of a held-out
log loss against the exact model's, and whether the penalty chosen is the exact models'.
scikit-learn runs with n_jobs=2, and newton-cholesky too where its Hessian is small. Memory is what
a warm sweep adds at its peak to the resident memory, X in float64 being there before. Results go
to experiments/results/NAME.md, .json and .svg.
"""

import itertools
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from timing import footer, options, origin, picture, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Spec, make  # noqa: E402
from experiments.optimum.worker import forget_peak, memory  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

from scipy.special import logsumexp  # noqa: E402

from jax_logreg.sweep import cross_validate  # noqa: E402
from jax_logreg.sweep.folds import held_out  # noqa: E402

CASES = {
    "100000x100": Spec(100_000, 100),
    "20000x1000": Spec(20_000, 1_000),
    "2000x5000": Spec(2_000, 5_000),
    "20000x256x50": Spec(20_000, 256, classes=50),
}
QUICK = {"200x5": Spec(200, 5)}
FOLDS, GOAL = 5, 1e-6
CS = np.logspace(-4, 4, 10)
TOLERANCES = (1e-1, 1e-2, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
# Parameters beyond which newton-cholesky's Hessians take minutes.
_SMALL = 300
# Seconds of a sweep that is not repeated: of that many a compilation is no large part.
_SLOW = 30


def strengths(case):
    """1 / (C · examples in training)."""
    return 1 / (CS * len(case.y) * (FOLDS - 1) / FOLDS)


def held_out_of(case):
    """The same folds for both sides, (5, m)."""
    classes = np.unique(case.y)[:, None] == case.y
    return held_out(FOLDS, classes.astype(float), None, 0)


def ours(case, tolerance, **settings):
    """Coefficients (50, k, n), intercepts (50, k), strength by strength."""
    found = cross_validate(
        case.X.T,
        case.y,
        strengths=strengths(case),
        folds=held_out_of(case).argmax(axis=0),
        tolerance=tolerance,
        **settings,
    )
    w, b = found.fold_models.params
    return np.swapaxes(w, 1, 2), b[:, :, 0], found.fold_models.status


def theirs(case, solver, tolerance, max_iter=10_000):
    """As `ours`, from scikit-learn."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import PredefinedSplit

    model = LogisticRegressionCV(
        Cs=CS,
        cv=PredefinedSplit(held_out_of(case).argmax(axis=0)),
        l1_ratios=(0.0,),
        scoring="neg_log_loss",
        solver=solver,
        tol=tolerance,
        max_iter=max_iter,
        n_jobs=2,
        use_legacy_attributes=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(case.X, case.y)
    # (folds, 1, Cs, k, n + 1)
    paths = np.swapaxes(model.coefs_paths_[:, 0], 0, 1).reshape(len(CS) * FOLDS, case.k, -1)
    return paths[:, :, :-1], paths[:, :, -1], None


def judge(case, w, b):
    """Each model's cost on its training folds and log loss on the other, float64, by NumPy alone:
    (50,) and (10, 5).
    """
    J, losses, out = [], [], held_out_of(case)
    models = itertools.product(strengths(case), out)
    for (strength, fold), w_one, b_one in zip(models, w, b, strict=True):
        w_one = np.asarray(w_one, np.float64)
        Z, y = case.X @ w_one.T + np.asarray(b_one, np.float64), case.y
        if case.k == 1:
            entropy = np.logaddexp(0, Z[:, 0]) - y * Z[:, 0]
        else:
            entropy = logsumexp(Z, axis=1) - Z[np.arange(len(y)), y]
        J.append(entropy[~fold].mean() + strength / 2 * np.sum(w_one**2))
        losses.append(entropy[fold].mean())
    return np.array(J), np.reshape(losses, (len(CS), FOLDS))


def measure(case, way, best, exact, rounds, limit, *settings, tolerances=TOLERANCES, **more):
    """Seconds, worst suboptimality, held-out error and memory at each tolerance, until close enough
    or too slow.

    Seconds are the median of the calls after the first, if any.
    """
    rows = []
    for tolerance in tolerances:
        seconds = []
        for _ in range(1 + rounds):
            before = forget_peak()
            began = time.perf_counter()
            w, b, _ = way(case, *settings, tolerance, **more)
            seconds.append(time.perf_counter() - began)
            added = memory("VmHWM") - before
            if seconds[-1] > _SLOW:
                break
        J, losses = judge(case, w, b)
        best[:] = np.minimum(best, J)
        excess = (J - best) / np.log(max(case.k, 2))
        rows.append(
            {
                "seconds": float(np.median(seconds[1:] or seconds)),
                "suboptimality": float(excess.max()),
                "held_out_error": float(np.max(np.abs(losses / exact - 1))),
                "right_penalty": bool(
                    np.argmin(losses.mean(axis=1)) == np.argmin(exact.mean(axis=1))
                ),
                "memory_mb": added,
                "settings": [*settings, tolerance],
            }
        )
        if rows[-1]["suboptimality"] <= GOAL or rows[-1]["seconds"] > limit:
            break
    return rows


def cold(name):
    """Seconds of a first call in a process of its own, import and compilation included."""
    code = (
        "import sys, time; began = time.perf_counter(); sys.path[:0] = sys.argv[2:4]\n"
        "import sweep; spec = {**sweep.CASES, **sweep.QUICK}[sys.argv[1]]\n"
        "imported = time.perf_counter() - began; case = sweep.make(spec)\n"
        "tolerance = sys.argv[4] if sys.argv[4] == 'auto' else float(sys.argv[4])\n"
        "began = time.perf_counter(); sweep.ours(case, tolerance)\n"
        "print(imported + time.perf_counter() - began)"
    )
    folders = [str(ROOT / "experiments"), str(ROOT)]

    def seconds(tolerance):
        done = subprocess.run(
            [sys.executable, "-c", code, name, *folders, str(tolerance)],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout.split()[-1])

    return seconds


def fastest(rows):
    """The fastest that reaches the goal, else the closest to it."""
    reached = [row for row in rows if row["suboptimality"] <= GOAL]
    if reached:
        return min(reached, key=lambda row: row["seconds"])
    return min(rows, key=lambda row: row["suboptimality"])


def main():
    """Measure every case, and write the table after each."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--limit", type=float, default=200, help="seconds of a sweep")
    parser.add_argument("--name", default="sweep", help="of the files of results")
    given = parser.parse_args()
    chosen = QUICK if given.quick else {name: CASES[name] for name in given.case}
    rounds, results = 1 if given.quick else 3, []
    for name, spec in chosen.items():
        case = make(spec)
        precise = {"dtype": "float64", "steps": 20_000} if case.k == 1 else {}
        w, b, status = ours(case, 1e-12 if precise else "auto", **precise)
        best, exact = judge(case, w, b)
        mine = fastest(measure(case, ours, best, exact, rounds, given.limit))
        (default,) = measure(
            case, ours, best, exact, rounds, given.limit, tolerances=("auto",), steps=1000
        )
        mine["cold"], default["cold"] = map(cold(name), (mine["settings"][0], "auto"))
        # scikit-learn compiles nothing: a call is a call.
        small = case.X.shape[1] * case.k <= _SMALL
        solvers = ("lbfgs", "newton-cholesky") if small else ("lbfgs",)
        tried = [measure(case, theirs, best, exact, 0, given.limit, solver) for solver in solvers]
        other = fastest([row for rows in tried for row in rows])
        (usual,) = measure(
            case, theirs, best, exact, 0, given.limit, "lbfgs", tolerances=(1e-4,), max_iter=100
        )
        found = {"jax_logreg": mine, "sklearn": other}
        found |= {"jax_logreg_default": default, "sklearn_default": usual}
        results.append({"case": name, **found})
        write(given.out, given.name, results, {one.name for one in status})


def row(case, settings, mine, other):
    """A row of the table; "wrong" where the penalty chosen is not that of the exact models."""

    def judged(one):
        chosen = "" if one["right_penalty"] else ", wrong penalty"
        return f"{one['suboptimality']:.0e}", f"{one['held_out_error']:.1%}{chosen}"

    return (
        case,
        settings,
        f"{mine['seconds']:.3g}",
        f"{mine['cold']:.3g}",
        *judged(mine),
        f"{other['seconds']:.3g}",
        *judged(other),
        f"**{mine['seconds'] / other['seconds']:.2f}**",
        f"{mine['cold'] / other['seconds']:.2f}",
        f"{mine['memory_mb']:.0f}",
    )


def write(folder, name, results, references):
    """The table and the figures behind it."""
    head = [
        "examples x features x classes",
        "settings",
        "this project, s",
        "first call, s",
        "worst suboptimality",
        "held-out error",
        "scikit-learn, s",
        "worst suboptimality",
        "held-out error",
        "this / theirs",
        "first / theirs",
        "memory, MB",
    ]
    rows = [
        row(found["case"], *names, *(found[f"{side}{kind}"] for side in ("jax_logreg", "sklearn")))
        for found in results
        for kind, *names in (("", "fastest within 1e-6"), ("_default", "default"))
    ]
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(
        folder,
        name,
        text,
        {"origin": source, "references": sorted(references), "cases": results},
    )
    draw(results, folder / f"{name}.svg")


def draw(results, file):
    """Two bars a case, on a logarithmic scale."""
    figure, axes = picture(8, 0.9 + 0.75 * len(results))
    places = np.arange(len(results))[::-1]
    for shift, side, label, colour in (
        (0.2, "jax_logreg", "jax_logreg", "#2166ac"),
        (-0.2, "sklearn", "scikit-learn, n_jobs=2", "#999999"),
    ):
        seconds = [found[side]["seconds"] for found in results]
        bars = axes.barh(places + shift, seconds, 0.36, label=label, color=colour)
        words = [
            f"{one:.3g} s" + ("" if found[side]["suboptimality"] <= GOAL else ", not converged")
            for one, found in zip(seconds, results, strict=True)
        ]
        axes.bar_label(bars, words, fontsize=9, padding=3)
    names = [found["case"].replace("x", " x ") for found in results]
    axes.set_yticks(places, names)
    axes.set(xscale="log", xlabel="seconds, 10 penalties x 5 folds", title="")
    axes.margins(x=0.25)
    axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=9)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    main()
