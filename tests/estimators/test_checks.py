"""scikit-learn's own checks of an estimator."""

import pytest
from cases import quick_compilation
from sklearn.utils.estimator_checks import parametrize_with_checks

from jax_logreg.sklearn import LogisticRegression

# Of data too few for the folds, and of fits cut short on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The least populated class:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(autouse=True, scope="module")
def quick():
    with quick_compilation():
        yield


@parametrize_with_checks([LogisticRegression()])
def test_scikit_learns_check(estimator, check):
    check(estimator)
