"""Penalties on the weights w, added to the weighted mean cross-entropy; never on b.

Each is P(w) = Σ (l1·|w| + l2/2·w²); l1 and l2 are numbers, or one a feature, (n, 1). The strength
of scikit-learn's C is 1/(C·Σs).
"""

from dataclasses import Field, dataclass
from typing import ClassVar, Protocol

from jax_logreg.arrays import xp as jnp
from jax_logreg.pytree import pytree
from jax_logreg.shapes import Array, Coefficient, Float, Number


class Penalty(Protocol):
    """The protocol of a penalty, which is a frozen dataclass and a pytree."""

    smooth: ClassVar[bool]
    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def l1(self) -> Coefficient:
        """The coefficient of |w|."""

    @property
    def l2(self) -> Coefficient:
        """The coefficient of w²/2."""


class _Factored:
    """A strength times factors (n, 1): the factor 0 leaves a feature unpenalised."""

    strength: Coefficient
    factors: Coefficient | None

    @property
    def _strengths(self) -> Coefficient:
        return self.strength if self.factors is None else self.strength * self.factors


@pytree
@dataclass(frozen=True)
class L2(_Factored):
    """strength/2 · Σ factors·w²."""

    strength: Coefficient
    factors: Coefficient | None = None
    smooth: ClassVar[bool] = True

    @property
    def l1(self) -> Coefficient:
        """The coefficient of |w|: 0."""
        return 0.0

    @property
    def l2(self) -> Coefficient:
        """The coefficient of w²/2."""
        return self._strengths


@pytree
@dataclass(frozen=True)
class L1(_Factored):
    """strength · Σ factors·|w|."""

    strength: Coefficient
    factors: Coefficient | None = None
    smooth: ClassVar[bool] = False

    @property
    def l1(self) -> Coefficient:
        """The coefficient of |w|."""
        return self._strengths

    @property
    def l2(self) -> Coefficient:
        """The coefficient of w²/2: 0."""
        return 0.0


@pytree
@dataclass(frozen=True)
class ElasticNet(_Factored):
    """strength · Σ factors·(l1_ratio·|w| + (1 − l1_ratio)/2·w²), l1_ratio in [0, 1]."""

    strength: Coefficient
    l1_ratio: Coefficient
    factors: Coefficient | None = None
    smooth: ClassVar[bool] = False

    @property
    def l1(self) -> Coefficient:
        """The coefficient of |w|."""
        return self._strengths * self.l1_ratio

    @property
    def l2(self) -> Coefficient:
        """The coefficient of w²/2."""
        return self._strengths * (1 - self.l1_ratio)


def value(penalty: Penalty, w: Float[Array, "n k"]) -> Float[Array, ""]:
    """P(w)."""
    bent = half_squares(penalty.l2, w)
    return bent if penalty.smooth else bent + jnp.sum(penalty.l1 * jnp.abs(w))


def half_squares(l2: Coefficient, w: Float[Array, "n k"]) -> Float[Array, ""]:
    """Σ l2/2·w², for one l2 or a column of them."""
    # As a product of stored columns: XLA:CPU is slow to sum a column that it computes on the way.
    if jnp.ndim(l2) == 0:
        return jnp.vdot(w, w, precision="highest") * (l2 / 2)
    return jnp.vdot(w, l2 / 2 * w, precision="highest")


def soft_threshold(
    w: Float[Array, "*any"], threshold: Number | Float[Array, "..."]
) -> Float[Array, "*any"]:
    """The proximal operator of threshold·|w|: sign(w)·max(|w| − threshold, 0)."""
    return w - jnp.clip(w, -threshold, threshold)


def stationarity(
    penalty: Penalty, w: Float[Array, "n k"], gradient: Float[Array, "n k"]
) -> Float[Array, "n k"]:
    """The smallest subgradient of J + P at w, given the gradient of J + Σ l2/2·w²: 0 at optima."""
    l1 = jnp.broadcast_to(jnp.asarray(penalty.l1, w.dtype), w.shape)
    return jnp.where(w == 0, soft_threshold(gradient, l1), gradient + l1 * jnp.sign(w))
