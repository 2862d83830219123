"""The one loop: a scanned body, run whole by `solve` and in chunks from the host by `fit`."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jax_logreg.arguments import check_dtype, check_settings, place_arguments
from jax_logreg.certificate import Certificate
from jax_logreg.gradient_check import check_gradients
from jax_logreg.logistic import Batch, Params
from jax_logreg.loop import Carry, Loop, body, start, worse
from jax_logreg.matrix import mean_absolute
from jax_logreg.objective import Solver
from jax_logreg.result import History, Result
from jax_logreg.solver import check_solver
from jax_logreg.status import Status

_CHUNK = 100
# Seconds between two looks from the host where steps are slow.
_PULSE = 0.25


class Progress(NamedTuple):
    """What `fit` tells its callback between two chunks: where the loop is, cost in nats."""

    step: int
    steps: int
    cost: float
    gradient_norm: float


def fit(
    X: Any,
    Y: Any,
    *,
    s: Any = None,
    solver: Solver | str = "auto",
    steps: int = 1000,
    tolerance: float = 1e-4,
    params: Params | None = None,
    gradient_check: str | int = "ends",
    dtype: str = "float32",
    device: str | jax.Device | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> Result:
    """Minimise the weighted mean cross-entropy of the m examples in the columns of X.

    Args:
        X: (n, m), features x examples: an array, or a pytree that offers `w.T @ X`, `X @ dZ.T`
            and, for the gradient check, `X.mean_absolute(s)`, as matrix.Transposed does.
        Y: m labels, 0 or 1, shape (m,) or (1, m).
        s: m weights, finite and not negative; by default 1.
        solver: GradientDescent(learning_rate), Optax(tx), or "auto", which is optax.lbfgs.
        steps: the largest number of updates.
        tolerance: stop where the largest absolute gradient entry is at most this; 0 never stops.
        params: where to start; by default zeros.
        gradient_check: "every" step, "ends" (first and last parameters), "off", or every N steps.
        dtype: "float32" or "float64", of all that is computed.
        device: "cpu", "gpu", "tpu" or a jax.Device; by default where JAX puts new arrays.
        callback: called with a Progress between chunks of at most 100 steps.

    Returns:
        A Result, whose status says how the run ended.

    Raises:
        ValueError: a bad argument, named, before anything is compiled.
    """
    dtype, method = check_dtype(dtype), check_solver(solver)
    check_every = check_settings(steps, tolerance, gradient_check)
    with jax.enable_x64(dtype == "float64"):
        batch, params = place_arguments(X, Y, s, params, dtype, device)
        scale = None if check_every is None else _mean_absolute(batch.X, batch.s)
        loop = Loop(batch, method, int(steps), float(tolerance), check_every, scale)
        check = None if gradient_check == "off" else check_gradients(params, batch)
        carry, history = _drive(loop, _start(loop, params, check), callback)
        if gradient_check == "ends":
            carry = _check_end(loop, carry)
        # What is read on the host anyway is handed over as NumPy.
        carry = jax.device_get(carry)._replace(good=carry.good)
        return _result(carry, history, Status(carry.status), int(carry.step))


def solve(
    params: Params, batch: Batch, *, solver: Solver, steps: int, tolerance: float = 0.0
) -> Result:
    """`fit` as a pure function: the same steps in one scan, for your own jit, vmap and grad.

    Nothing is validated or checked against jax.grad. `status` is an int32 and the history has
    `steps` rows (a static number), NaN after `result.steps`. The dtype is that of the parameters.
    """
    loop = Loop(batch, solver, steps, tolerance)
    step = partial(body, loop, wanted=True, branch=jax.default_backend() == "cpu")
    # One more than the updates: the last only looks at where they led.
    carry, rows = lax.scan(
        lambda carry, _: step(carry), start(loop, params, None), length=steps + 1
    )
    taken = jnp.arange(steps, dtype=jnp.int32) < carry.step
    history = History(*(jnp.where(taken, row[:steps], jnp.nan) for row in rows))
    return _result(carry, history, carry.status, carry.step)


_start = jax.jit(start)
_mean_absolute = jax.jit(mean_absolute)


@partial(jax.jit, static_argnames="branch", donate_argnames="carry")
def _chunk(loop: Loop, carry: Carry, limit: int, branch: bool) -> tuple[Carry, Array]:
    """At most `limit` of _CHUNK steps, and their rows stacked, to be fetched at once."""
    carry, rows = lax.scan(
        lambda carry, i: body(loop, carry, i < limit, branch), carry, jnp.arange(_CHUNK)
    )
    return carry, jnp.stack(rows)


def _drive(
    loop: Loop, carry: Carry, callback: Callable[[Progress], None] | None
) -> tuple[Carry, History]:
    """Run chunks until the status says stop, looking in about every _PULSE seconds."""
    branch = all(device.platform == "cpu" for device in carry.cost.devices())
    limit = 1 if branch else _CHUNK
    rows, step, status = [np.empty((3, 0), carry.cost.dtype)], 0, Status.RUNNING
    while status == Status.RUNNING:
        began, before = time.perf_counter(), step
        carry, new = _chunk(loop, carry, limit, branch=branch)
        seen = (carry.step, carry.status, carry.cost, carry.gradient_norm, new)
        step, status, cost, norm, new = jax.device_get(seen)
        rows.append(new[:, : max(step - before, 0)])
        if callback is not None:
            callback(Progress(int(step), loop.steps, float(cost), float(norm)))
        if branch:
            slow = time.perf_counter() - began > _PULSE / 2
            limit = max(limit // 2, 1) if slow else min(2 * limit, _CHUNK)
    return carry, History(*np.concatenate(rows, axis=1)[:, :step])


def _check_end(loop: Loop, carry: Carry) -> Carry:
    last = worse(check_gradients(carry.good, loop.batch), carry.check)
    status = carry.status if last.passed else jnp.int32(Status.GRADIENT_CHECK_FAILED)
    return carry._replace(check=last, status=status)


def _result(carry: Carry, history: History, status: Any, steps: Any) -> Result:
    certificate = Certificate(carry.cost, carry.gradient_norm)
    return Result(carry.good, history, status, steps, carry.check, certificate)
