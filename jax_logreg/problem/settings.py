"""The numbers and names that a fit takes beside its arrays, validated."""

import math

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_integer, is_integer, is_number

_MODES = ("every", "ends", "off")


def check_settings(steps: object, tolerance: object, gradient_check: object) -> int | None:
    """Return how many steps lie between two gradient checks, None where the loop makes none.

    Raises:
        InputError: a number that is out of range, or no number.
    """
    check_integer("steps", steps, 0, 2**31)
    # A Goal in place of a number was made here, and is in range.
    auto = (isinstance(tolerance, str) and tolerance == "auto") or hasattr(tolerance, "allowed")
    if not auto and not (is_number(tolerance) and 0 <= tolerance < math.inf):
        raise InputError(
            f"tolerance is {brief(tolerance)}: expected 'auto', or a finite number, 0 or larger; "
            "0 never stops early"
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
