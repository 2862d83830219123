"""The solvers that a config can name; a new one is a class, and a row of SolverConfig."""

from typing import Annotated, Literal

from jax_logreg.data import Section
from jax_logreg.errors.extras import needs
from jax_logreg.objective import Solver
from jax_logreg.solver import LBFGS, GradientDescent, MiniBatch, Newton, Optax, Proximal

with needs("run"):
    from pydantic import Field

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False, description="The step size.")]
Decay = Annotated[float, Field(ge=0, lt=1, description="The decay of a running mean, per step.")]
# The square of the memory is allocated, and XLA aborts where no machine holds it.
Memory = Annotated[
    int,
    Field(ge=1, le=1000, description="The number of past steps that approximate the curvature."),
]


class AutoConfig(Section):
    """The solver that suits shape, penalty and family; the run names it, with the reason."""

    method: Literal["auto"] = "auto"

    def solver(self) -> Solver | str:
        """Return the argument of `fit` that leaves the choice to it."""
        return self.method


class NewtonConfig(Section):
    """Newton's method, for few parameters; it needs no learning rate."""

    method: Literal["newton"]

    def solver(self) -> Solver:
        """Return the solver."""
        return Newton()


class LBFGSConfig(Section):
    """Limited-memory BFGS; it needs no learning rate."""

    method: Literal["lbfgs"]
    memory: Memory = 10

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        return LBFGS(self.memory)


class ProximalConfig(Section):
    """Proximal Newton steps, for nonsmooth penalties; it needs no learning rate."""

    method: Literal["proximal"]
    working_set: int = Field(
        512, ge=1, description="The number of features that a step may change."
    )

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        return Proximal(self.working_set)


class GradientDescentConfig(Section):
    """The lecture's update with a constant learning rate."""

    method: Literal["gradient_descent"]
    learning_rate: Rate

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        return GradientDescent(self.learning_rate)


class MomentumConfig(Section):
    """Gradient descent with momentum, Nesterov's or the plain one."""

    method: Literal["momentum"]
    learning_rate: Rate
    momentum: Decay = 0.9
    nesterov: bool = True

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        import optax

        return Optax(optax.sgd(self.learning_rate, self.momentum, self.nesterov))


class AdamConfig(Section):
    """Adam (Kingma and Ba, 2015)."""

    method: Literal["adam"]
    learning_rate: Rate
    b1: Decay = 0.9
    b2: Decay = 0.999

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        import optax

        return Optax(optax.adam(self.learning_rate, self.b1, self.b2))


class OptaxLBFGSConfig(Section):
    """optax's limited-memory BFGS with a zoom line search; it needs no learning rate."""

    method: Literal["optax_lbfgs"]
    memory: Memory = 10

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        import optax

        return Optax(optax.lbfgs(memory_size=self.memory))


class MiniBatchConfig(Section):
    """An update for each block of streamed data (data.stream); a step is a pass over all data."""

    method: Literal["minibatch"]
    learning_rate: Rate
    optimiser: Literal["sgd", "adam"] = Field("adam", description="The method of the updates.")

    def solver(self) -> Solver:
        """Return the solver of these numbers."""
        import optax

        return MiniBatch(getattr(optax, self.optimiser)(self.learning_rate))


SolverConfig = Annotated[
    AutoConfig
    | NewtonConfig
    | LBFGSConfig
    | ProximalConfig
    | GradientDescentConfig
    | MomentumConfig
    | AdamConfig
    | OptaxLBFGSConfig
    | MiniBatchConfig,
    Field(discriminator="method"),
]
