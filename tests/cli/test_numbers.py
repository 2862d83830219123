"""Numbers that fits stumble over: the same probabilities by every route, from arrays to files."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from cli.command import command
from pyarrow import csv
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jax_logreg import L2, fit
from jax_logreg.matrix import standardise
from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV
from jax_logreg.sweep import cross_validate, fit_many, path

STRENGTH = 0.01
DATES = "2011-03-03 2012-05-05 2014-02-02 2014-11-11 2015-06-06 2016-08-08 2017-06-06 2018-01-01"
CELLS = load_breast_cancer()
# Rows (m, n) and labels.
DATA = {
    "the optimum is the start": (np.array([[1, 1, 2, 2] * 2]).T, np.array([2, 1] * 4)),
    "1e-19": (CELLS.data[:, :6] * 1e-19, CELLS.target),
    "1e17": (CELLS.data[:, :6] * 1e17, CELLS.target),
    "nanoseconds since 1970": (
        np.array(DATES.split(), "datetime64[ns]").astype("int64")[:, None],
        np.array([0, 0, 1, 0, 1, 0, 1, 0]),
    ),
    "3.749e-208": (3.749e-208 * (np.arange(30) == 3)[:, None], np.repeat([0, 1], 15)),
}


def optimum(rows, y):
    """Probabilities (m,) of the second class, in float64, of data whose size is 1."""
    rows = rows / np.max(np.abs(rows))
    scale = rows.std(axis=0)
    X = ((rows - rows.mean(axis=0)) / np.where(scale > 0, scale, 1)).T
    result = fit(X, y, penalty=L2(STRENGTH), dtype="float64", tolerance=1e-12)
    return result.predict_proba(X)[-1]


def of_params(X, w, b):
    """Probabilities (m,) of a view X, in float64, for the parameters of one model."""
    inner = np.asarray(X.X, float)
    Z = np.asarray(w, float).T @ ((inner - X.mean) / X.scale) + np.asarray(b, float)
    return 1 / (1 + np.exp(-Z[0]))


def by_fit(X, rows, y):
    return fit(X, y, penalty=L2(STRENGTH)).predict_proba(X)[-1]


def by_fit_many(X, rows, y):
    params = fit_many(X, y, penalty=L2([STRENGTH, 1.0])).params
    return of_params(X, params.w[0], params.b[0])


def by_path(X, rows, y):
    found = path(X, y, strengths=[1.0, STRENGTH], penalty=L2)
    return of_params(X, found.w[1], found.b[1])


def by_cross_validation(X, rows, y):
    fits = cross_validate(X, y, strengths=[1.0, STRENGTH], folds=2, penalty=L2).models
    return of_params(X, fits.params.w[1], fits.params.b[1])


def by_estimator(X, rows, y):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (STRENGTH * len(y))))
    return model.fit(rows, y).predict_proba(rows)[:, 1]


def by_search(X, rows, y):
    search = LogisticRegressionCV(
        Cs=[1 / (STRENGTH * len(y))],
        cv=2,
        l1_ratios=(0,),
        scoring="neg_log_loss",
        use_legacy_attributes=False,
    )
    return make_pipeline(StandardScaler(), search).fit(rows, y).predict_proba(rows)[:, 1]


CONFIG = """
[data]
source = "file"
train = "train.csv"
test_fraction = 0
stream = {stream}
[penalty]
kind = "l2"
strength = {strength}
"""


def by_config(X, rows, y, stream="false"):
    table = {f"x{i}": column for i, column in enumerate(rows.T)}
    csv.write_csv(pyarrow.table({**table, "label": y}), "train.csv")
    Path("c.toml").write_text(CONFIG.format(stream=stream, strength=STRENGTH))
    assert command("run", "c.toml", "--out", "run").code == 0
    assert command("predict", "run", "train.csv", "--out", "p.npy").code == 0
    return np.load("p.npy").ravel()[-len(y) :]


def by_stream(X, rows, y):
    return by_config(X, rows, y, stream="true")


# scikit-learn's scaler takes 3.749e-208 for a constant.
ESTIMATORS = (by_estimator, by_search)
ROUTES = (by_fit, by_fit_many, by_path, by_cross_validation, by_config, by_stream)
CASES = [(data, route) for data in DATA for route in ROUTES]
CASES += [(data, route) for data in DATA if data != "3.749e-208" for route in ESTIMATORS]


@pytest.mark.parametrize(("data", "route"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_every_route_leads_to_one_optimum(data, route, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows, y = DATA[data]
    found = route(standardise(rows.T, np.ones(len(y))), rows, y)
    np.testing.assert_allclose(found, optimum(rows, y), rtol=0, atol=2e-5)
