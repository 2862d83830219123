"""Part 4: to the optimum, by `fit` and by a sweep of 10 penalties x 5 folds, beside others.

The data lie on the device before any clock starts; scikit-learn has them on the host. J* is the
lowest cost that a float64 fit, proven to 1e-10 of J(0), or any method has reached.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.accelerator_parts import rivals
from experiments.accelerator_parts.machine import refuse_cpu
from experiments.accelerator_parts.measuring import compilation, side_by_side
from experiments.optimum.cases import Spec, make, save
from experiments.optimum.objective import costs, suboptimality
from jax_logreg import L2, Status, fit
from jax_logreg.sweep import cross_validate

CASES = {
    "100,000 x 100": Spec(100_000, 100),
    "20,000 x 1,000": Spec(20_000, 1_000),
    "1,000,000 x 256": Spec(1_000_000, 256),
    "50,000 x 512 x 100": Spec(50_000, 512, classes=100),
}
_DRY = {"120 x 4": Spec(120, 4)}
FOLDS, CS = 5, np.logspace(-4, 4, 10)
# Largest gradient entry that PyTorch is asked for, loosest first.
TOLERANCES = (1e-3, 1e-5, 1e-7)
# Seconds: what PyTorch's fits of a case may take, and its fits of a sweep; the same of the host's
# library; and a fit that is not repeated once its first call has taken as long.
_FIT, _SWEEP, _HOST_FIT, _HOST_SWEEP, _LONG = 10, 6, 12, 15, 3
# Bytes that the models of a sweep may take beside X.
_MEMORY = 2e10
# Seconds that a case needs to be worth starting: data, compilation, and some fits.
_CASE, _EXACT = 20, 15
_HERE = Path(__file__).parents[2]


class Problem:
    """A case: float64 rows on the host, X (n, m) in float32 on the device, and what was found."""

    def __init__(self, name, spec):
        self.name, self.case = name, make(spec)
        self.X = jax.block_until_ready(jnp.asarray(np.asarray(self.case.X.T, np.float32)))
        self.found, self.best = {}, np.inf

    @property
    def strengths(self):
        """Return the strengths of the sweep, for C and the examples in training."""
        return 1 / (CS * len(self.case.y) * (FOLDS - 1) / FOLDS)

    def add(self, method, w, b, **figures):
        """Keep what a method found: w (n, k), b (k, 1)."""
        J = costs(self.case, np.asarray(w, np.float64).T, np.asarray(b, np.float64)[:, 0])
        self.best = np.fmin(self.best, J)
        self.found[method] = (J, figures)


def run(work):
    """Fits of all cases; then sweeps; then the host's library; then the sweeps' exact scores."""
    refuse_cpu(work)
    problems = []
    for name, spec in (_DRY if work.dry else CASES).items():
        if work.has(_CASE, "fits", case=name, method="all"):
            with work.attempt("fits", case=name, method="all"):
                problems.append(Problem(name, spec))
                fits(work, problems[-1])
    swept = {}
    for problem in problems:
        if work.has(_CASE, "sweeps", case=problem.name, method="this project"):
            with work.attempt("sweeps", case=problem.name, method="this project"):
                swept[problem.name] = sweep(work, problem)
    for problem in problems:
        on_host(work, problem, "fit", _HOST_FIT)
    for problem in problems:
        if problem.name in swept and work.has(_EXACT, "scores", case=problem.name):
            with work.attempt("scores", case=problem.name):
                scores(work, problem, swept[problem.name])
    for problem in problems:
        on_host(work, problem, "sweep", _HOST_SWEEP)


def _in_turn(run):
    """The first call, what of it was compilation, the warm seconds, and what came back."""
    with compilation() as taken:
        began = time.perf_counter()
        run()
        first = time.perf_counter() - began
    began = time.perf_counter()
    found = run()
    once = time.perf_counter() - began
    warm = side_by_side({"": run}, once, rounds=5, within=2.0)[""] if once < 1 else once
    return {"first": first, "compile": sum(taken), "seconds": warm}, found


def fits(work, problem):
    """One fit at the default tolerance, the exact answer, and PyTorch's at several tolerances."""
    case = problem.case
    settings = {"penalty": L2(case.strength), "gradient_check": "off"}
    times, ours = _in_turn(partial(fit, problem.X, case.y, **settings))
    problem.add(
        "this project",
        *ours.params,
        **times,
        steps=int(ours.steps),
        status=Status(int(ours.status)).name.lower(),
        gap=float(ours.certificate.relative_gap),
        note=ours.solver,
    )
    by_pytorch(work, problem)
    exact = fit(
        problem.X,
        case.y,
        **settings,
        params=ours.params,
        dtype="float64",
        tolerance=1e-10,
    )
    gap = float(exact.certificate.relative_gap)
    problem.add("J*, float64", *exact.params, steps=int(exact.steps), gap=gap)
    for method, (J, figures) in problem.found.items():
        far = suboptimality(case, J, problem.best)
        work.row("fits", case=problem.name, method=method, suboptimality=far, **figures)


def by_pytorch(work, problem):
    """PyTorch's fits, loosest tolerance first, until the seconds of them all are over."""
    case, until = problem.case, time.perf_counter() + _FIT

    def timed(tolerance):
        began = time.perf_counter()
        found = rivals.fit(problem.X, case.y, case.k, case.strength, tolerance, until - began)
        return time.perf_counter() - began, found

    for tolerance in TOLERANCES:
        name = f"PyTorch L-BFGS, gradient at most {tolerance:g}"
        with work.attempt("fits", case=problem.name, method=name):
            first, (w, b, evaluations) = timed(tolerance)
            seconds = first
            if first < _LONG:
                seconds, (w, b, evaluations) = timed(tolerance)
            problem.add(name, w, b, first=first, seconds=seconds, steps=evaluations)


def _swept(problem, **settings):
    case = problem.case
    return cross_validate(
        problem.X,
        case.y,
        strengths=problem.strengths,
        penalty=L2,
        folds=FOLDS,
        memory=_MEMORY,
        **settings,
    )


def sweep(work, problem):
    """All models at the default tolerance, by this project, and as many as PyTorch has time for."""
    times, found = _in_turn(partial(_swept, problem))
    both = (found.models, found.fold_models)
    status = [Status(int(one)).name.lower() for fits in both for one in fits.status]
    gaps = np.concatenate([np.ravel(fits.certificate.relative_gap) for fits in both])
    steps = np.concatenate([np.ravel(fits.steps) for fits in both])
    work.row(
        "sweeps",
        case=problem.name,
        method="this project",
        **times,
        models=len(status),
        converged=status.count("converged"),
        floored=status.count("precision_floor"),
        gap=float(gaps.max()),
        steps=float(steps.mean()),
    )
    with work.attempt("sweeps", case=problem.name, method="PyTorch L-BFGS, one by one"):
        one_by_one(work, problem, found)
    return found


def one_by_one(work, problem, found):
    """PyTorch's fits of the same models, one after another, until the seconds are over."""
    case, done, began = problem.case, 0, time.perf_counter()
    everything = np.zeros((1, len(case.y)), bool)
    folds = [np.flatnonzero(~out) for out in (*everything, *np.asarray(found.held_out, bool))]
    with suppress(rivals.TooLateError):
        for kept in folds:
            X, y = (problem.X[:, kept], case.y[kept]) if done else (problem.X, case.y)
            for strength in problem.strengths:
                left = _SWEEP - (time.perf_counter() - began)
                rivals.fit(X, y, case.k, float(strength), TOLERANCES[1], left)
                done += 1
    work.row(
        "sweeps",
        case=problem.name,
        method="PyTorch L-BFGS, one by one",
        seconds=time.perf_counter() - began,
        models=len(folds) * len(problem.strengths),
        done=done,
    )


def scores(work, problem, found):
    """The held-out scores of the sweep beside those of float64 models at a tolerance of 1e-8."""
    exact = _swept(problem, dtype="float64", tolerance=1e-8)
    error = np.abs(found.scores / exact.scores - 1).max()
    work.row(
        "scores",
        case=problem.name,
        error=float(error),
        best=float(CS[found.best]),
        exact_best=float(CS[exact.best]),
        gap=float(np.max(exact.fold_models.certificate.relative_gap)),
    )


def on_host(work, problem, kind, limit):
    """scikit-learn at its defaults on the host's cores, in a process that is ended at its limit."""
    names = {"case": problem.name, "method": "scikit-learn, host"}
    table = "fits" if kind == "fit" else "sweeps"
    if not work.has(limit + 3, table, **names):
        return
    with work.attempt(table, **names), tempfile.TemporaryDirectory() as folder:
        save(problem.case, Path(folder))
        command = [sys.executable, "-m", "experiments.accelerator_parts.host_rival", folder, kind]
        command += [*map(str, problem.strengths)] if kind == "sweep" else []
        try:
            done = subprocess.run(
                command, cwd=_HERE, capture_output=True, text=True, timeout=limit + 5
            )
        except subprocess.TimeoutExpired:
            work.row(table, **names, failed=f"more than {limit} s, its start included")
            return
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no word"])[-1])
        kept = np.load(Path(folder) / "found.npz")
        figures = {"seconds": float(kept["seconds"]), "steps": float(kept["steps"])}
        figures["libraries"] = str(kept["libraries"])
        if kind == "fit":
            problem.add(names["method"], kept["w"].T, kept["b"][:, None])
            far = suboptimality(problem.case, problem.found[names["method"]][0], problem.best)
            work.row(table, **names, **figures, suboptimality=far)
        else:
            models = len(CS) * (FOLDS + 1)
            work.row(table, **names, **figures, models=models, done=models)
