"""scikit-learn's own checks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from jax_logreg.sklearn import LogisticRegression

# Of data too few for the folds, and of fits cut short on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The least populated class:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@parametrize_with_checks([LogisticRegression()])
def test_scikit_learns_check(estimator, check):
    check(estimator)
