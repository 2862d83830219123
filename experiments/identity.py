"""The cost of the digest of X, which binds a checkpoint to its data, beside that of a fit.

    python experiments/identity.py [--quick] [--out FOLDER]

A digest of X (n, m), float32, in the order of its features, of its examples, and of a stream of a
.npy; beside it a fit with `LBFGS` from the first step to the default tolerance, compiled before.
Results go to experiments/results/identity.md and .json.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from timing import alternate, footer, options, origin, save, table

from jax_logreg import L2, LBFGS, fit
from jax_logreg.data import open_stream
from jax_logreg.matrix import identify

SIZES = ((1_000, 20_000), (784, 40_000), (100, 1_000_000))


def compare(n, m, rounds):
    """Seconds of a digest of each kind, and of a fit."""
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    Y = rng.random(m) < 1 / (1 + np.exp(-X[0]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, X.T)
        np.save(path.with_name("x_labels.npy"), Y)
        streamed = open_stream(path).X
        methods = {
            "features": partial(identify, X, "float32"),
            "examples": partial(identify, np.asfortranarray(X), "float32"),
            "stream": partial(identify, streamed, "float32"),
            "fit": lambda: float(
                fit(X, Y, penalty=L2(1e-3), solver=LBFGS(), gradient_check="off").certificate.cost
            ),
        }
        seconds, found = alternate(methods, rounds)
    assert found["features"] == found["examples"]
    return {"features": n, "examples": m, "MB": X.nbytes / 1e6, "seconds": seconds}


def main():
    """Measure and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    sizes, rounds = (((20, 500),), 1) if chosen.quick else (SIZES, 5)
    found = [compare(n, m, rounds) for n, m in sizes]
    head = ["n x m", "MB", *found[0]["seconds"]]
    rows = [
        [f"{one['features']:,} x {one['examples']:,}", f"{one['MB']:.0f}"]
        + [f"{seconds:.3f}" for seconds in one["seconds"].values()]
        for one in found
    ]
    source = origin()
    text = f"Seconds.\n\n{table(head, rows)}\n\n{footer(source)}"
    save(chosen.out, "identity", text, {"origin": source, "sizes": found})


if __name__ == "__main__":
    main()
