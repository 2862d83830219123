"""scikit-learn's own checks of an estimator that cross-validates."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from jax_logreg.sklearn import LogisticRegressionCV

# Of data too few for the folds, and of fits cut short on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The least populated class:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


SEARCH = {"l1_ratios": (0,), "scoring": "accuracy", "use_legacy_attributes": False}


@pytest.mark.slow
@parametrize_with_checks([LogisticRegressionCV(Cs=3, cv=3, **SEARCH)])
def test_scikit_learns_check(estimator, check):
    check(estimator)


BOUNDED = [
    "check_classifiers_classes",
    "check_estimators_pickle",
    "check_sample_weight_equivalence_on_dense_data",
]


@pytest.mark.parametrize("name", BOUNDED)
def test_some_of_the_checks(name):
    getattr(estimator_checks, name)(
        "LogisticRegressionCV", LogisticRegressionCV(Cs=3, cv=3, **SEARCH)
    )
