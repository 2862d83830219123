"""Cost and gain of the default tolerance beside 1e-4 of J(0).

    python experiments/default_tolerance.py [--quick] [--out FOLDER]

`fit` of float64 rows in memory, C = 1, float32, at `tolerance=1e-4` and at "auto" in turns: medians
of five warm calls, with steps and the error that the certificate proves, in standard errors.
Results go to experiments/results/default_tolerance.md and .json.
"""

import sys
from pathlib import Path

from timing import alternate, footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import Spec, make  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

from jax_logreg import L2, fit  # noqa: E402

CASES = {
    "100,000 x 100": Spec(100_000, 100),
    "20,000 x 1,000": Spec(20_000, 1_000),
    "2,000 x 5,000": Spec(2_000, 5_000),
    "20,000 x 256, 50 classes": Spec(20_000, 256, classes=50),
}
QUICK = {"200 x 5": Spec(200, 5)}
TOLERANCES = (1e-4, "auto")


def study(spec, rounds):
    """Seconds, steps and proven error of each tolerance."""
    case = make(spec)

    def at(tolerance):
        return lambda: fit(
            case.X.T,
            case.y,
            penalty=L2(case.strength),
            tolerance=tolerance,
            gradient_check="off",
        )

    seconds, found = alternate({name: at(name) for name in TOLERANCES}, rounds)
    return {
        str(name): {
            "seconds": seconds[name],
            "steps": int(found[name].steps),
            "error_in_std_errs": float(found[name].certificate.error_in_std_errs),
        }
        for name in TOLERANCES
    }


def main():
    """Study the cases and write the table."""
    given = options(__doc__.splitlines()[0]).parse_args()
    cases, rounds = (QUICK, 1) if given.quick else (CASES, 5)
    results = {name: study(spec, rounds) for name, spec in cases.items()}
    head = [
        "case",
        "1e-4, s",
        "steps",
        "proven error",
        '"auto", s',
        "steps",
        "proven error",
        "ratio",
    ]
    rows = []
    for name, found in results.items():
        loose, auto = (found[str(tolerance)] for tolerance in TOLERANCES)
        cells = [
            cell
            for one in (loose, auto)
            for cell in (f"{one['seconds']:.3g}", one["steps"], f"{one['error_in_std_errs']:.2g}")
        ]
        rows.append([name, *cells, f"**{auto['seconds'] / loose['seconds']:.2f}**"])
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(given.out, "default_tolerance", text, {"origin": source, "cases": results})


if __name__ == "__main__":
    main()
