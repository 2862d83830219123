"""A problem taken to its answer: by a chosen solver, and where asked, further in float64."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jax_logreg._jax.compiling import jit
from jax_logreg.checkpoint.binding import bind
from jax_logreg.checkpoint.protocol import Checkpointer, check_checkpoint
from jax_logreg.errors.checks import check_callable, check_flag
from jax_logreg.errors.describing import describe
from jax_logreg.hosts import agree, spans
from jax_logreg.loop.body import Carry, Loop, choose_start
from jax_logreg.loop.driver import drive
from jax_logreg.loop.progress import EachStep, Progress
from jax_logreg.loop.sharpening import sharpened
from jax_logreg.placement.devices import gather, trim
from jax_logreg.problem.options import FitOptions
from jax_logreg.problem.prepare import Problem
from jax_logreg.problem.settings import check_settings
from jax_logreg.proof.advice import Facts, advise
from jax_logreg.proof.diagnosis import diagnose, is_penalised, is_standardised
from jax_logreg.proof.goal import AUTO, goal_of
from jax_logreg.result import History, Result
from jax_logreg.solver import choose_solver, executor_for
from jax_logreg.solver.declared import declares
from jax_logreg.status import Status

Callback = Callable[[Progress], None] | None

# The relative gap of a refined answer, and the ends of a run from which it continues.
_REFINED = 1e-10
_REFINABLE = (Status.CONVERGED, Status.PRECISION_FLOOR)
# The steps that a sharper gap may take, each time.
_SHARPENING = 1000

_choose_start = jit(choose_start)


class Plan(NamedTuple):
    """The options of a fit beside its problem."""

    options: FitOptions
    check_every: int | None
    callback: Callback
    checkpoint: Checkpointer | None
    executor: str

    @property
    def by_itself(self) -> bool:
        """Return whether the solver is chosen by the problem."""
        solver = self.options["solver"]
        return isinstance(solver, str) and solver == AUTO


def plan(options: FitOptions, callback: Callback, checkpoint: Checkpointer | None) -> Plan:
    """Return the plan of a fit; all hosts of one have to agree on it.

    Raises:
        ValueError: an argument of another kind.
    """
    steps, tolerance = options["steps"], options["tolerance"]
    check_every = check_settings(steps, tolerance, options["gradient_check"])
    check_flag("refine", options["refine"])
    check_flag("sharpen", options["sharpen"])
    check_callable("callback", callback, "a Progress")
    check_checkpoint(checkpoint)
    executor = executor_for(options["solver"], options["executor"])
    if isinstance(options["devices"], str) and options["devices"] == "hosts":
        names = ("steps", "tolerance", "solver", "gradient_check", "refine", "sharpen")
        same: dict[str, object] = {name: one for name, one in options.items() if name in names}
        same |= {"whether there is a checkpoint": checkpoint is not None}
        agree(**{name: describe(value) for name, value in same.items()})
    return Plan(options, check_every, callback, checkpoint, executor)


class Run(NamedTuple):
    """A finished loop, and what its result says beside the parameters."""

    problem: Problem
    carry: Carry
    history: History
    chosen: str
    facts: Facts

    def after(self, first: "Run") -> "Run":
        """Return both as one run, `first` being the earlier one."""
        joined = first.history.followed_by(self.history)
        carry = self.carry._replace(step=first.carry.step + self.carry.step)
        return self._replace(carry=carry, history=joined, chosen=f"{self.chosen}; refined")


class Diagnosis(NamedTuple):
    """The status of an answer, the findings in its data, and the advice."""

    status: Status
    notes: tuple[str, ...]
    advice: str


def run_plan(plan: Plan, problem: Problem, anywhere: bool) -> Run:
    """Run a problem to its end, refined and sharpened where the plan says so.

    Args:
        plan: what is asked.
        problem: in the dtype of the plan.
        anywhere: whether the start is the user's, and may be far from the optimum.
    """
    steps, tolerance = plan.options["steps"], plan.options["tolerance"]
    checkpoint, callback = plan.checkpoint, plan.callback
    done = _run(plan, problem, tolerance, steps, checkpoint, callback, anywhere)
    refinable = plan.options["refine"] and problem.dtype == "float32"
    if refinable and Status(int(done.carry.status)) in _REFINABLE:
        taken = int(done.carry.step)
        finest = _REFINED if tolerance == AUTO else min(float(tolerance), _REFINED)
        finer = done.problem.at("float64", done.carry.good)
        later = None if checkpoint is None else checkpoint.part("refined")
        rest = _run(plan, finer, finest, steps - taken, later, _after(taken, callback))
        done = rest.after(done)
    return _sharpened(done) if plan.options["sharpen"] else done


def _run(
    plan: Plan,
    problem: Problem,
    tolerance: object,
    steps: int,
    checkpoint: Checkpointer | None,
    callback: Callback,
    anywhere: bool = False,
) -> Run:
    """One loop, from the start of a problem to its end, in the problem's dtype."""
    with jax.enable_x64(problem.dtype == "float64"):
        method, chosen = choose_solver(plan.options["solver"], problem.objective)
        goal = goal_of(tolerance, problem.objective)
        loop = Loop(problem.objective, method, steps, goal, check_every=plan.check_every)
        asked = {
            "steps": steps,
            "tolerance": tolerance,
            "gradient_check": plan.options["gradient_check"],
        }
        checkpoint = bind(checkpoint, problem, solver=loop.solver, **asked)
        begin = _choose_start(loop, problem.params) if anywhere else problem.params
        carry, history = drive(loop, begin, plan.options["gradient_check"], callback, checkpoint)
        carry = carry._replace(good=trim(carry.good, problem.n))
    facts = Facts(
        problem.dtype,
        refined=plan.options["refine"],
        by_rate=declares(loop.solver, "by_rate"),
        chosen=plan.by_itself,
        endless=plan.options["tolerance"] == 0,
    )
    return Run(problem, carry, history, chosen, facts)


def _sharpened(run: Run) -> Run:
    """The run with a certificate whose gap is near the true distance; the parameters stay."""
    problem = run.problem.at("float64", run.carry.good)
    with jax.enable_x64(True):
        method, _ = choose_solver("auto", problem.objective)
        loop = Loop(problem.objective, method, _SHARPENING, goal_of(0, problem.objective))
        found = sharpened(loop, problem.params)
    return run._replace(carry=run.carry._replace(certificate=found))


def diagnosed(run: Run, names: Sequence[str] | None) -> Diagnosis:
    """Return the findings in the data of a run, where an optimum was asked for."""
    carry, facts, objective = run.carry, run.facts, run.problem.objective
    status, notes = Status(int(carry.status)), tuple[str, ...]()
    with jax.enable_x64(carry.good.w.dtype == np.float64):
        if not facts.endless:
            status, notes = diagnose(objective, carry.good, status, names)
        if status is Status.SEPARABLE:
            facts = facts._replace(penalised=is_penalised(objective))
        if status is Status.DIVERGED and not spans(carry.good.w):
            facts = facts._replace(standardised=is_standardised(objective.batch))
    return Diagnosis(status, notes, advise(status, facts))


def result_of(run: Run, found: Diagnosis) -> Result:
    """Return the result of a run, its parameters gathered where devices share them."""
    good = run.carry.good
    if spans(good.w):
        with jax.enable_x64(good.w.dtype == np.float64):
            good = gather(good)
    carry = run.carry
    return Result(
        good,
        run.history,
        found.status,
        int(carry.step),
        carry.check,
        carry.certificate,
        classes=run.problem.classes,
        solver=run.chosen,
        executor=run.problem.executor,
        notes=found.notes,
        advice=found.advice,
        family=run.problem.objective.family,
    )


def _after(taken: int, callback: Callback) -> Callback:
    """Return the callback for a run that continues after so many steps."""
    if callback is None:
        return None

    def later(p: Progress) -> None:
        callback(p._replace(step=taken + p.step, steps=taken + p.steps))

    return EachStep(later) if isinstance(callback, EachStep) else later
