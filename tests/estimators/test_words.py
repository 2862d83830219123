"""The words by which people filter warnings, and the callbacks of scikit-learn."""

import warnings

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning

from jax_logreg.sklearn import LogisticRegression, LogisticRegressionCV

RNG = np.random.default_rng(4)
ROWS = RNG.standard_normal((50, 4)) * [1, 3, 0.3, 1]
TWO = (ROWS[:, 0] + RNG.logistic(size=50) > 0).astype(int)
LABELS = {2: TWO, 3: TWO + (ROWS[:, 1] > 1)}
SOLVERS = ["lbfgs", "newton-cg", "liblinear", "sag", "saga", "newton-cholesky"]


def warned(kind, solver):
    with pytest.warns(ConvergenceWarning) as found:
        kind(solver=solver, max_iter=1, tol=1e-12, random_state=0).fit(ROWS, LABELS[2])
    return str(found[0].message)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_warning_begins_as_scikit_learns(solver):
    """A filter matches from the beginning of a message."""
    theirs = warned(linear_model.LogisticRegression, solver)
    ours = warned(LogisticRegression, solver)
    beginning = {"newton-cg": 3, "newton-cholesky": 5}.get(solver, 6)
    assert ours.split()[:beginning] == theirs.rstrip(".").split()[:beginning]
    for words in ("failed to converge", solver, "max_iter=1", "Increase the number of iterations"):
        assert words in ours
    assert "\n" not in ours and "steps_exhausted after 1 steps" in ours


def test_the_warning_is_of_the_callers_line():
    for kind in (LogisticRegression, LogisticRegressionCV):
        search = kind is LogisticRegressionCV
        more = {"cv": 2, "Cs": 2, "l1_ratios": (0,), "scoring": "accuracy"} if search else {}
        more |= {"use_legacy_attributes": False} if search else {}
        with pytest.warns(ConvergenceWarning, match="^lbfgs failed to converge after 1 ") as found:
            kind(max_iter=1, tol=1e-12, **more).fit(ROWS, LABELS[2])
        assert found[0].filename == __file__


def test_no_iterations_are_to_blame_where_there_is_no_optimum():
    with pytest.warns(ConvergenceWarning, match=r"^lbfgs failed to converge after \d+") as found:
        LogisticRegression(C=np.inf).fit(np.arange(12.0)[:, None], np.arange(12) > 5)
    assert "Increase the number" not in str(found[0].message)
    assert "separable" in str(found[0].message)


@pytest.mark.parametrize("kind", [LogisticRegression, LogisticRegressionCV])
def test_columns_of_a_data_frame_are_named(kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=["age", "dose", "height", "same"])
    frame["dose"], frame["same"] = np.where(TWO, 1, -1) * (1 + np.arange(50) % 3), frame["age"]
    settings = {"C": np.inf} if kind is LogisticRegression else {
        "Cs": [1.0, np.inf], "cv": 2, "l1_ratios": (0,), "scoring": "accuracy",
        "use_legacy_attributes": False,
    }  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="separable by feature dose") as found:
        model = kind(**settings).fit(frame, TWO)
    message = str(found[0].message)
    assert "Feature same is a linear combination of feature age" in message
    # In the terms of an estimator, and once.
    assert message.endswith("Add a penalty, for example C=1.0.")
    assert not any(word in message for word in ("L2(", "refine", "dtype=", "solver="))
    assert message.count("no finite optimum") == 1
    if kind is LogisticRegression:
        assert "dose" in model.result_.message


class Recorder:
    """A callback that keeps its calls."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name, None))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name, None))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        assert X is None or X.shape == ROWS.shape
        self.calls.append(("begin", context.task_name, fitted_estimator))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(("end", context.task_name, fitted_estimator))


def recorded(kind, **settings):
    callback, labels = Recorder(), LABELS[settings.pop("classes", 2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(**settings).set_callbacks(callback).fit(ROWS, labels)
    return model, callback.calls


@pytest.mark.parametrize("settings", [{}, {"max_iter": 0}, {"classes": 3}, {"max_iter": 2}])
def test_callbacks_get_the_calls_of_scikit_learn(settings):
    """The tasks, in their order, and which come with a fitted estimator."""
    (model, ours), (_, theirs) = (
        recorded(kind, **settings) for kind in (LogisticRegression, linear_model.LogisticRegression)
    )

    def steps(calls):
        return [(what, task, fitted is not None) for what, task, fitted in calls]

    ours, theirs = steps(ours), steps(theirs)
    assert len(ours) == 2 * max(int(model.n_iter_[0]), 1) + 6
    # A step more or less is two lines; all else is the same.
    shortest = min(len(ours), len(theirs))
    assert ours[: shortest - 4] == theirs[: shortest - 4] and ours[-4:] == theirs[-4:]


def test_a_step_comes_with_the_estimator_of_as_many_iterations():
    model, calls = recorded(LogisticRegression, classes=3, tol=1e-9)
    ends = [fitted for what, task, fitted in calls if what == "end" and task == "lbfgs-iter"]
    assert len(ends) == model.n_iter_[0] + 1 and ends[-1] is None
    for i, fitted in enumerate(ends[:2]):
        with pytest.warns(ConvergenceWarning):
            cut = LogisticRegression(max_iter=i + 1, tol=1e-9).fit(ROWS, LABELS[3])
        np.testing.assert_allclose(fitted.coef_, cut.coef_, rtol=1e-12)
        np.testing.assert_array_equal(fitted.predict(ROWS), cut.predict(ROWS))
    np.testing.assert_allclose(ends[-2].coef_, model.coef_, rtol=1e-12)


def test_callbacks_change_no_answer():
    model, _ = recorded(LogisticRegression, l1_ratio=0.5, tol=1e-9)
    plain = LogisticRegression(l1_ratio=0.5, tol=1e-9).fit(ROWS, LABELS[2])
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    assert model.n_iter_ == plain.n_iter_


def test_only_lbfgs_tells_of_steps():
    _, calls = recorded(LogisticRegression, solver="newton-cg")
    assert [what for what, _, _ in calls] == ["setup", "begin", "end", "teardown"]


def test_a_callback_that_fails_is_taken_down():
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("enough")

    callback = Failing()
    with pytest.raises(RuntimeError, match="enough"):
        LogisticRegression().set_callbacks(callback).fit(ROWS, LABELS[2])
    assert callback.calls[-1][0] == "teardown"


def test_scikit_learns_monitor_of_scores():
    monitor = ScoringMonitor(scoring="accuracy")
    model = LogisticRegression(tol=1e-8).set_callbacks(monitor).fit(ROWS, LABELS[2])
    scores = [row["accuracy"] for row in monitor.get_logs().data if "accuracy" in row]
    assert len(scores) >= model.n_iter_[0] and scores[-1] == model.score(ROWS, LABELS[2])
