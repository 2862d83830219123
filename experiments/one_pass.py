"""The gain of reading X once a step: blocks of examples against NumPy's two products.

    python experiments/one_pass.py [--quick] [--out FOLDER]

The same steps of gradient descent on pictures' numbers, integers of 0 to 255, by NumPy, by the scan
over a dense X, and by the scan over blocks of X kept as float32 or as uint8, on one device and on
one device a core. Results go to experiments/results/one_pass.md and .json.
"""

import os
from functools import partial

import numpy as np
import rival_numpy
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from jax_logreg import Batch, GradientDescent, Params, solve  # noqa: E402
from jax_logreg.matrix import compress, place, shard  # noqa: E402
from jax_logreg.placement.devices import make_mesh, replicate, spread_rows  # noqa: E402

CORES = os.cpu_count() or 1
jax.config.update("jax_num_cpu_devices", CORES)

# features, examples, steps a timing, learning rate
SIZES = [(784, 60_000, 20, 1e-6), (1_024, 100_000, 10, 1e-6), (12_288, 209, 500, 1e-8)]
QUICK = [(20, 100, 5, 1e-6), (100, 20, 5, 1e-6)]


def problem(n, m):
    """X (n, m) of integers of 0 to 255 and Y (1, m), seeded."""
    rng = np.random.default_rng([n, m])
    X = rng.integers(0, 256, (n, m), np.uint8)
    w = rng.standard_normal((1, n), np.float32) / np.float32(100 * n**0.5)
    Z = w @ (X.astype(np.float32) - 127.5)
    return X, (rng.random((1, m)) < 1 / (1 + np.exp(-Z))).astype(np.float32)


def batches(X, Y):
    """Return the variants by name: the batch, and where its start lies."""
    s = np.ones_like(Y)
    dense = place(X, "float32")
    kinds = {"scan": (dense, None)}
    for storage in ("float32", "uint8"):
        for devices in (1, CORES):
            kinds[f"{storage}, {devices}"] = (compress(X, storage), devices)
    found = {}
    for name, (matrix, devices) in kinds.items():
        if devices in (None, 1):
            found[name] = Batch(matrix, jnp.asarray(Y), jnp.asarray(s)), lambda start: start
        else:
            mesh = make_mesh(devices)
            found[name] = (
                Batch(shard(matrix, "float32", mesh), *spread_rows((Y, s), mesh)),
                partial(replicate, mesh=mesh),
            )
    return found


def iteration(n, m, steps, learning_rate, rounds):
    """Milliseconds of an iteration of each, and the costs they reached."""
    X, Y = problem(n, m)
    run = jax.jit(partial(solve, solver=GradientDescent(learning_rate), steps=steps - 1))
    methods = {}
    for name, (batch, put) in batches(X, Y).items():
        start = put(Params(jnp.zeros((n, 1)), jnp.zeros((1, 1))))
        methods[name] = partial(
            lambda start, batch: float(run(start, batch).certificate.cost), start, batch
        )
    floats = X.astype(np.float32)
    methods["NumPy"] = lambda: rival_numpy.descend(floats, Y, learning_rate, steps)
    seconds, costs = alternate(methods, rounds)
    for cost in costs.values():
        np.testing.assert_allclose(cost, costs["NumPy"], rtol=1e-4)
    times = {name: 1e3 * time / steps for name, time in seconds.items()}
    return {"features": n, "examples": m, "ms": times, "costs": costs}


def main():
    """Measure and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    sizes = QUICK if chosen.quick else SIZES
    shapes = [iteration(*size, 1 if chosen.quick else 7) for size in sizes]
    rows = []
    for shape in shapes:
        numpy = shape["ms"].pop("NumPy")
        cells = [f"{ms:.3g} ({ms / numpy:.2f})" for ms in shape["ms"].values()]
        rows.append(
            [f"{shape['features']:,} x {shape['examples']:,}", f"{numpy:.3g}", *cells,
             f"{shape['costs']['NumPy']:.4f}"]
        )  # fmt: skip
        shape["ms"]["NumPy"] = numpy
    names = [name for name in shapes[0]["ms"] if name not in ("NumPy", "scan")]
    head = ["features x examples", "NumPy, ms", "dense scan, ms", *names, "cost, all"]
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(chosen.out, "one_pass", text, {"origin": source, "shapes": shapes})


if __name__ == "__main__":
    main()
