"""A thousand bootstraps beside a thousand fits, and fifty models beside one.

    python experiments/many.py [--quick] [--out FOLDER]

The bootstraps are of 5,000 examples x 50 features at C = 1: `bootstrap` beside scikit-learn fitted
to the same integer weights in two jobs, by its faster solver; suboptimality is that of the worst
model, in units of J(0), against float64 fits to a relative gap of 1e-8. Fifty models are C from
1e-2 to 1e2 at one tolerance, beside the median of five of them fitted one by one by the same
method. Medians of three calls after the first. Results: experiments/results/many.md and .json.
"""

import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from timing import footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Spec, make  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

from jax_logreg import L2, fit  # noqa: E402
from jax_logreg.sweep import bootstrap, fit_many  # noqa: E402

GOAL, TOLERANCES, ROUNDS = 1e-6, (1e-3, 3e-4, 1e-4, 3e-5, 1e-5), 3
SIZES = {"100000x100": Spec(100_000, 100), "20000x1000": Spec(20_000, 1_000)}
SIZES["2000x5000"] = Spec(2_000, 5_000)


def timed(call):
    """Seconds of a first call, the median of the next, and what the last gave back."""
    seconds = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        found = call()
        seconds.append(time.perf_counter() - began)
    return seconds[0], statistics.median(seconds[1:]), found


def costs(case, counts, w, b, strength):
    """The cost of each resample's model, float64, by NumPy alone."""
    Z = np.asarray(w, np.float64) @ case.X.T + np.asarray(b, np.float64)
    entropy = np.sum(counts * (np.logaddexp(0, Z) - case.y * Z), axis=1) / counts.sum(axis=1)
    return entropy + strength / 2 * np.sum(np.square(w), axis=1)


def resamples(case, count):
    """`bootstrap` and scikit-learn's fits, the same draws for both."""
    m = len(case.y)
    rngs = (np.random.default_rng([0, i]) for i in range(count))
    counts = np.stack([np.bincount(rng.integers(0, m, m), minlength=m) for rng in rngs])
    strength = 1 / m
    exact = fit_many(
        case.X.T, case.y, s=counts, penalty=L2(strength), dtype="float64", tolerance=1e-8
    )
    best = costs(case, counts, exact.params.w[:, :, 0], exact.params.b[:, 0], strength)
    found, cold = {}, None
    for tolerance in TOLERANCES:
        first, seconds, boot = timed(
            lambda tolerance=tolerance: bootstrap(
                case.X.T, case.y, resamples=count, penalty=L2(strength), tolerance=tolerance
            )
        )
        w, b = boot.models.params
        excess = (costs(case, counts, w[:, :, 0], b[:, 0], strength) - best).max() / np.log(2)
        # Only the first of all compiles.
        cold = cold or first
        found["jax_logreg"] = {"seconds": seconds, "suboptimality": excess, "first": cold}
        if excess <= GOAL:
            break
    found["sklearn"] = min(
        (theirs(case, counts, strength, best, solver) for solver in ("lbfgs", "newton-cholesky")),
        key=lambda row: (row["suboptimality"] > GOAL, row["seconds"]),
    )
    return found


def theirs(case, counts, strength, best, solver):
    """scikit-learn, a resample at a time, two at once, at the loosest tolerance that is enough."""
    from joblib import Parallel, delayed
    from sklearn.linear_model import LogisticRegression

    def one(s, tolerance):
        model = LogisticRegression(solver=solver, tol=tolerance, max_iter=10_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(case.X, case.y, sample_weight=s)
        return np.append(model.coef_[0], model.intercept_)

    for tolerance in (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6):
        began = time.perf_counter()
        w = np.stack(Parallel(n_jobs=2)(delayed(one)(s, tolerance) for s in counts))
        seconds = time.perf_counter() - began
        excess = (costs(case, counts, w[:, :-1], w[:, -1:], strength) - best).max() / np.log(2)
        if excess <= GOAL:
            break
    return {"seconds": seconds, "suboptimality": excess, "settings": [solver, tolerance]}


def fifty(case):
    """Seconds of fifty models at once, and of one."""
    strengths = 1 / (np.logspace(-2, 2, 50) * len(case.y))
    rows = case.X.T

    def alone(strength):
        return fit(rows, case.y, penalty=L2(strength), solver="lbfgs", gradient_check="off")

    _, together, found = timed(lambda: fit_many(rows, case.y, penalty=L2(strengths)))
    one = statistics.median(timed(lambda s=s: alone(s))[1] for s in strengths[5::10])
    return {"together": together, "one": one, "status": sorted({s.name for s in found.status})}


def main():
    """Measure, and write both tables."""
    given = options(__doc__.splitlines()[0]).parse_args()
    spec, count = (Spec(200, 5), 20) if given.quick else (Spec(5_000, 50), 1_000)
    found = {"resamples": resamples(make(spec), count), "fifty": {}}
    sizes = {"200x5": Spec(200, 5)} if given.quick else SIZES
    for name, size in sizes.items():
        found["fifty"][name] = fifty(make(size))
    write(given.out, f"{count:,} bootstraps, {spec.m:,} x {spec.n}", found)


def write(folder, what, found):
    """The tables and the figures behind them."""
    mine, other = found["resamples"]["jax_logreg"], found["resamples"]["sklearn"]
    row = (
        what,
        f"{mine['seconds']:.3g}",
        f"{mine['suboptimality']:.0e}",
        f"{other['seconds']:.3g}",
        f"{other['suboptimality']:.0e}",
        f"**{mine['seconds'] / other['seconds']:.3f}**",
        f"{mine['first']:.3g}",
    )
    head = ["case", "this project, s", "worst suboptimality", "scikit-learn, s"]
    head += ["worst suboptimality", "this / theirs", "first call, s"]
    rows = [
        (
            name,
            f"{seconds['together']:.3g}",
            f"{seconds['one']:.3g}",
            f"**{seconds['together'] / seconds['one']:.1f}**",
        )
        for name, seconds in found["fifty"].items()
    ]
    fifty_head = ["examples x features", "50 models, s", "one, s", "50 / one"]
    source = origin()
    text = f"{table(head, [row])}\n\n{table(fifty_head, rows)}\n\n{footer(source)}"
    save(folder, "many", text, {"origin": source, **found})


if __name__ == "__main__":
    main()
