"""scikit-learn's callbacks (1.9): a fit is a task, and each step of it a subtask."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

from jax_logreg.logistic import Params
from jax_logreg.loop.progress import EachStep, Progress

if TYPE_CHECKING:
    from sklearn.callback._callback_context import CallbackContext

# The name of a step's task, as scikit-learn has it for the one solver that reports steps.
_TASK = "lbfgs-iter"


class FitTask:
    """The task of one fit, from its start to its end; without callbacks it does nothing.

    `attributes` makes coef_ and intercept_ of parameters. As in scikit-learn only solver="lbfgs"
    reports steps, and one subtask more than there are steps.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        data: Mapping[str, object],
        start: Params,
        attributes: Callable[[Params], Mapping[str, object]],
    ) -> None:
        """Start the task; data are X, y and metadata for callbacks."""
        most = max(estimator.max_iter, 1) + 1
        self._estimator, self._data, self._attributes = estimator, data, attributes
        self._context = estimator._init_callback_context(max_subtasks=most)
        self._context.call_on_fit_task_begin(estimator=estimator, **data)
        self._step: CallbackContext | None = None
        self._reported, self._start = 0, start
        if hasattr(estimator, "_skl_callbacks") and estimator.solver == "lbfgs":
            self._step = self._started(start)

    @property
    def callback(self) -> EachStep | None:
        """The callback that `fit` calls after each step, None without callbacks of scikit-learn."""
        return None if self._step is None else EachStep(self._report)

    def end(self) -> None:
        """End the task; a fit without a step reports one, too."""
        if self._step is not None:
            if not self._reported:
                self._next(self._start)
            self._step.call_on_fit_task_end(estimator=self._estimator)
        self._context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes={}
        )

    def _report(self, progress: Progress) -> None:
        assert progress.params is not None
        self._next(progress.params)

    def _next(self, params: Params) -> None:
        """End the subtask of a step at the parameters that it led to, and start the next."""
        assert self._step is not None
        self._reported += 1
        self._step.call_on_fit_task_end(**self._now(params))
        self._step = self._started(params)

    def _started(self, params: Params) -> "CallbackContext":
        step = self._context.subcontext(task_name=_TASK)
        step.call_on_fit_task_begin(**self._now(params))
        return step

    def _now(self, params: Params) -> dict[str, object]:
        found = self._attributes(params)
        return {"estimator": self._estimator, **self._data, "reconstruction_attributes": found}
