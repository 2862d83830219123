"""Columns of categories kept as codes, beside the same one-hot features as a sparse matrix.

    python experiments/categorical.py [--quick] [--out FOLDER]

Three columns of 10, 100 and 10,000 levels, the frequent ones ten times as common as the rare. A
step is one of the same scanned gradient descent; memory is that of X on the device. The rival is
`jax_logreg.matrix.from_scipy` of what one-hot encoders make. Results go to
experiments/results/categorical.md and .json.
"""

from functools import partial

import numpy as np
import scipy.sparse
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from jax_logreg import Batch, GradientDescent, Params, solve  # noqa: E402
from jax_logreg.matrix import from_codes, from_scipy  # noqa: E402

LEVELS = (10, 100, 10_000)
# examples, outputs
CASES = ((1_000_000, 1), (1_000_000, 10))


def draw(m, levels, rng):
    """Codes (m,) of each column, the first levels the most frequent."""
    return [(rng.random(m) ** 2 * count).astype(np.int64) for count in levels]


def one_hot(codes, levels):
    """The sparse matrix (n, m) that the codes stand for."""
    m = len(codes[0])
    row = np.stack(codes, axis=1) + np.concatenate([[0], np.cumsum(levels)[:-1]])
    starts = len(levels) * np.arange(m + 1)
    data = np.ones(row.size, np.float32)
    return scipy.sparse.csc_array((data, row.ravel(), starts), shape=(sum(levels), m))


def compare(m, k, levels, rounds, steps):
    """Bytes of X, and milliseconds of a step, either way."""
    rng = np.random.default_rng([m, k])
    codes = draw(m, levels, rng)
    n = sum(levels)
    ways = {
        "codes": from_codes(codes, levels),
        "sparse": from_scipy(one_hot(codes, levels), "float32"),
    }
    Y, s = jnp.asarray(rng.random((k, m)) < 0.5, "float32"), jnp.ones((1, m))
    start = Params(jnp.zeros((n, k)), jnp.zeros((k, 1)))
    run = jax.jit(partial(solve, solver=GradientDescent(0.1), steps=steps))
    methods = {
        name: partial(lambda X: float(run(start, Batch(X, Y, s)).certificate.cost), X)
        for name, X in ways.items()
    }
    seconds, costs = alternate(methods, rounds)
    np.testing.assert_allclose(costs["codes"], costs["sparse"], rtol=1e-4)
    size = {name: sum(leaf.nbytes for leaf in jax.tree.leaves(X)) for name, X in ways.items()}
    times = {name: 1e3 * time / steps for name, time in seconds.items()}
    return {
        "examples": m, "features": n, "outputs": k, "bytes": size, "ms": times, "cost": costs,
    }  # fmt: skip


def main():
    """Measure and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    rounds, steps = (1, 2) if chosen.quick else (5, 20)
    cases = [(400, 1)] if chosen.quick else CASES
    found = [compare(m, k, LEVELS, rounds, steps) for m, k in cases]
    rows = [
        [
            f"{case['examples']:,} x {case['features']:,}, {case['outputs']}",
            *(f"{case['bytes'][way] / 1e6:,.3g}" for way in ("sparse", "codes")),
            f"{case['bytes']['codes'] / case['bytes']['sparse']:.2f}",
            *(f"{case['ms'][way]:.3g}" for way in ("sparse", "codes")),
            f"{case['ms']['codes'] / case['ms']['sparse']:.2f}",
        ]
        for case in found
    ]
    head = [
        "examples x features, outputs", "sparse, MB", "codes, MB", "codes / sparse",
        "sparse, ms a step", "codes, ms a step", "codes / sparse",
    ]  # fmt: skip
    source = origin()
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(chosen.out, "categorical", text, {"origin": source, "cases": found})


if __name__ == "__main__":
    main()
