"""scikit-learn's estimators of logistic regression, fitted by this package."""

from jax_logreg._jax.collecting import uncollected
from jax_logreg.errors.extras import needs

with needs("sklearn"), uncollected():
    from jax_logreg.sklearn.estimator import LogisticRegression
    from jax_logreg.sklearn.search import LogisticRegressionCV

__all__ = ["LogisticRegression", "LogisticRegressionCV"]
