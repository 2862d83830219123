"""The numbers and names that a fit takes beside its arrays, validated."""

import math
from typing import Any

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_integer, is_integer, is_number

_MODES = ("every", "ends", "off")


def check_settings(steps: Any, tolerance: Any, gradient_check: Any) -> int | None:
    """Refuse numbers out of range (ValueError); how often the loop checks, None for never."""
    check_integer("steps", steps, 0, 2**31)
    # A goal has bounds of its own making.
    auto = (isinstance(tolerance, str) and tolerance == "auto") or hasattr(tolerance, "allowed")
    if not auto and not (is_number(tolerance) and 0 <= tolerance < math.inf):
        raise InputError(
            f"tolerance is {brief(tolerance)}: expected 'auto', or a finite number, 0 (never "
            "stop early) or more"
        )
    if isinstance(gradient_check, str) and gradient_check in _MODES:
        return 1 if gradient_check == "every" else None
    if is_integer(gradient_check) and 0 < gradient_check < 2**31:
        return int(gradient_check)
    raise InputError(
        f"gradient_check is {brief(gradient_check)}: expected 'every', 'ends', 'off', "
        "or an integer N of at least 1 to check every N steps"
    )


def check_seed(seed: object) -> None:
    """Refuse what NumPy's generators cannot start from (ValueError)."""
    check_integer("seed", seed, 0)
