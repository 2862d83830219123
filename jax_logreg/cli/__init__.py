"""The command line `jax-logreg`: configs, progress, output folder, report."""

import sys

from jax_logreg._jax.flags import set_xla_flags
from jax_logreg.errors.extras import MissingExtra

__all__ = ["main", "set_xla_flags"]


def main() -> None:
    """Run the command line; a missing extra ends it with one line and exit code 2."""
    set_xla_flags()
    try:
        from jax_logreg.cli.app import app

        app()
    except MissingExtra as missing:
        print(f"jax-logreg: {missing}", file=sys.stderr)
        sys.exit(2)
