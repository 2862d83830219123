"""scikit-learn's callbacks (1.9): a fit is a task, and each step of it one below."""

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

from jax_logreg.logistic import Params
from jax_logreg.loop.progress import EachStep, Progress

# The name of a step's task, as scikit-learn has it for the one solver that reports steps.
_TASK = "lbfgs-iter"


class FitTask:
    """The task of one fit, from its start to its end; without callbacks it does nothing.

    `attributes` makes coef_ and intercept_ of parameters. Only solver="lbfgs" reports steps, and
    one task more than there are steps, as in scikit-learn.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        data: dict[str, Any],
        start: Params,
        attributes: Callable[[Params], dict[str, Any]],
    ) -> None:
        """Start the task; data are X, y and metadata as callbacks get them."""
        most = max(estimator.max_iter, 1) + 1
        self._estimator, self._data, self._attributes = estimator, data, attributes
        self._context = estimator._init_callback_context(max_subtasks=most)
        self._context.call_on_fit_task_begin(estimator=estimator, **data)
        self._step: Any = None
        self._told, self._start = 0, start
        if hasattr(estimator, "_skl_callbacks") and estimator.solver == "lbfgs":
            self._begin(start)

    @property
    def callback(self) -> EachStep | None:
        """The callback that `fit` calls after each step, or None where no one listens."""
        return None if self._step is None else EachStep(self._tell)

    def end(self) -> None:
        """End the task; a fit that took no step reports one all the same."""
        if self._step is not None:
            if not self._told:
                self._next(self._start)
            self._step.call_on_fit_task_end(estimator=self._estimator)
        self._context.call_on_fit_task_end(
            estimator=self._estimator, **self._data, reconstruction_attributes={}
        )

    def _tell(self, progress: Progress) -> None:
        assert progress.params is not None
        self._next(progress.params)

    def _next(self, params: Params) -> None:
        """End the task of a step at the parameters that it led to, and start the next."""
        self._told += 1
        self._step.call_on_fit_task_end(**self._now(params))
        self._begin(params)

    def _begin(self, params: Params) -> None:
        self._step = self._context.subcontext(task_name=_TASK)
        self._step.call_on_fit_task_begin(**self._now(params))

    def _now(self, params: Params) -> dict[str, Any]:
        found = self._attributes(params)
        return {"estimator": self._estimator, **self._data, "reconstruction_attributes": found}
