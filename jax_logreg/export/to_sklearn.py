"""scikit-learn's own LogisticRegression, in a file of skops: no pickle."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from jax_logreg.errors.extras import needs
from jax_logreg.export.folding import Answers, as_classes, folded, without_levels
from jax_logreg.model import Model
from jax_logreg.sklearn.border import with_coefficients

with needs("skops"):
    import skops.io
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import FixedThresholdClassifier


def dump(model: Model) -> bytes:
    """Return a fitted LogisticRegression of raw features, wrapped where its threshold is not 0.5.

    `skops.io.load(file)` reads it without JAX or this package, and trusts only scikit-learn's own
    types.

    Raises:
        InputError: the model has columns of categories.
    """
    without_levels(model, "sklearn")
    w, b = folded(model)
    fitted = SimpleNamespace(
        coef_=np.ascontiguousarray(w.T),
        intercept_=b[:, 0],
        classes_=as_classes(model),
        n_features_in_=len(model.features),
        feature_names_in_=np.array(model.features, object),
    )
    return bytes(
        skops.io.dumps(_with_threshold(model, with_coefficients(LogisticRegression(), fitted)))
    )


def load(content: bytes) -> Callable[[np.ndarray], Answers]:
    """Return the predictions of scikit-learn, of rows in float64."""
    theirs = skops.io.loads(content)
    # It would warn of rows without names, and there are no others here.
    inner = getattr(theirs, "estimator_", theirs)
    del getattr(inner, "estimator", inner).feature_names_in_

    def answers(rows: np.ndarray) -> Answers:
        rows = rows.astype(np.float64)
        return Answers(theirs.predict_proba(rows), theirs.predict(rows))

    return answers


def _with_threshold(model: Model, fitted: LogisticRegression) -> object:
    threshold, classes = model.threshold, fitted.classes_
    if len(classes) > 2 or threshold == 0.5:
        return fitted
    decided = FixedThresholdClassifier(
        FrozenEstimator(fitted),
        threshold=threshold,
        pos_label=classes[1],
        response_method="predict_proba",
    )
    # A frozen step learns nothing.
    return decided.fit(np.zeros((2, fitted.n_features_in_)), classes)
