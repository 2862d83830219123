"""The LogisticRegression of this project: by default settings, or by XLA on a named device."""

from jax_logreg.sklearn import LogisticRegression

# Tolerances of users, from loose to tight.
SETTINGS = (1e-4, 1e-5, 1e-6)
note = ""


def refuses(case, variant):
    """Why the estimator cannot do the case, or None."""
    return "one fit, and no L1" if case.path or case.penalty == "l1" else None


def fit(case, variant, tolerance):
    """One fit; the note is what computed it."""
    global note
    device = "cpu" if variant == "xla" else None
    C = 1 / (case.strength * len(case.y))
    model = LogisticRegression(C=C, tol=tolerance, device=device).fit(case.X, case.y)
    note = model.result_.executor
    return model.coef_, model.intercept_
