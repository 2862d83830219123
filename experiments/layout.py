"""The layouts of X in memory: rows of features, (n, m), or of examples, (m, n); on which pages.

    python experiments/layout.py [--quick] [--out FOLDER]

The same scanned iteration on X (n, m) in XLA's own buffer, in one that NumPy has asked huge pages
for, and on the transpose in such a one. The figures decide from which n / m on
`jax_logreg.matrix.place` keeps the transpose. Results go to
experiments/results/layout.md and .json.
"""

from functools import partial

import numpy as np
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from jax_logreg import Batch, GradientDescent, Params, solve  # noqa: E402
from jax_logreg.matrix import Transposed, aligned  # noqa: E402

# n / m, for X of so many entries
RATIOS = (1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 16, 64)
SIZES = (2_500_000, 40_000_000)
XLAS = "XLA's"


def compare(size, ratio, rounds, work):
    """Milliseconds of an iteration with X (n, m) in either order, of work / size in a timing."""
    n = round((size * ratio) ** 0.5)
    m = size // n
    steps = max(5, work // size)
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    Y, s = jnp.asarray(rng.random((1, m)) < 0.5, "float32"), jnp.ones((1, m))
    start = Params(jnp.zeros((n, 1)), jnp.zeros((1, 1)))
    run = jax.jit(partial(solve, solver=GradientDescent(1e-4), steps=steps))
    orders = {
        XLAS: jnp.array(X),
        "features": jax.device_put(aligned(X, "float32")),
        "examples": Transposed(jax.device_put(aligned(X.T, "float32"))),
    }
    methods = {
        name: partial(lambda X: float(run(start, Batch(X, Y, s)).certificate.cost), X)
        for name, X in orders.items()
    }
    seconds, costs = alternate(methods, rounds)
    for cost in costs.values():
        np.testing.assert_allclose(cost, costs[XLAS], rtol=1e-4)
    times = {name: 1e3 * time / steps for name, time in seconds.items()}
    return {"features": n, "examples": m, "ms": times}


def main():
    """Measure and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    sizes, rounds, work = ((2_000,), 1, 0) if chosen.quick else (SIZES, 5, 1_000_000_000)
    shapes = [compare(size, ratio, rounds, work) for size in sizes for ratio in RATIOS]
    rows = [
        [
            f"{shape['features']:,} x {shape['examples']:,}",
            f"{shape['features'] / shape['examples']:.2f}",
            *(f"{ms:.3g}" for ms in shape["ms"].values()),
            f"{shape['ms']['features'] / shape['ms'][XLAS]:.2f}",
            f"{shape['ms']['examples'] / shape['ms']['features']:.2f}",
        ]
        for shape in shapes
    ]
    head = [
        "features x examples", "n / m", "XLA's (n, m), ms", "huge (n, m), ms", "huge (m, n), ms",
        "huge / XLA's", "(m, n) / (n, m)",
    ]  # fmt: skip
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(chosen.out, "layout", text, {"origin": source, "shapes": shapes})


if __name__ == "__main__":
    main()
