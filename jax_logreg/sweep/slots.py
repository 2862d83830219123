"""The loop of one model, under vmap, in slots that many models pass through."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from jax_logreg._jax.batching import where_wanted
from jax_logreg._jax.compiling import jit
from jax_logreg.arrays import is_numpy, over_models, scan
from jax_logreg.logistic import Params
from jax_logreg.loop.body import Carry, Loop, body, choose_start, start
from jax_logreg.loop.initial import recertify, stepless
from jax_logreg.placement.devices import lay_out
from jax_logreg.proof.certificate import Certificate, Moments, moments_of
from jax_logreg.shapes import NDArray
from jax_logreg.solver.declared import declares
from jax_logreg.status import RUNNING, Status
from jax_logreg.sweep.stack import Stack, model_loop

# Steps between two looks from the host, which fills the slots of ended models.
LOOK = 2


class Slot(NamedTuple):
    """A model under way; its moments where its weights are its own."""

    carry: Carry
    moments: Moments | None


def idle(loop: Loop, stack: Stack, index: np.ndarray, params: Params) -> Slot:
    """Return idle slots, in the shapes of models."""
    if is_numpy(loop.objective.batch.s):
        # One model is begun sooner than JAX has traced the text.
        shapes = _begin_each(loop, stack, index[:1], jax.tree.map(lambda part: part[:1], params))
        shapes = jax.tree.map(
            lambda leaf: np.broadcast_to(leaf, (len(index), *leaf.shape[1:])), shapes
        )
    else:
        shapes = jax.eval_shape(_begin_each, loop, stack, index, params)
    # By NumPy: each shape would be compiled.
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    ended = np.full(len(index), Status.STEPS_EXHAUSTED, np.int32)
    state = state._replace(carry=state.carry._replace(status=ended))
    return lay_out(state, loop.objective.batch, loop.solver)


def _initialise(loop: Loop, own: Stack, params: Params) -> Slot:
    loop = model_loop(loop, own)
    moments = None if own.rows is None else moments_of(loop.objective)
    return Slot(start(loop, params, None), moments)


def _begin_each(loop: Loop, stack: Stack, index: NDArray, params: Params) -> Slot:
    begin = over_models(partial(_initialise, loop), _at_once(loop))
    return begin(stack.take(index), params)


def choose_starts(loop: Loop, stack: Stack, starts: Params, slots: int) -> Params:
    """Return starts (models, ...), each chosen by its cost, from (models, ...) or (1, ...)."""
    models, dtype = len(stack.row), loop.objective.batch.s.dtype
    given: Params = jax.tree.map(
        lambda part: np.broadcast_to(part, (models, *part.shape[1:])).astype(dtype), starts
    )
    for first in range(0, models, slots):
        # The last block repeats a model, so that all have one shape.
        index = np.resize(np.arange(first, min(first + slots, models)), slots)
        block = Params(*(part[index] for part in given))
        found = _choose_each(loop, stack, index, block)
        for part, new in zip(given, found, strict=True):
            part[index] = new
    return given


@jit
def _choose_each(loop: Loop, stack: Stack, index: Array, params: Params) -> Params:
    def choose(own: Stack, params: Params) -> Params:
        return choose_start(model_loop(loop, own), params)

    return over_models(choose, at_once=True)(stack.take(index), params)


@partial(jit, static_argnames="branch", donate_argnames="state")
def advance_each(
    loop: Loop,
    stack: Stack,
    index: Array,
    params: Params,
    fresh: Array,
    own: tuple[Array, Array],
    state: Slot,
    branch: bool,
) -> Slot:
    """Take some steps in every slot; a fresh one starts its model first.

    `own` are the steps left to the model of each slot, and its bound on the gradient.
    """

    def advance(
        model: Stack, params: Params, fresh: Array, own: tuple[Array, Array], slot: Slot
    ) -> Slot:
        slot = where_wanted(fresh, lambda _: _initialise(loop, model, params), slot)
        steps, gradient = own
        goal = loop.goal._replace(gradient=gradient)
        one = model_loop(loop, model)._replace(steps=steps, goal=goal)
        if slot.moments is not None:
            one = one._replace(moments=slot.moments)
        carry, _ = scan(
            lambda carry, _: (body(one, carry, True, branch)[0], None),
            slot.carry,
            length=LOOK,
            ended=lambda carry: carry.status != RUNNING,
        )
        return slot._replace(carry=carry)

    advance_all = over_models(advance, _at_once(loop))
    return advance_all(stack.take(index), params, fresh, own, state)


def _at_once(loop: Loop) -> bool:
    return declares(loop.solver, "many_in_numpy")


def certify_each(
    loop: Loop, stack: Stack, index: np.ndarray, params: Params, idle: Slot, branch: bool
) -> tuple[Certificate, Slot]:
    """Return the certificates of the models of an index, each from a Z of its own; and idle slots.

    XLA has the program of steps, which takes the idle slots.
    """
    if is_numpy(loop.objective.batch.s):
        return _certify_each(loop, stack, index, params), idle
    steps = np.zeros(len(index), np.int32)
    own = steps, steps.astype(params.w.dtype)
    idle = advance_each(
        stepless(loop), stack, index, params, np.ones(len(index), bool), own, idle, branch
    )
    found: Certificate = jax.device_get(idle.carry.certificate)
    # A model that starts at a cost that is not finite has no certificate.
    if np.any(np.isnan(found.cost)):
        found = _certify_each(loop, stack, index, params)
    return found, idle


@jit
def _certify_each(loop: Loop, stack: Stack, index: Array, params: Params) -> Certificate:

    def certify(own: Stack, params: Params) -> Certificate:
        one = model_loop(loop, own)
        if own.rows is not None:
            one = one._replace(moments=moments_of(one.objective))
        return recertify(one, params)

    return over_models(certify, at_once=True)(stack.take(index), params)
