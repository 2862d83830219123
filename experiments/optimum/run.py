"""Time to the optimum: jax_logreg and the field's solvers, each as far as it has to go.

    python experiments/optimum/run.py [--case NAME ...] [--rival NAME ...] [--repeats N]
        [--limit SECONDS] [--old-python PATH] [--out experiments/results/optimum.md]

The rivals, beside `pip install -e '.[dev]'`:

    pip install glum skglm celer snapml liblinear-official statsmodels

adelie needs NumPy 1: `pip install adelie scipy` in another virtual environment of the same Python,
whose interpreter is then --old-python. Without it adelie's rows say that it is missing. --rival
takes a file of rivals/ or one of its variants, as "sklearn lbfgs". Results go to optimum.md, .json
and a picture a case, rewritten after each case. Cases of the same commit and versions that stand
there already stay. All of it takes hours, most of them the slowest rivals'.
"""

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from experiments.optimum.cases import CASES, load, make, save  # noqa: E402
from experiments.optimum.measure import measure  # noqa: E402
from experiments.optimum.report import case_text, header, picture, summary  # noqa: E402
from experiments.optimum.rival import interpreters  # noqa: E402
from experiments.optimum.rivals import RIVALS, label  # noqa: E402
from experiments.timing import RESULTS, free_blas, origin  # noqa: E402
from experiments.timing import save as save_results  # noqa: E402
from jax_logreg.cli import set_xla_flags  # noqa: E402

DISTRIBUTIONS = (
    "jax_logreg", "numpy", "scipy", "jax", "optax", "scikit-learn", "glum", "skglm", "celer",
    "snapml", "liblinear-official", "statsmodels", "adelie",
)  # fmt: skip


def main(arguments=None):
    """Measure the chosen cases and write the report."""
    free_blas()
    options = parser().parse_args(arguments)
    # Inherited by the rivals' processes, before any of them imports JAX.
    set_xla_flags()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    pythons, rivals = interpreters(options.old_python), chosen(options.rival)
    source = {**origin(), "date": datetime.date.today().isoformat()}
    versions = find_versions(pythons)
    figures = earlier(options.out.with_suffix(".json"), source["commit"], versions)
    for name in options.case or CASES:
        print(name, flush=True)
        folder = prepared(name)
        case = load(folder)
        figures[name] = measure(case, folder, rivals, pythons, options.repeats, options.limit)
        figures[name] |= {"repeats": options.repeats, "limit": options.limit}
        entries = case.X.nnz if case.sparse else case.X.size
        figures[name]["megabytes"] = entries * (8 if case.sparse else 4) / 1e6
        write(options.out, source, versions, figures)


def write(out, source, versions, figures):
    """The report of the cases measured so far, with a picture each."""
    out.parent.mkdir(parents=True, exist_ok=True)
    ordered = {name: figures[name] for name in CASES if name in figures}
    text = [header(source, versions), summary(ordered)]
    for name, case in ordered.items():
        picture(out.parent, name, case)
        text.append(case_text(name, CASES[name], case))
    record = {"origin": source, "versions": versions, "cases": figures}
    save_results(out.parent, out.stem, "\n\n".join(text), record)


def earlier(file, commit, versions):
    """The cases already measured of this commit with these versions, to be added to."""
    if not file.exists():
        return {}
    record = json.loads(file.read_text())
    same = record["origin"]["commit"] == commit and record["versions"] == versions
    return record["cases"] if same else {}


def parser():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, help="by default all")
    parser.add_argument("--rival", nargs="+", help="files of rivals/, or their variants")
    parser.add_argument("--repeats", type=int, default=5, help="warm fits a rival")
    parser.add_argument("--limit", type=float, default=60, help="seconds; twice that ends a fit")
    parser.add_argument("--old-python", type=Path, help="interpreter with NumPy 1, for adelie")
    parser.add_argument("--out", type=Path, default=RESULTS / "optimum.md")
    return parser


def chosen(names):
    """Pairs of file and variant; a file's name stands for all its variants."""
    pairs = [(name, variant) for name, variants in RIVALS.items() for variant in variants]
    unknown = set(names or ()) - {*RIVALS, *(label(*pair) for pair in pairs)}
    if unknown:
        raise SystemExit(f"no such rival: {', '.join(sorted(unknown))}; of {', '.join(RIVALS)}")
    return [pair for pair in pairs if not names or pair[0] in names or label(*pair) in names]


def prepared(name):
    """The folder of a case's data and J*, made once for each version of the generators."""
    version = hashlib.sha256((Path(__file__).parent / "cases.py").read_bytes()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"jax_logreg_optimum_{version}" / name
    if not (folder / "case.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        save(make(CASES[name]), folder)
    return folder


def find_versions(pythons):
    """Return the installed versions, the first interpreter before the second."""
    code = (
        "import importlib.metadata as m, sys\n"
        "have = {d.name.lower().replace('_', '-'): d.version for d in m.distributions()}\n"
        "print(*(have.get(n.replace('_', '-'), '-') for n in sys.argv[1:]))"
    )
    found = {}
    for python in reversed(pythons):
        done = subprocess.run(
            [python, "-c", code, *DISTRIBUTIONS], capture_output=True, text=True, check=True
        )
        listed = zip(DISTRIBUTIONS, done.stdout.split(), strict=True)
        found.update({name: version for name, version in listed if version != "-"})
    return {name: found[name] for name in DISTRIBUTIONS if name in found}


if __name__ == "__main__":
    main()
