"""scikit-learn's own tests of its logistic regression, run on the estimators here."""

import re
import subprocess
import sys

import pytest
from pages import ROOT
from test_experiments import rival

SCRIPT = ROOT / "experiments" / "sklearn_suite.py"
# One of each kind, all of them red before: a parameter, a fold, a dtype, a warning, a callback.
NAMED = (
    "test_write_parameters or test_penalty_deprecated or test_l1_ratio_non_elasticnet or "
    "test_logistic_cv_mock_scorer or test_logisticregression_warns_with_n_jobs or "
    "(test_logistic_cv_folds_with_classes_missing and 3-False) or "
    "test_logistic_regression_callback_support or (test_max_iter and lbfgs and max_iter2) or "
    "test_liblinear_multiclass_raises"
)


def run(*arguments):
    command = [sys.executable, SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    count = re.search(r"scikit-learn \S+: (\d+) of (\d+) pass", done.stdout)
    assert count, done.stdout + done.stderr
    return done, *map(int, count.groups())


def test_some_of_the_suite():
    done, passed, total = run("-k", NAMED)
    assert passed == total >= 14 and done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_whole_suite():
    done, passed, total = run()
    assert done.returncode == 0, done.stdout
    page = (ROOT / "docs" / "guides" / "migrating.md").read_text()
    assert f"{passed} of {total} pass" in " ".join(page.split())
    assert "though CANNOT names it" not in done.stdout


def test_the_page_names_what_cannot_pass():
    page = (ROOT / "docs" / "guides" / "migrating.md").read_text()
    rows = re.findall(r"^\| `(test_\w+)` \| (\d+) \|", page, re.MULTILINE)
    cannot = {name.partition("[")[0] for name in rival("sklearn_suite").CANNOT}
    assert {name for name, _ in rows} == cannot
