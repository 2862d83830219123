"""Steps by a transformation of optax, with an update for each block of examples."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from jax_logreg import matrix
from jax_logreg.logistic import Batch, Params
from jax_logreg.objective import Evaluation, Objective
from jax_logreg.pytree import pytree
from jax_logreg.shapes import X_nm
from jax_logreg.solver.from_optax import apply, check_transformation, initial

if TYPE_CHECKING:
    import optax


@pytree
@dataclass(frozen=True)
class MiniBatch:
    """Updates by an optax transformation from one block of X after another.

    A step is a pass over X with an update for each block: by the gradient of the penalty plus the
    weighted mean cross-entropy of its examples. Cost, gradient and certificate before a step are
    those of all examples, in a second pass. Blocks come in the order of X: shuffle examples that
    are sorted.
    """

    tx: "optax.GradientTransformation" = field(metadata={"static": True})
    needs_blocks: ClassVar[bool] = True
    by_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a `tx` that is no optax transformation (InputError)."""
        check_transformation("MiniBatch", self.tx)

    def init(self, objective: Objective, params: Params) -> object:
        """The transformation's state at the parameters."""
        return initial(self.tx, params)

    def evaluate(self, objective: Objective, params: Params, state: object) -> Evaluation:
        """J and its gradient, of all examples."""
        return objective.evaluate(params)

    def step(
        self, objective: Objective, params: Params, state: object, at: Evaluation
    ) -> tuple[Params, object]:
        """One update for each block whose examples have weight."""
        X, Y, s = objective.batch
        assert matrix.one_by_one(X)

        def update(
            carry: tuple[Params, object], X: X_nm, Y: Array, s: Array
        ) -> tuple[Params, object]:
            weighty = jnp.sum(s) > 0
            block = objective.on(Batch(X, Y, jnp.where(weighty, s, 1)))
            new = apply(self.tx, block, *carry, block.evaluate(carry[0]))
            return jax.tree.map(lambda new, old: jnp.where(weighty, new, old), new, carry)

        return matrix.each_block(update, (params, state), X, Y, s)
