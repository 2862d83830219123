"""Checkpoints: a run is saved while it works, and resumed after a kill."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax_logreg.checkpoint.saving import Checkpoint, Stopped

__all__ = ["Checkpoint", "Stopped"]


def __getattr__(name: str) -> object:
    """Import the writer of files where it is asked for: `fit` needs no safetensors."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jax_logreg.checkpoint import saving

    return getattr(saving, name)
