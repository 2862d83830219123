"""Distances of held-out scores, by default settings, from those of the exact models.

    python experiments/held_out.py [--case NAME ...] [--quick] [--out FOLDER]

10 penalties (C from 1e-4 to 1e4) x 5 stratified folds, minus log loss of what is held out. This
project's `cross_validate` and `LogisticRegressionCV` and scikit-learn's `LogisticRegressionCV` take
the same folds at their default settings, scikit-learn's at tol=1e-6 too. The exact models are
float64 fits to a relative gap of 1e-12. Errors are relative to the exact score of the same penalty
and fold; the worst of all 50 counts. Results go to experiments/results/held_out.md and .json.
Nothing is timed.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from timing import footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Spec, make  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

from sklearn import datasets  # noqa: E402
from sklearn.linear_model import LogisticRegressionCV as Theirs  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402

from jax_logreg import Status  # noqa: E402
from jax_logreg.sklearn import LogisticRegressionCV as Ours  # noqa: E402
from jax_logreg.sweep import cross_validate  # noqa: E402

CS = np.logspace(-4, 4, 10)
# The relative gap of the exact models, the steps that they may take, and the unknowns up to which
# Newton's method finds them.
_EXACT, _STEPS, _NEWTON = 1e-12, 20_000, 1_000


def wide():
    """Rows (2000, 5000) of one common factor: a weak penalty lets a model fit its part exactly."""
    rng = np.random.default_rng(22)
    X = rng.standard_normal((2000, 5000))
    X += 0.5 * rng.standard_normal((2000, 1))
    w = rng.standard_normal(5000) / np.sqrt(5000) * 2
    return X, (rng.random(2000) < 1 / (1 + np.exp(-(X @ w)))).astype(int)


def standardised(load):
    """Rows of a bundled data set, each feature of mean 0 and deviation 1."""
    X, y = load(return_X_y=True)
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1), y


def sparse():
    """Counts of words, in CSR."""
    case = make(Spec(2_000, 10_000, density=0.003))
    return case.X, case.y


CASES = {
    "2,000 x 5,000": wide,
    "breast cancer, 569 x 30": lambda: standardised(datasets.load_breast_cancer),
    "digits, 1,797 x 64, 10 classes": lambda: standardised(datasets.load_digits),
    "sparse, 2,000 x 10,000": sparse,
}
QUICK = ("breast cancer, 569 x 30",)


def validated(X, y, folds, **settings):
    """Scores (Cs, folds) of this project's function, and how its models ended."""
    # All folds train on about as many examples; C weighs a sum of losses, a strength their mean.
    scores, ends = np.empty((len(CS), len(folds))), []
    for size in {len(train) for train, _ in folds}:
        mine = [i for i, (train, _) in enumerate(folds) if len(train) == size]
        found = cross_validate(X.T, y, strengths=1 / (CS * size), folds=folds, **settings)
        scores[:, mine] = found.scores[:, mine]
        ends += [found.fold_models.status[c * len(folds) + i] for c in range(len(CS)) for i in mine]
    return scores, ends


def searched(model, X, y, folds, **settings):
    """Scores (Cs, folds) of an estimator."""
    found = model(
        Cs=CS,
        cv=folds,
        l1_ratios=(0.0,),
        scoring="neg_log_loss",
        use_legacy_attributes=False,
        **settings,
    )
    with warnings.catch_warnings():
        # scikit-learn's 100 iterations are part of its defaults.
        warnings.simplefilter("ignore")
        found.fit(X, y)
    return found.scores_[:, 0].T


def study(X, y):
    """The exact scores, and of each way the worst error and the penalty that it chose."""
    folds = list(StratifiedKFold(5).split(X, y))
    unknowns = (X.shape[1] + 1) * len(np.unique(y))
    settings = {"tolerance": _EXACT, "steps": _STEPS, "memory": 4e9}
    settings["solver"] = "newton" if unknowns <= _NEWTON else "auto"
    exact, ends = validated(X, y, folds, dtype="float64", **settings)
    default, _ = validated(X, y, folds)
    ways = {
        "cross_validate": default,
        "LogisticRegressionCV": searched(Ours, X, y, folds),
        "scikit-learn": searched(Theirs, X, y, folds),
        "scikit-learn, tol=1e-6": searched(Theirs, X, y, folds, tol=1e-6, max_iter=10_000),
    }
    best = int(np.argmax(exact.mean(axis=1)))
    found = {
        "exact": exact.tolist(),
        "not proven": sum(one is not Status.CONVERGED for one in ends),
        "best": best,
    }
    for name, scores in ways.items():
        chosen = int(np.argmax(scores.mean(axis=1)))
        error = np.abs(scores / exact - 1)
        found[name] = {
            "error": float(error.max()),
            "by_penalty": error.max(axis=1).tolist(),
            "chosen": chosen,
            "right": chosen == best,
        }
    return found


def main(arguments):
    """Study the cases and write the table."""
    names = arguments.case or (QUICK if arguments.quick else CASES)
    found = {name: study(*CASES[name]()) for name in names}
    ways = ("cross_validate", "LogisticRegressionCV", "scikit-learn", "scikit-learn, tol=1e-6")
    head = ["case", "best C", *(part for way in ways for part in (way, "C"))]
    rows = []
    for name, one in found.items():
        row = [name, f"{CS[one['best']]:.1e}"]
        for way in ways:
            row += [f"{one[way]['error']:.2%}", f"{CS[one[way]['chosen']]:.1e}"]
        rows.append(row)
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(arguments.out, "held_out", text, {"origin": source, "Cs": CS.tolist(), "cases": found})


if __name__ == "__main__":
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, help="only these")
    main(parser.parse_args())
