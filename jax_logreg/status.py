"""The reasons to end a fit."""

from enum import IntEnum


class Status(IntEnum):
    """The reason why a fit ended, in a sentence as `explanation`; `advice.py` knows what helps.

    Inside a trace it is an int32: read it with Status(int(result.status)).
    """

    explanation: str

    RUNNING = 0, "It has not ended yet."
    CONVERGED = (
        1,
        "The error of the answer is proven to be within the tolerance.",
    )
    STEPS_EXHAUSTED = 2, "All steps were taken."
    DIVERGED = (
        3,
        "The cost became infinite or NaN, or ended above its start.",
    )
    GRADIENT_CHECK_FAILED = (
        4,
        "The analytic gradient and jax.grad of the cost disagree by more than rounding: one of "
        "them, or a product with X, is wrong.",
    )
    PRECISION_FLOOR = (
        5,
        "The gradient is within its own rounding error and no longer falls: the tolerance is "
        "below what this dtype can reach.",
    )
    SEPARABLE = (
        6,
        "The cost has no finite optimum: the parameters grow with every step.",
    )

    # The type checker sees only the value that Enum looks up by.
    def __new__(cls, value: int, explanation: str = "") -> "Status":
        """A member whose value is the number alone."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member


# The number of RUNNING. NumPy compares its own with a member in 9 µs, and with a number in 0.1.
RUNNING = int(Status.RUNNING)
