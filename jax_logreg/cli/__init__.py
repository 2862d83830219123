"""The command line `jax-logreg`: configs, progress, output folder, report."""

import os
import sys

from jax_logreg.errors.extras import MissingExtra

# Newer XLA runs a loop of matrix-vector products on one core, taking it for small work; it reads
# its options when the first array is made.
_THREADS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=0"


def set_xla_flags() -> None:
    """Let a loop use all cores; to be called before the first array is made."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_THREADS}".strip()


def main() -> None:
    """Entry point; a missing extra ends it with one line and exit code 2."""
    set_xla_flags()
    try:
        from jax_logreg.cli.app import app

        app()
    except MissingExtra as missing:
        print(f"jax-logreg: {missing}", file=sys.stderr)
        sys.exit(2)
