"""The command line `jax-logreg`: configs, progress, output folder, report."""

import os
import sys

# Newer XLA runs a loop of matrix-vector products on one core, taking it for small work; it reads
# its options when the first array is made. https://openxla.org/xla/flags_guidance
_THREADS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=0"


def main() -> None:
    """Entry point; a missing extra ends it with one line and exit code 2."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_THREADS}".strip()
    from jax_logreg.extras import MissingExtra

    try:
        from jax_logreg.run.cli import app

        app()
    except MissingExtra as missing:
        sys.exit(_refused(missing))


def _refused(error: Exception) -> int:
    print(f"jax-logreg: {error}", file=sys.stderr)
    return 2
