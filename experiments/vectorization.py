"""The lecture's study: one iteration written five ways, timed in one run, checked to agree.

    python experiments/vectorization.py [--quick] [--out FOLDER]

Two explicit loops, one loop with vectors, NumPy without a loop over examples, a jitted step called
from a Python loop, and `lax.scan`. Results go to experiments/results/vectorization.md, .json, .svg.
"""

from functools import partial

import numpy as np
import rival_loops
import rival_numpy
from timing import alternate, footer, options, origin, picture, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from jax_logreg import Batch, GradientDescent, Params, solve, train_step  # noqa: E402
from jax_logreg.matrix import place  # noqa: E402

# features, examples, learning rate
SIZES = [(30, 569, 0.1), (12_288, 209, 0.0001), (784, 10_000, 0.1)]
LOOPS = ("two loops", "one loop, vectors")
WAYS = (*LOOPS, "NumPy", "jitted step", "lax.scan")


def problem(n, m):
    """X (n, m) and Y (1, m), float32, seeded."""
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    return X, (rng.random((1, m)) < 1 / (1 + np.exp(-2 * X[:1]))).astype(np.float32)


def jitted_steps(start, batch, learning_rate, steps):
    """The cost before the last of `steps` calls of `train_step`."""
    params, J = start, None
    for _ in range(steps):
        params, J = train_step(params, batch, learning_rate)
    return float(J)


def ways(n, m, learning_rate, steps):
    """Each way as a function of no arguments that takes `steps` iterations, all from zeros."""
    X, Y = problem(n, m)
    start = Params(jnp.zeros((n, 1)), jnp.zeros((1, 1)))
    batch = Batch(place(X, "float32"), jnp.asarray(Y), jnp.ones((1, m)))
    # One row of history more than updates: `solve` looks at where the last one led.
    scan = jax.jit(partial(solve, solver=GradientDescent(learning_rate), steps=steps - 1))
    return {
        "two loops": lambda: rival_loops.two_loops(X, Y, learning_rate, steps),
        "one loop, vectors": lambda: rival_loops.one_loop(X, Y, learning_rate, steps),
        "NumPy": lambda: rival_numpy.descend(X, Y, learning_rate, steps),
        "jitted step": lambda: jitted_steps(start, batch, learning_rate, steps),
        "lax.scan": lambda: float(scan(start, batch).certificate.cost),
    }


def study(n, m, learning_rate):
    """Milliseconds an iteration of each way, after checking that three of them agree."""
    _, costs = alternate(ways(n, m, learning_rate, steps=3), rounds=1)
    for way in WAYS:
        np.testing.assert_allclose(costs[way], costs["two loops"], rtol=1e-4, err_msg=way)
    slow = ways(n, m, learning_rate, steps=1)
    seconds, _ = alternate({way: slow[way] for way in LOOPS}, rounds=3)
    steps = max(20, min(2000, int(2e9 / (n * m))))
    fast = ways(n, m, learning_rate, steps)
    rest, _ = alternate({way: fast[way] for way in WAYS if way not in LOOPS}, rounds=7)
    seconds |= {way: time / steps for way, time in rest.items()}
    milliseconds = {way: 1e3 * seconds[way] for way in WAYS}
    return {"features": n, "examples": m, "cost": costs["lax.scan"], "ms": milliseconds}


def draw(studies, folder):
    """A group of bars for each size, on a logarithmic scale."""
    figure, axes = picture(8, 4)
    colours = ["#b2182b", "#ef8a62", "#999999", "#67a9cf", "#2166ac"]
    for i, (way, colour) in enumerate(zip(WAYS, colours, strict=True)):
        places = np.arange(len(studies)) + (i - 2) * 0.16
        values = [s["ms"][way] for s in studies]
        bars = axes.bar(places, values, 0.15, label=way, color=colour)
        axes.bar_label(bars, [_short(value, 2) for value in values], fontsize=8, padding=1)
    names = [f"{s['features']:,} x {s['examples']:,}" for s in studies]
    axes.set_xticks(range(len(studies)), names)
    axes.set(yscale="log", ylabel="ms an iteration", xlabel="features x examples")
    axes.margins(y=0.15)
    axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.12), frameon=False, fontsize=9)
    figure.savefig(folder / "vectorization.svg", metadata={"Date": None})


def remarks(studies):
    """Return a sentence on the figures that are not faster."""
    lines = []
    for s in studies:
        ms, size = s["ms"], f"{s['features']:,} x {s['examples']:,}"
        best = min(WAYS, key=ms.get)
        losers = [
            f"{way} takes {ms[way] / ms['NumPy']:.2f} of NumPy's time"
            for way in ("jitted step", "lax.scan")
            if ms[way] > 0.95 * ms["NumPy"]
        ]
        gain = f"{size}: fastest is {best}, {ms['two loops'] / ms[best]:,.0f} times two loops"
        lines.append(f"- {gain}. " + (f"Not faster: {'; '.join(losers)}." if losers else ""))
    return "\n".join(line.rstrip() for line in lines)


def _short(number, digits=3):
    return f"{number:,.0f}" if number >= 100 else f"{number:.{digits}g}"


def main():
    """Measure, draw and write the table."""
    chosen = options(__doc__.splitlines()[0]).parse_args()
    studies = [study(*size) for size in (SIZES[:1] if chosen.quick else SIZES)]
    rows = [
        [f"{s['features']:,} x {s['examples']:,}", *(_short(s["ms"][way]) for way in WAYS)]
        for s in studies
    ]
    source = origin()
    head = ["ms an iteration, features x examples", *WAYS]
    text = "\n\n".join([table(head, rows), remarks(studies), footer(source)])
    save(chosen.out, "vectorization", text, {"origin": source, "studies": studies})
    draw(studies, chosen.out)


if __name__ == "__main__":
    main()
