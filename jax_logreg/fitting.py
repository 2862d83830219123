"""`fit`, from arguments to Result, and `solve`, the same steps inside your own trace."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jax_logreg.checkpoint.protocol import Checkpointer
from jax_logreg.errors.checks import check_flag, check_integer
from jax_logreg.logistic import BINOMIAL, Batch, Family, Params
from jax_logreg.loop.body import Loop, body, choose_start, start
from jax_logreg.loop.progress import Progress
from jax_logreg.loop.run import diagnosed, plan, result_of, run_plan
from jax_logreg.matrix import plain_errors
from jax_logreg.objective import Objective, Solver
from jax_logreg.penalty import Penalty
from jax_logreg.problem.options import FitOptions, checked, takes_options
from jax_logreg.problem.prepare import Own, prepare
from jax_logreg.proof.certificate import moments_of
from jax_logreg.proof.goal import Goal
from jax_logreg.proof.gradient_check import check_problem
from jax_logreg.result import History, Result
from jax_logreg.solver import check_solver
from jax_logreg.solver.declared import declares
from jax_logreg.solver.implicit import as_optimum


@plain_errors()
@takes_options
def fit(
    X: object,
    Y: object,
    *,
    penalty: Penalty | None = None,
    params: Params | None = None,
    feature_names: Sequence[str] | None = None,
    callback: Callable[[Progress], None] | None = None,
    checkpoint: Checkpointer | None = None,
    **options: Unpack[FitOptions],
) -> Result:
    """Minimise the weighted mean cross-entropy of the m examples in the columns of X, plus penalty.

    Args:
        X: (n, m), features x examples: an array, a SciPy sparse matrix, or one of matrix/, such as
            a stream of files by data.open_stream.
        Y: m labels of any kind; or 0 and 1 in rows: (1, m) binomial, (k, m) one-hot multinomial.
        s: m weights, finite and not negative; by default 1.
        family: "auto", "multinomial", or "binomial", which makes k rows of Y k independent models.
        penalty: None, L2(strength), L1(strength) or ElasticNet(strength, l1_ratio), of w alone.
        class_weight: "balanced", or a dict of factors for the weights of some classes.
        fit_intercept: False leaves b at 0.
        solver: "auto" picks by shape, penalty and family; Newton(), LBFGS(), Proximal(),
            GradientDescent(learning_rate), Optax(tx), MiniBatch(tx).
        steps: the largest number of updates.
        tolerance: "auto" stops where the proven error is at most 0.01 of a standard error, and the
            gap at most 1e-5 of the cost. Small problems run to the last digits. A number bounds the
            duality gap / J(0), or the largest absolute gradient entry where a feature is
            unpenalised. 0 never stops.
        params: the start, by default zeros. Newton, LBFGS and Proximal start from zeros too where a
            given start costs more.
        gradient_check: "every" step, "ends" (first and last parameters), "off", or every N steps.
        dtype: "float32" or "float64", of all that is computed.
        device: "cpu", "gpu", "tpu" or a jax.Device; by default where JAX puts new arrays.
        devices: N or "all": so many of this machine's, of the kind of `device`, share the examples.
            The answer is that of one device, up to the order of its sums. "hosts": all devices of
            all connected hosts (jax_logreg.hosts) do. Each host calls with its own examples, of any
            number, and gets the answer for all. {"features": N or "all"}: they share the features
            of a dense X with n ≫ m. Each has a part of X, of w and of all arrays as long as w; they
            exchange Z (k, m).
        refine: finish a float32 answer in float64, to a tolerance of 1e-10.
        sharpen: take further steps in float64, so that the certificate's gap is within 10 times of
            the true distance. The parameters stay as they are.
        feature_names: n names for the features in `notes`. By default they are those of the rows of
            a data frame X (n, m), else numbers.
        callback: called with a Progress between chunks of at most 100 steps. `tracking.track` makes
            one for an experiment tracker.
        executor: "numpy" computes at once; "xla" compiles first, for seconds. Both give the same
            answer up to rounding. "auto" takes NumPy for a dense X of NumPy's, up to 4 million
            labels, or 1 million labels times classes. The Result has the choice as `executor`.
        checkpoint: a checkpoint.Checkpoint that saves the run between chunks. An earlier run of the
            same arguments in it is resumed.

    Returns:
        A Result: its status is the reason why the run ended, its certificate bounds the error.

    Raises:
        ValueError: a bad argument, named, before anything is compiled; or files of a streamed X
            that cannot be read any more.
    """
    wanted = plan(checked(options), callback, checkpoint)
    own: Own = {"penalty": penalty, "params": params, "names": feature_names}
    own |= {"one_model": True, "executor": wanted.executor}
    problem = prepare(X, Y, wanted.options, **own)
    run = run_plan(wanted, problem, anywhere=params is not None)
    return result_of(run, diagnosed(run, problem.names))


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

    - Derivatives of the optimum, by the implicit function theorem: from Newton, LBFGS and Proximal,
      and from any solver with a tolerance above 0. With respect to X, Y, s and the penalty's
      numbers they are as exact as the answer is near the optimum. With respect to the start and the
      solver's numbers they are 0. All else in the Result has derivatives of 0. An L1 penalty has
      the derivatives of its support. Without a finite optimum they mean nothing.
    - Derivatives of the steps, one by one: from other solvers with a tolerance of 0.

    Args:
        params: the start, w (n, k) and b (k, 1).
        batch: X (n, m), labels Y (k, m) of 0 and 1, weights s (1, m).
        solver: Newton(), LBFGS(), Proximal(), GradientDescent(learning_rate), Optax(tx).
        steps: the largest number of updates.
        tolerance: a bound of the duality gap / J(0), or of the largest absolute gradient entry
            where a feature is unpenalised; 0 never stops.
        penalty: None, L2(strength), L1(strength) or ElasticNet(strength, l1_ratio), of w alone.
        family: logistic.BINOMIAL or logistic.MULTINOMIAL.
        fit_intercept: False leaves b at its start.

    Raises:
        ValueError: arguments of another kind, or whose shapes do not fit.
    """
    check_problem(params, batch, family)
    check_solver(solver)
    check_integer("steps", steps, 0, 2**31)
    check_flag("fit_intercept", fit_intercept)
    objective = Objective(batch, penalty, family, fit_intercept).summed()
    implicit = declares(solver, "descends") or not _is_zero(tolerance)
    held = lax.stop_gradient if implicit else lambda tree: tree
    goal = Goal(tolerance, gradient=tolerance)
    fixed, solver = held(objective), held(solver)
    loop = Loop(fixed, solver, steps, goal, moments_of(fixed))
    step = partial(body, loop, wanted=True, branch=jax.default_backend() == "cpu")
    # One more than the updates: the last evaluates the final parameters.
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
    ended = (carry.good, history, carry.status, carry.step, carry.check, carry.certificate)
    return Result(*ended, family=family)


def _is_zero(tolerance: object) -> bool:
    """Return whether a tolerance is known to be 0; a traced one may have any value."""
    return not isinstance(tolerance, jax.core.Tracer) and bool(np.all(np.asarray(tolerance) == 0))
