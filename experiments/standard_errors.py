"""Distances of the answers of default settings from the optimum, in standard errors.

    python experiments/standard_errors.py [--case NAME ...] [--quick] [--out FOLDER]

Both `LogisticRegression`s fit each case with the same C and otherwise default parameters. The error
of an answer is √(2·m·(J − J*)): no coefficient is further from its optimum in its own standard
errors. J* is the lowest cost that any of several float64 fits reached, this project's among them.
Costs that differ by rounding alone are equal: below √(2·m·eps·J) an error cannot be seen. Beside it
stands the error that this project's certificate proves without knowing J*. Results go to
experiments/results/standard_errors.md and .json. Nothing is timed.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from timing import footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Case, Spec, make  # noqa: E402
from experiments.optimum.objective import costs  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

from sklearn import datasets  # noqa: E402
from sklearn.linear_model import LogisticRegression as Theirs  # noqa: E402

from jax_logreg.sklearn import LogisticRegression as Ours  # noqa: E402


def bundled(load, C, standardised=False):
    """One of scikit-learn's data sets as a case."""
    X, y = load(return_X_y=True)
    if standardised:
        X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    k = len(np.unique(y))
    return Case(
        X, y.astype(np.int64), "l2", np.array([1 / (C * len(y))]), 1 if k == 2 else k, False
    )


def drawn(*shape, C=1.0, **more):
    """One of the seeded cases."""
    return make(Spec(*shape, C=C, **more))


CASES = {
    "iris, C = 0.01": lambda: bundled(datasets.load_iris, 0.01),
    "iris, C = 1": lambda: bundled(datasets.load_iris, 1.0),
    "iris, C = 100": lambda: bundled(datasets.load_iris, 100.0),
    "wine, standardised, C = 1": lambda: bundled(datasets.load_wine, 1.0, True),
    "breast cancer, standardised, C = 1": lambda: bundled(datasets.load_breast_cancer, 1.0, True),
    "breast cancer, standardised, C = 1e4": lambda: bundled(datasets.load_breast_cancer, 1e4, True),
    "digits, standardised, C = 1": lambda: bundled(datasets.load_digits, 1.0, True),
    "2,000 x 5,000, C = 1": lambda: drawn(2_000, 5_000),
    "20,000 x 1,000, C = 1": lambda: drawn(20_000, 1_000),
    "100,000 x 100, C = 1": lambda: drawn(100_000, 100),
    "100,000 x 100, C = 1e4": lambda: drawn(100_000, 100, C=1e4),
    "sparse 20,000 x 50,000, C = 1": lambda: drawn(20_000, 50_000, density=0.001),
}
QUICK = ("iris, C = 0.01",)


def study(case):
    """Errors of both sides in standard errors, what is proven, and the farthest coefficient."""
    C = 1 / (case.strength * len(case.y))
    models = {"scikit-learn": Theirs(C=C), "jax_logreg": Ours(C=C)}
    exact = [Ours(C=C, tol=1e-14, max_iter=5_000), Theirs(C=C, tol=1e-12, max_iter=20_000)]
    if case.k * case.X.shape[1] <= 1_000:
        exact.append(Theirs(C=C, tol=1e-11, max_iter=1_000, solver="newton-cholesky"))
    with warnings.catch_warnings():
        # scikit-learn's 100 iterations are part of its defaults; the others ask for all digits.
        warnings.simplefilter("ignore")
        for model in [*models.values(), *exact]:
            model.fit(case.X, case.y)
    every = [costs(case, one.coef_, one.intercept_)[0] for one in [*exact, *models.values()]]
    best = min(every)
    reference = exact[int(np.argmin(every[: len(exact)]))]
    # Costs that differ by a few roundings are the same.
    found = {"visible": float(np.sqrt(2 * len(case.y) * 4 * np.finfo(float).eps * best))}
    found |= {"proven": float(models["jax_logreg"].result_.certificate.error_in_std_errs)}
    found["status"] = models["jax_logreg"].result_.status.name.lower()
    for (name, model), J in zip(models.items(), every[len(exact) :], strict=True):
        found[name] = {
            "error": float(np.sqrt(2 * len(case.y) * max(J - best, 0))),
            "farthest": float(np.abs(model.coef_ - reference.coef_).max()),
        }
    return found


def shown(one, error):
    """The error, or that it cannot be seen."""
    return f"{error:.1e}" if error > one["visible"] else f"< {one['visible']:.0e}"


def main(arguments):
    """Study the cases and write the table."""
    names = arguments.case or (QUICK if arguments.quick else CASES)
    found = {name: study(CASES[name]()) for name in names}
    source = origin()
    head = [
        "case",
        "scikit-learn",
        "jax_logreg",
        "proven",
        "coefficient, scikit-learn",
        "coefficient, jax_logreg",
    ]
    rows = [
        [name]
        + [shown(one, one[side]["error"]) for side in ("scikit-learn", "jax_logreg")]
        + [f"{one['proven']:.1e}"]
        + [f"{one[side]['farthest']:.1e}" for side in ("scikit-learn", "jax_logreg")]
        for name, one in found.items()
    ]
    text = table(head, rows) + "\n\n" + footer(source)
    save(arguments.out, "standard_errors", text, {"origin": source, "cases": found})


if __name__ == "__main__":
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeatable")
    main(parser.parse_args())
