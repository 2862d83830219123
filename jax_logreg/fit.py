"""`fit`, from arguments to Result, and `solve`, the same steps inside your own trace."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg._jax.compiling import jit
from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.keeper import Keeper, check_keeper
from jax_logreg.errors.checks import check_callable, check_dtype, check_flag, check_integer
from jax_logreg.errors.describing import describe
from jax_logreg.errors.wording import names_within
from jax_logreg.hosts import agree, spans
from jax_logreg.logistic import BINOMIAL, Batch, Family, Params
from jax_logreg.loop.body import Carry, Loop, body, choose_start, start
from jax_logreg.loop.driver import drive
from jax_logreg.loop.progress import EachStep, Progress
from jax_logreg.loop.sharpening import sharpened
from jax_logreg.matrix import plain_errors
from jax_logreg.objective import Objective, Solver
from jax_logreg.penalty import Penalty
from jax_logreg.placement.devices import gather, trim
from jax_logreg.problem.arguments import Task, place_arguments
from jax_logreg.problem.settings import check_settings
from jax_logreg.proof.advice import Facts, advise
from jax_logreg.proof.certificate import moments_of
from jax_logreg.proof.diagnosis import diagnose, is_penalised, is_standardised
from jax_logreg.proof.goal import AUTO, Goal, goal_of
from jax_logreg.proof.gradient_check import check_problem
from jax_logreg.result import History, Result
from jax_logreg.solver import check_solver, choose_solver
from jax_logreg.solver.implicit import as_optimum
from jax_logreg.status import Status

# The relative gap that a refined answer is taken to, and the ends of a run that it goes on from.
_REFINED = 1e-10
_REFINABLE = (Status.CONVERGED, Status.PRECISION_FLOOR)

_choose_start = jit(choose_start)

# The steps that a sharper gap may take, each time.
_SHARPENING = 1000


@plain_errors()
def fit(
    X: Any,
    Y: Any,
    *,
    s: Any = None,
    family: str = "auto",
    penalty: Penalty | None = None,
    class_weight: Any = None,
    fit_intercept: bool = True,
    solver: Solver | str = "auto",
    steps: int = 1000,
    tolerance: float | str = "auto",
    params: Params | None = None,
    gradient_check: str | int = "ends",
    dtype: str = "float32",
    device: str | jax.Device | None = None,
    devices: int | str | Mapping[str, int | str] | None = None,
    refine: bool = False,
    sharpen: bool = False,
    feature_names: Sequence[str] | None = None,
    callback: Callable[[Progress], None] | None = None,
    checkpoint: Any = None,
) -> Result:
    """Minimise the weighted mean cross-entropy of the m examples in the columns of X, plus penalty.

    Args:
        X: (n, m), features x examples: an array, a SciPy sparse matrix, or one of matrix/, streamed
            from files by data.open_stream for example.
        Y: m labels of any kind; or 0 and 1 in rows: (1, m) binomial, (k, m) one-hot multinomial.
        s: m weights, finite and not negative; by default 1.
        family: "auto", "multinomial", or "binomial", which makes k rows of Y k independent models.
        penalty: None, L2(strength), L1(strength) or ElasticNet(strength, l1_ratio), of w alone.
        class_weight: "balanced", or a dict of factors for the weights of some classes.
        fit_intercept: False leaves b at 0.
        solver: "auto" picks by shape, penalty and family; Newton(), LBFGS(), Proximal(),
            GradientDescent(learning_rate), Optax(tx), MiniBatch(tx).
        steps: the largest number of updates.
        tolerance: "auto" stops where the error of the answer is proven to be at most 0.01 of a
            standard error and the gap at most 1e-5 of the cost; small problems go on to the last
            digits. A number bounds the duality gap / J(0), or where a feature is unpenalised the
            largest absolute gradient entry; 0 never stops.
        params: where to start; by default zeros, which Newton, LBFGS and Proximal also take in
            place of a start that costs more.
        gradient_check: "every" step, "ends" (first and last parameters), "off", or every N steps.
        dtype: "float32" or "float64", of all that is computed.
        device: "cpu", "gpu", "tpu" or a jax.Device; by default where JAX puts new arrays.
        devices: how many of this machine's, of the kind of `device`, share the examples, or "all";
            the answer is that of one device, but for the order of its sums. "hosts": all devices of
            all connected hosts (jax_logreg.hosts), each of which calls with its own examples, as
            many as it has, and gets the answer for all. {"features": N}, or "all": they share the
            features of a dense X, n ≫ m. Each has parts of X, of w and of all that is as long as w;
            what is exchanged is Z (k, m).
        refine: finish a float32 answer in float64, to a tolerance of 1e-10.
        sharpen: bring the certificate's gap within 10 times of the true distance, by further steps
            in float64; the parameters stay as they are.
        feature_names: n names, by which `notes` then call the features; by default those of the
            rows of X, where it is a data frame (n, m), else their numbers.
        callback: called with a Progress between chunks of at most 100 steps: `tracking.track` makes
            one that tells an experiment tracker.
        checkpoint: a checkpoint.Checkpoint that the run is saved in between chunks, and goes on
            from where it holds an earlier one of the same arguments.

    Returns:
        A Result, whose status says how the run ended and whose certificate how good it is.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or files of a streamed X
            that cannot be read any more.
    """
    dtype = check_dtype(dtype)
    check_every = check_settings(steps, tolerance, gradient_check)
    check_flag("refine", refine)
    check_flag("sharpen", sharpen)
    check_callable("callback", callback, "a Progress")
    check_keeper(checkpoint)
    if isinstance(devices, str) and devices == "hosts":
        same: dict[str, Any] = {
            "steps": steps,
            "tolerance": tolerance,
            "gradient_check": gradient_check,
        }
        same |= {"solver": solver, "refine": refine, "sharpen": sharpen}
        same |= {"whether there is a checkpoint": checkpoint is not None}
        agree(**{name: describe(value) for name, value in same.items()})

    def prepare(
        method: Any, params: Params | None, dtype: str, goal: Any, steps: int
    ) -> tuple[Task, Loop, str]:
        task = place_arguments(
            X,
            Y,
            s,
            params,
            dtype,
            device,
            family,
            penalty,
            class_weight,
            fit_intercept,
            devices,
            one_model=True,
            names=feature_names,
        )
        method, chosen = choose_solver(method, task.objective)
        goal = goal_of(goal, task.objective)
        loop = Loop(task.objective, method, steps, goal, check_every=check_every)
        return task, loop, chosen

    def run(
        params: Params | None,
        dtype: str,
        goal: Any,
        steps: int,
        keeper: Keeper | None,
        callback: Callable[[Progress], None] | None,
        anywhere: bool = False,
    ) -> _Run:
        with jax.enable_x64(dtype == "float64"):
            task, loop, chosen = prepare(solver, params, dtype, goal, steps)
            asked = {"steps": steps, "tolerance": goal, "gradient_check": gradient_check}
            keeper = bind(keeper, task, solver=loop.solver, **asked)
            begin = _choose_start(loop, task.params) if anywhere else task.params
            carry, history = drive(loop, begin, gradient_check, callback, keeper)
            carry = carry._replace(good=trim(carry.good, task.n))
            facts = Facts(
                dtype,
                refined=refine,
                by_rate=getattr(loop.solver, "by_rate", False),
                chosen=isinstance(solver, str) and solver == "auto",
                endless=tolerance == 0,
            )
            return _Run(task.objective, carry, history, task.classes, chosen, facts)

    given = params is not None
    done = run(params, dtype, tolerance, int(steps), checkpoint, callback, anywhere=given)
    if refine and dtype == "float32" and Status(done.carry.status) in _REFINABLE:
        taken = int(done.carry.step)
        left = int(steps) - taken
        finest = _REFINED if tolerance == AUTO else min(float(tolerance), _REFINED)
        later = None if checkpoint is None else checkpoint.part("refined")
        finer = run(done.carry.good, "float64", finest, left, later, _after(taken, callback))
        done = finer.after(done)
    if sharpen:
        with jax.enable_x64(True):
            task, loop, _ = prepare("auto", done.carry.good, "float64", 0, _SHARPENING)
            found = sharpened(loop._replace(check_every=None), task.params)
        done = done._replace(carry=done.carry._replace(certificate=found))
    with jax.enable_x64(done.carry.good.w.dtype == np.float64):
        names = names_within(X) if feature_names is None else feature_names
        return done.result(names, judged=tolerance != 0)


def _after(
    taken: int, callback: Callable[[Progress], None] | None
) -> Callable[[Progress], None] | None:
    """The callback for a run that goes on after so many steps."""
    if callback is None:
        return None

    def later(p: Progress) -> None:
        callback(p._replace(step=taken + p.step, steps=taken + p.steps))

    return EachStep(later) if isinstance(callback, EachStep) else later


class _Run(NamedTuple):
    """A finished loop, and what its result needs to say besides."""

    objective: Objective
    carry: Carry
    history: History
    classes: tuple[Any, ...]
    chosen: str
    facts: Facts

    def after(self, first: "_Run") -> "_Run":
        """The two as one run, `first` being its beginning."""
        joined = first.history.followed_by(self.history)
        carry = self.carry._replace(step=first.carry.step + self.carry.step)
        return self._replace(carry=carry, history=joined, chosen=f"{self.chosen}; refined")

    def result(self, names: Sequence[str] | None, judged: bool) -> Result:
        """The result; where an optimum was asked for, whether there is one."""
        carry, status, notes = self.carry, Status(self.carry.status), tuple[str, ...]()
        if judged:
            status, notes = diagnose(self.objective, carry.good, status, names)
        facts = self.facts
        if status is Status.SEPARABLE:
            facts = facts._replace(penalised=is_penalised(self.objective))
        if status is Status.DIVERGED and not spans(carry.good.w):
            facts = facts._replace(standardised=is_standardised(self.objective.batch))
        if spans(carry.good.w):
            carry = carry._replace(good=gather(carry.good))
        return _result(
            carry,
            self.history,
            status,
            int(carry.step),
            classes=self.classes,
            solver=self.chosen,
            notes=notes,
            advice=advise(status, facts),
            family=self.objective.family,
        )


def solve(
    params: Params,
    batch: Batch,
    *,
    solver: Solver,
    steps: int,
    tolerance: float = 0.0,
    penalty: Penalty | None = None,
    family: Family = BINOMIAL,
    fit_intercept: bool = True,
) -> Result:
    """`fit` as a pure function: the same steps in one scan, for your own jit, vmap and grad.

    Shapes and kinds are validated, numbers are not. `status` is an int32 and the history has
    `steps` rows (a static number), NaN after `result.steps`. The dtype is that of the parameters.

    Derivatives of `params` and of `certificate.cost`, of any mode and order, are of two kinds.

    - Those of the optimum, by the implicit function theorem, where an optimum was asked for: from
      Newton, LBFGS and Proximal, and from any solver with a tolerance above 0. They are taken by
      X, Y, s and the penalty's numbers, and are as exact as the answer is near the optimum. By the
      start and the solver's numbers, and of all else in the Result, they are 0. An L1 penalty has
      those of its support. Where there is no finite optimum they mean nothing.
    - Those of the steps taken, one by one, from other solvers with a tolerance of 0.

    Raises:
        ValueError: arguments of another kind, or whose shapes do not fit.
    """
    check_problem(params, batch, family)
    check_solver(solver)
    check_integer("steps", steps, 0, 2**31)
    check_flag("fit_intercept", fit_intercept)
    objective = Objective(batch, penalty, family, fit_intercept).summed()
    implicit = getattr(solver, "descends", False) or not _is_zero(tolerance)
    held = lax.stop_gradient if implicit else lambda tree: tree
    goal = Goal(tolerance, gradient=tolerance)
    fixed, solver = held(objective), held(solver)
    loop = Loop(fixed, solver, steps, goal, moments_of(fixed))
    step = partial(body, loop, wanted=True, branch=jax.default_backend() == "cpu")
    # One more than the updates: the last only looks at where they led.
    carry, rows = lax.scan(
        lambda carry, _: step(carry),
        start(loop, choose_start(loop, held(params)), None),
        length=steps + 1,
    )
    if implicit:
        good, J = as_optimum(objective, carry.good, carry.certificate.cost)
        carry = carry._replace(good=good, certificate=carry.certificate._replace(cost=J))
    taken = jnp.arange(steps, dtype=jnp.int32) < carry.step
    history = History(*(jnp.where(taken, row[:steps], jnp.nan) for row in rows))
    return _result(carry, history, carry.status, carry.step, family=family)


def _is_zero(tolerance: Any) -> bool:
    """Whether a tolerance is known to be 0: one that is traced may be anything."""
    return not isinstance(tolerance, jax.core.Tracer) and bool(np.all(np.asarray(tolerance) == 0))


def _result(carry: Carry, history: History, status: Any, steps: Any, **found: Any) -> Result:
    return Result(carry.good, history, status, steps, carry.check, carry.certificate, **found)
