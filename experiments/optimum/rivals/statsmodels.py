"""statsmodels' ridge: GLM.fit_regularized with a penalty a coefficient, none on the intercept."""

import numpy as np
import statsmodels.api as sm

# Its ridge takes no tolerance.
SETTINGS = (0.0,)


def refuses(case, variant):
    """Why it cannot do the case, or None."""
    if case.k > 1:
        return "no penalised multinomial"
    if case.sparse:
        return "no sparse X"
    return "no path; its L1 takes SLSQP or cyclic descent in Python" if case.path else None


def fit(case, variant, tolerance):
    """One fit by L-BFGS, which keeps no matrix of n x n as its default BFGS does."""
    strengths = np.append(np.full(case.X.shape[1], case.strength), 0)
    columns = np.column_stack([case.X, np.ones(len(case.y))])
    model = sm.GLM(case.y.astype(np.float64), columns, family=sm.families.Binomial())
    found = model.fit_regularized(alpha=strengths, L1_wt=0, opt_method="L-BFGS-B")
    return found.params[None, :-1], found.params[-1:]
