"""scikit-learn's own tests of its logistic regression, run on the estimators of this package.

    python experiments/sklearn_suite.py            # all of them; minutes
    python experiments/sklearn_suite.py -k penalty # those that pytest's arguments choose

The installed `sklearn.linear_model.tests.test_logistic` is imported as it is; then both classes in
it are swapped. Of what it tests, `CANNOT` names the cases that fail and why:
docs/guides/migrating.md has the same table. The exit code is 0 where all others pass, or are
skipped.
"""

import os
import sys

import pytest
import sklearn
from sklearn import linear_model

import jax_logreg.sklearn

SUITE = "sklearn.linear_model.tests.test_logistic"
# Name of a test, or of some of its cases, to the reason.
CANNOT = {
    "test_check_solver_option": "any name of a solver takes any l1_ratio here, and dual",
    "test_liblinear_dual_random_state": "no answer depends on the random state",
    "test_large_sparse_matrix[csr_matrix-liblinear]": "64-bit indices are taken",
    "test_large_sparse_matrix[csr_matrix-sag]": "64-bit indices are taken",
    "test_large_sparse_matrix[csr_matrix-saga]": "64-bit indices are taken",
    "test_large_sparse_matrix[csr_array-liblinear]": "64-bit indices are taken",
    "test_large_sparse_matrix[csr_array-sag]": "64-bit indices are taken",
    "test_large_sparse_matrix[csr_array-saga]": "64-bit indices are taken",
    "test_liblinear_with_large_values": "1e100 is fitted: nothing freezes",
    "test_logistic_cv_multinomial_score[neg_log_loss-multiclass_agg_list3]": (
        "compares with scikit-learn's own score at tol=1e-4"
    ),
    **{
        f"test_max_iter[42-{case}-max_iter3]": "Newton's fourth step reaches tol=1e-15"
        for case in (
            "lbfgs-lbfgs failed to converge",
            "newton-cg-newton-cg failed to converge.* Increase the number of iterations.",
            "liblinear-Liblinear failed to converge, increase the number of iterations.",
            "sag-The max_iter was reached which means the coef_ did not converge",
            "saga-The max_iter was reached which means the coef_ did not converge",
        )
    },
    "test_newton_cholesky_fallback_to_lbfgs": "singular Hessians are solved: no other method runs",
}


class Swap:
    """The plugin of pytest that swaps the classes, and counts."""

    def __init__(self) -> None:
        self.passed, self.failed = [], []

    def pytest_collection_modifyitems(self, items):
        ours = {name: getattr(jax_logreg.sklearn, name) for name in jax_logreg.sklearn.__all__}
        theirs = {getattr(linear_model, name): found for name, found in ours.items()}
        for module in {item.module for item in items}:
            assert module.__name__.endswith("test_logistic")
            vars(module).update(ours)
        for item in items:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            for name, value in given.items():
                if isinstance(value, type) and value in theirs:
                    given[name] = theirs[value]

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::")[-1]
        if report.failed:
            self.failed.append(name)
        elif report.when == "call" and report.passed:
            self.passed.append(name)


def known(name: str) -> str | None:
    """Return why the case of that name cannot pass, None where it can."""
    return CANNOT.get(name, CANNOT.get(name.partition("[")[0]))


def main(arguments: list[str]) -> int:
    swap = Swap()
    # Neither this project's settings of pytest nor its cache.
    settings = ["-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--tb=short"]
    where = ["--collect-in-virtualenv", "--pyargs", SUITE]
    code = pytest.main([*settings, *where, *arguments], plugins=[swap])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(code)
    total = len(swap.passed) + len(swap.failed)
    print(f"scikit-learn {sklearn.__version__}: {len(swap.passed)} of {total} pass")
    unknown = [name for name in swap.failed if known(name) is None]
    for name in swap.failed:
        print(f"  {name}: {known(name) or 'UNEXPECTED'}")
    for name in [name for name in swap.passed if known(name) is not None]:
        print(f"  {name} passes, though CANNOT names it")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
