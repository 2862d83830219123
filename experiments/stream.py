"""A data set larger than memory: what a step over its files takes beside reading them alone.

    python experiments/stream.py [--gigabytes 6] [--folder FOLDER] [--quick] [--out FOLDER]

Writes seeded float32 features as a .npy and as Parquet files, each of the size asked for, measures
each in a process of its own, whose peak of resident memory is its own too, and deletes them. The
page cache is warm where it holds the files. Results go to experiments/results/stream.md and .json.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from timing import alternate, footer, options, origin, save, table

FEATURES = 784
# Examples written at a time, and in a Parquet row group.
_PART, _GROUP = 40_000, 10_000
_FILES = 4


def write(folder, kind, n, m):
    """The same numbers as X.npy, labels beside it, or as some Parquet files; where they lie."""
    rng, w = np.random.default_rng(0), np.random.default_rng(1).standard_normal(n) / n**0.5
    parts = (min(_PART, m - start) for start in range(0, m, _PART))
    pairs = (
        (x, _labels(rng, w, x)) for x in (rng.standard_normal((b, n), np.float32) for b in parts)
    )
    where = folder / kind
    where.mkdir()
    if kind == "npy":
        _write_npy(where, n, m, pairs)
    else:
        _write_parquet(where, n, m, pairs)
    return where


def _labels(rng, w, x):
    return (rng.random(len(x)) < 1 / (1 + np.exp(-2 * x @ w))).astype(np.int8)


def _write_npy(where, n, m, pairs):
    header = {"descr": "<f4", "fortran_order": False, "shape": (m, n)}
    labels = []
    with (where / "X.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for x, y in pairs:
            x.tofile(file)
            labels.append(y)
    np.save(where / "X_labels.npy", np.concatenate(labels))


def _write_parquet(where, n, m, pairs):
    import pyarrow as pa
    from pyarrow import parquet

    names = [f"x{i}" for i in range(n)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("label", pa.int8())])
    each = -(-m // (_PART * _FILES))
    for number in range(_FILES):
        # Random mantissas do not compress: trying to would only cost time.
        with parquet.ParquetWriter(
            where / f"{number}.parquet", schema, compression="none", use_dictionary=False
        ) as writer:
            for x, y in islice(pairs, each):
                columns = dict(zip(names, np.ascontiguousarray(x.T), strict=True))
                writer.write_table(pa.table({**columns, "label": y}, schema), _GROUP)


def measure(where, rounds):
    """Seconds of reading alone, of a step of gradient descent and one of L-BFGS, and the peak."""
    from jax_logreg.cli import set_xla_flags

    set_xla_flags()
    import jax
    import jax.numpy as jnp

    from jax_logreg import L2, LBFGS, Batch, GradientDescent, Params
    from jax_logreg.data import open_stream
    from jax_logreg.objective import Objective

    began = time.perf_counter()
    X, Y = open_stream(where)[:2]
    opened = time.perf_counter() - began
    n, m = X.shape
    batch = Batch(X, jnp.asarray(Y[None], jnp.float32), jnp.ones((1, m)))
    objective = Objective(batch, L2(1e-4))
    start = Params(jnp.zeros((n, 1)), jnp.zeros((1, 1)))

    @jax.jit
    def step(objective, solver, params, state):
        at = solver.evaluate(objective, params, state)
        return (*solver.step(objective, params, state, at), at.cost)

    def steps(solver):
        state = jax.block_until_ready(jax.jit(solver.init)(objective, start))
        return lambda: float(step(objective, solver, start, state)[-1])

    methods = {
        "read": lambda: sum(block.shape[0] for block in X.ahead.read_alone(np.dtype("float32"))),
        "gradient": steps(GradientDescent(0.1)),
        "lbfgs": steps(LBFGS()),
    }
    seconds, _ = alternate(methods, rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    files = [file for file in where.iterdir() if "labels" not in file.name]
    return {
        "features": n,
        "examples": m,
        "bytes": sum(file.stat().st_size for file in files),
        "open_seconds": opened,
        **{f"{name}_seconds": taken for name, taken in seconds.items()},
        "peak_bytes": peak,
    }


def main():
    """Write the files, measure each kind in a process of its own, and write the table."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=6.0, help="size of each data set")
    parser.add_argument("--folder", type=Path, help="where the files are written for a while")
    parser.add_argument("--measure", type=Path, help="(one data set, as JSON, for the parent)")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else 3
    if chosen.measure:
        print(json.dumps(measure(chosen.measure, rounds)))
        return
    n = 20 if chosen.quick else FEATURES
    m = 5_000 if chosen.quick else int(chosen.gigabytes * 1e9 / (4 * n))
    found = {}
    for kind in ("npy", "parquet"):
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            where = write(Path(folder), kind, n, m)
            command = [sys.executable, __file__, "--measure", where, *["--quick"] * chosen.quick]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[kind] = json.loads(done.stdout.splitlines()[-1])
    rows = [
        [
            kind,
            f"{one['bytes'] / 1e9:.1f}",
            f"{one['open_seconds']:.1f}",
            f"{one['read_seconds']:.2f}",
            f"{one['gradient_seconds']:.2f}",
            f"**{one['gradient_seconds'] / one['read_seconds']:.2f}**",
            f"{one['lbfgs_seconds']:.2f}",
            f"{one['peak_bytes'] / 1e9:.2f}",
        ]
        for kind, one in found.items()
    ]
    head = [
        f"{m:,} examples x {n:,}", "file, GB", "first pass, s", "reading alone, s",
        "gradient step, s", "step / reading", "L-BFGS step, s", "peak memory, GB",
    ]  # fmt: skip
    source = origin()
    text = "\n\n".join([table(head, rows), footer(source)])
    save(chosen.out, "stream", text, {"origin": source, "sets": found})


if __name__ == "__main__":
    main()
