"""Options of XLA that have to be set before the first array is made."""

import os
from contextlib import suppress

# Newer XLA takes a loop of matrix-vector products for small work, and runs it on one core: its
# runtime made many such loops slow (https://github.com/jax-ml/jax/issues/26145).
_THREADS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=0"
_FORCED = "xla_force_host_platform_device_count"


def set_xla_flags() -> None:
    """Let a loop use all cores; to be called before the first array, when XLA reads its options."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_THREADS}".strip()


def split_cpu() -> None:
    """Make a CPU device of each core, before the first array; settings of the user stay."""
    if "JAX_NUM_CPU_DEVICES" in os.environ or _FORCED in os.environ.get("XLA_FLAGS", ""):
        return
    import jax

    # In a program that has computed already, devices are what they are.
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count_cores())


def count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
