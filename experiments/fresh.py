"""First calls of fresh processes: cases by name, and settings until one is close enough."""

import os
import statistics
from bisect import bisect_left
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from timing import options, origin, save


def main(doc, name, cases, default, quick, measured, text_of, add=None):
    """Measure the chosen cases, and write the table after each.

    Args:
        doc: the text of the script.
        name: of the results.
        cases: all of them, by name.
        default: the names of those that are measured by default.
        quick: the tiny ones of --quick.
        measured: (case, options) to a dict of figures.
        text_of: (list of these dicts, origin) to the text of the results.
        add: gives the parser options of the script's own.
    """
    parser = options(doc.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=cases, default=default)
    if add is not None:
        add(parser)
    given = parser.parse_args()
    given.processes = 1 if given.quick else 3
    chosen = quick if given.quick else {one: cases[one] for one in given.case}
    source, results = origin(), []
    for one, case in chosen.items():
        results.append({"case": one, **measured(case, given)})
        figures = {"origin": source, "cases": results}
        save(given.out, name, text_of(results, source), figures)


def loosest(settings, close):
    """The place of the first setting that is close, of settings from loose to tight; else None.

    A tighter one takes longer: so the half that a look rules out is not tried.
    """
    place = bisect_left(settings, True, key=close)
    return place if place < len(settings) else None


@contextmanager
def kept():
    """A folder in which processes keep their compiled programs, where they keep none otherwise."""
    before = os.environ["JAX_LOGREG_CACHE"]
    with TemporaryDirectory() as folder:
        os.environ["JAX_LOGREG_CACHE"] = folder
        try:
            yield
        finally:
            os.environ["JAX_LOGREG_CACHE"] = before


def median(values):
    """The median, None of nothing."""
    values = list(values)
    return statistics.median(values) if values else None


def shown(value, form=".3g"):
    """A figure in a table, a dash where it is missing."""
    return "-" if value is None else f"{value:{form}}"


def ratio(mine, theirs):
    """Two figures as a ratio in bold, a dash where one is missing."""
    return "-" if mine is None or theirs is None else f"**{mine / theirs:.2f}**"
