"""The penalties that a config can name; a new one is a class, and a row of PenaltyConfig."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np

from jax_logreg.data import Section
from jax_logreg.errors import InputError, some
from jax_logreg.errors.extras import needs
from jax_logreg.errors.nearest import nearest
from jax_logreg.penalty import L1, L2, ElasticNet, Penalty

with needs("run"):
    from pydantic import Field

Strength = Annotated[
    float | None,
    Field(
        ge=0,
        allow_inf_nan=False,
        description="The factor λ; scikit-learn's C is 1/(λ·m). With a [sweep], which tries "
        "several, it is left out.",
    ),
]
_UNPENALISED = "The features without penalty, by name, or by number from 0."


class NoPenalty(Section):
    """No penalty: the cost is the cross-entropy alone."""

    kind: Literal["none"] = "none"

    def penalty(self, features: Sequence[str]) -> Penalty | None:
        """Return None."""
        return None


class L2Config(Section):
    """strength/2 · Σ w² (ridge)."""

    kind: Literal["l2"]
    strength: Strength = None
    unpenalised: list[str | int] = Field([], description=_UNPENALISED)

    def penalty(self, features: Sequence[str]) -> Penalty | None:
        """Return the penalty on these features."""
        return L2(_of_sweep(self.strength), _factors(self.unpenalised, features))


class L1Config(Section):
    """strength · Σ |w| (lasso), which leaves weights exactly 0."""

    kind: Literal["l1"]
    strength: Strength = None
    unpenalised: list[str | int] = Field([], description=_UNPENALISED)

    def penalty(self, features: Sequence[str]) -> Penalty | None:
        """Return the penalty on these features."""
        return L1(_of_sweep(self.strength), _factors(self.unpenalised, features))


class ElasticNetConfig(Section):
    """strength · Σ (l1_ratio·|w| + (1 − l1_ratio)/2·w²)."""

    kind: Literal["elastic_net"]
    strength: Strength = None
    l1_ratio: float = Field(ge=0, le=1, description="From 0, all L2, to 1, all L1.")
    unpenalised: list[str | int] = Field([], description=_UNPENALISED)

    def penalty(self, features: Sequence[str]) -> Penalty | None:
        """Return the penalty on these features."""
        factors = _factors(self.unpenalised, features)
        return ElasticNet(_of_sweep(self.strength), self.l1_ratio, factors)


PenaltyConfig = Annotated[
    NoPenalty | L2Config | L1Config | ElasticNetConfig, Field(discriminator="kind")
]


def _of_sweep(strength: float | None) -> float:
    """Return the strength, and 1 without one, which a sweep multiplies by its own."""
    return 1.0 if strength is None else strength


def _factors(unpenalised: list[str | int], features: Sequence[str]) -> np.ndarray | None:
    """Return 0 for unpenalised features and 1 for others, (n,); None where all are penalised.

    Raises:
        InputError: a name or a number that is no feature.
    """
    if not unpenalised:
        return None
    factors = np.ones(len(features))
    factors[[_number(name, features) for name in unpenalised]] = 0
    return factors


def _number(name: str | int, features: Sequence[str]) -> int:
    n = len(features)
    if isinstance(name, int):
        if not 0 <= name < n:
            raise InputError(
                f"penalty.unpenalised names feature {name}: expected 0 to {n - 1}, or a name"
            )
        return name
    if name not in features:
        raise InputError(
            f"penalty.unpenalised names '{name}', which is no feature: "
            f"expected some of {some(features)}{nearest(name, features)}"
        )
    return features.index(name)
