"""Part 0: the device, its clocks, the versions, and how fast it copies, reads and multiplies."""

import hashlib
import importlib.metadata
import shutil
import subprocess
from pathlib import Path

import jax
import jax.numpy as jnp

from experiments.accelerator_parts.measuring import copy_speed, product_speed, read_speed
from experiments.timing import origin

_ROOT = Path(__file__).parents[2]
_LIBRARIES = ("scipy", "scikit-learn", "torch", "cupy", "triton", "nvidia-cublas")
_QUERY = (
    "name,driver_version,memory.total,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,"
    "temperature.gpu,power.draw,power.limit"
)
_PRODUCTS = (
    ("float32 at HIGHEST", jnp.float32, "highest"),
    ("float32 at JAX's default", jnp.float32, None),
    ("bfloat16", jnp.bfloat16, None),
)


class NoAcceleratorError(Exception):
    """JAX sees a CPU only, and the run is no rehearsal."""


def refuse_cpu(work):
    """End a part that would measure a CPU, unless it rehearses."""
    if jax.default_backend() == "cpu" and not work.dry:
        raise NoAcceleratorError(
            "this JAX sees a CPU only: pass --dry to rehearse on it, or install JAX's plugin for "
            "the accelerator"
        )


def run(work):
    """Rows of what is there, then of its speeds."""
    refuse_cpu(work)
    source = origin()
    if source["commit"] == "unknown":
        source["commit"] = f"unknown, files {_digest()}"
    device = jax.devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit")
    work.row(
        "machine",
        **source,
        kind=device.device_kind,
        platform=device.platform,
        devices=len(jax.devices()),
        bytes_limit=limit,
        libraries=_versions(),
    )
    work.row("clocks", when="before", **clocks())
    size = 2**20 if work.dry else 4 * 10**9
    with work.attempt("speeds", what="copy"):
        work.row("speeds", what="copy, read and written", speed=copy_speed(size), unit="bytes/s")
    with work.attempt("speeds", what="read"):
        work.row("speeds", what="sum, read alone", speed=read_speed(size), unit="bytes/s")
    side = 64 if work.dry else 8_192
    for name, dtype, precision in _PRODUCTS[: 1 if work.dry else None]:
        with work.attempt("speeds", what=name):
            speed = product_speed(side, dtype, precision)
            work.row("speeds", what=f"product, {name}", speed=speed, unit="operations/s")
    work.row("clocks", when="after", **clocks())


def clocks():
    """Return the line of nvidia-smi on the first GPU; empty without a GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {"failed": "no nvidia-smi"}
    command = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return {"failed": f"nvidia-smi: {type(error).__name__}"}
    values = done.stdout.splitlines()[0].split(", ")
    return dict(zip(_QUERY.replace(".", "_").split(","), values, strict=False))


def _versions():
    found = {}
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name in _LIBRARIES or name.startswith(("jax", "cupy")):
            found[name] = distribution.version
    return dict(sorted(found.items()))


def _digest():
    """A name for the code where git does not know one."""
    files = sorted((_ROOT / "jax_logreg").rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
