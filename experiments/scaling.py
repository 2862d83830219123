"""The cost of a step: computed for a billion examples on up to 1,024 devices, and measured here.

    python experiments/scaling.py [--quick] [--out FOLDER]

A step of gradient descent moves X past the devices once (in blocks, or by the kernel) or twice (as
two products), does 4 n m k operations, and adds n + 2 numbers up over the devices. The first
table checks that count against this machine's CPU: the speed at which it reads X and the time of an
empty all-reduce are measured, the step is foretold from them, then measured as well. The second
applies it to data sheets. Results go to experiments/scaling.md and .json.
"""

import os
import time
from functools import partial
from math import ceil, log2
from pathlib import Path
from typing import NamedTuple

import numpy as np
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.sharding import PartitionSpec  # noqa: E402

from jax_logreg import Batch, GradientDescent, Params, solve  # noqa: E402
from jax_logreg.matrix import compress, shard  # noqa: E402
from jax_logreg.placement.devices import make_mesh, replicate, spread_rows  # noqa: E402

COUNTS = (1, 2, 4, 8)
jax.config.update("jax_num_cpu_devices", max(COUNTS))
N, M = 10**3, 10**9


class Machine(NamedTuple):
    """A data sheet: memory's bytes and bytes a second, float32 operations a second, and seconds
    that an all-reduce of a few kilobytes waits for at each of its 2 log2(D) exchanges.
    """

    name: str
    memory: float
    bandwidth: float
    flops: float
    exchange: float


MACHINES = (
    Machine("NVIDIA H200 SXM", 141e9, 4.8e12, 67e12, 10e-6),
    Machine("NVIDIA A100 80GB SXM", 80e9, 2.0e12, 19.5e12, 10e-6),
    Machine("server, 12 channels DDR5-4800", 768e9, 460e9, 3e12, 30e-6),
)
DEVICES = (1, 8, 64, 256, 1_024)


def foretold(machine, devices, entry_bytes, passes, outputs=1):
    """Seconds of memory, of arithmetic and of the all-reduce of a step, and bytes a device holds.

    Memory and arithmetic overlap, the all-reduce comes after them.
    """
    held = N * M * entry_bytes / devices
    rows = 4 * M * (2 * outputs + 1) / devices
    seconds = (passes * held + rows) / machine.bandwidth
    arithmetic = 4 * N * M * outputs / devices / machine.flops
    exchange = 2 * log2(devices) * machine.exchange if devices > 1 else 0.0
    return seconds, arithmetic, exchange, held + rows


def on_paper():
    """Rows of the table of a billion examples."""
    rows = []
    for machine in MACHINES:
        for devices in DEVICES:
            held = foretold(machine, devices, 4, 1)[3]
            fits = {4: held <= machine.memory, 1: held / 4 <= machine.memory}
            cells = []
            for entry_bytes, passes, outputs in ((4, 2, 1), (4, 1, 1), (1, 1, 1), (4, 2, 64)):
                memory, flops, exchange, _ = foretold(
                    machine, devices, entry_bytes, passes, outputs
                )
                step = max(memory, flops) + exchange
                cells.append(_time(step) if fits[entry_bytes] else f"({_time(step)})")
            share = foretold(machine, devices, 4, 2)
            rows.append(
                [machine.name, f"{devices:,}", f"{held / 1e9:,.1f}", *cells,
                 f"{share[2] / (max(share[:2]) + share[2]):.1%}"]
            )  # fmt: skip
    return rows


def measured(n, m, steps, rounds):
    """For each number of devices: what reading X and an empty exchange take, and the step."""
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    Y, s = (rng.random((1, m)) < 0.5).astype(np.float32), np.ones((1, m), np.float32)
    run = jax.jit(partial(solve, solver=GradientDescent(1e-3), steps=steps - 1))
    found = []
    for devices in COUNTS:
        mesh = make_mesh(devices)
        parts = shard(compress(X, "float32"), "float32", mesh)
        batch = Batch(parts, *spread_rows((Y, s), mesh))
        start = replicate(Params(jnp.zeros((n, 1)), jnp.zeros((1, 1))), mesh)
        methods = {
            "read": partial(reading(mesh, steps), batch.X.parts.blocks),
            "exchange": partial(exchanging(mesh, n, steps), start.w),
            "step": partial(
                lambda batch, start: float(run(start, batch).certificate.cost), batch, start
            ),
        }
        seconds, _ = alternate(methods, rounds)
        found.append({"devices": devices, **{k: v / steps * 1e3 for k, v in seconds.items()}})
    return found


def reading(mesh, steps):
    """Seconds of reading every part where it lies, a number of times."""

    def read(part):
        def once(total, i):
            # The added term depends on i, so that no pass is left out.
            return total + jnp.max(part[0] + i), None

        return jax.lax.scan(once, jnp.float32(0), jnp.arange(steps, dtype=jnp.float32))[0][None]

    axis = PartitionSpec(mesh.axis_names[0])
    mapped = jax.jit(jax.shard_map(read, mesh=mesh, in_specs=axis, out_specs=axis, check_vma=False))
    return lambda parts: mapped(parts).block_until_ready()


def exchanging(mesh, n, steps):
    """Adding n numbers up over the devices, a number of times."""
    axis = mesh.axis_names[0]

    def exchange(w):
        return jax.lax.scan(
            lambda w, _: (jax.lax.psum(w, axis) / mesh.size, None), w, length=steps
        )[0]

    spec = PartitionSpec()
    mapped = jax.jit(
        jax.shard_map(exchange, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
    )
    return lambda w: mapped(w).block_until_ready()


def _time(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def main():
    """Measure, foretell and write both tables."""
    parser = options(__doc__.splitlines()[0])
    parser.set_defaults(out=Path(__file__).parent)
    chosen = parser.parse_args()
    n, m, steps, rounds = (20, 400, 3, 1) if chosen.quick else (784, 60_000, 20, 7)
    began = time.perf_counter()
    points = measured(n, m, steps, rounds)
    rows = [
        [
            point["devices"], f"{point['read']:.2f}", f"{point['exchange']:.3f}",
            f"{point['read'] + point['exchange']:.2f}", f"{point['step']:.2f}",
            f"{(point['read'] + point['exchange']) / point['step']:.2f}",
        ]
        for point in points
    ]  # fmt: skip
    head = ["CPU devices", "reading X, ms", "all-reduce, ms", "foretold, ms", "step, ms", "ratio"]
    here = table(head, rows)
    head = [
        "a device", "devices", "GB each, float32", "two products", "X read once", "uint8, once",
        "64 models, two products", "all-reduce's share",
    ]  # fmt: skip
    paper = table(head, on_paper())
    source = origin()
    text = "\n\n".join(
        [
            "# A step, on paper and measured",
            "A step reads X, n m numbers, once or twice, does 4 n m k operations and adds "
            f"n k + k + 1 numbers up over the devices: {N:,} features x {M:,} examples are 4 TB in "
            "float32, 4 x 10^12 operations and one all-reduce of 4 KB. Beside X a device moves "
            "labels, weights and Z of its examples.",
            f"The count against this machine, {n:,} x {m:,}, blocks of float32, {os.cpu_count()} "
            "cores. Foretold is the time of reading X alone and of an all-reduce alone. The blocks "
            "of one device are one core's work, reading alone is not, so one device takes longer "
            "than foretold; beyond one a core devices share the cores:",
            here,
            "On paper, from data sheets (bytes and operations a second in the .json beside this), "
            "every exchange of an all-reduce taken as 10 or 30 µs; in brackets what does not fit:",
            paper,
            "So memory bounds a step until some hundreds of devices share 4 TB, and then the "
            "all-reduce does: more devices gain little for one model, and much for many at once.",
            footer(source),
        ]
    )
    seconds = ceil(time.perf_counter() - began)
    figures = {"origin": source, "points": points, "machines": [m._asdict() for m in MACHINES]}
    save(chosen.out, "scaling", text, {**figures, "seconds": seconds})


if __name__ == "__main__":
    main()
