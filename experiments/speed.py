"""Speed of an iteration beside NumPy's, and seconds of the import, the loop and a whole run.

    python experiments/speed.py [--cats FOLDER] [--quick] [--out FOLDER]

Both sides take the same steps of gradient descent from zeros in float32 and report the cost
before the last one. Memory order of X: NumPy's is the lecture's, (n, m); jax_logreg chooses its
own. Results go to experiments/results/speed.md and .json.
"""

import io
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import rival_numpy
from rich.console import Console
from timing import alternate, footer, options, origin, save, table

from jax_logreg.cli import set_xla_flags

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from jax_logreg import L2, LBFGS, Batch, GradientDescent, Params, fit, solve  # noqa: E402
from jax_logreg.checkpoint import Checkpoint  # noqa: E402
from jax_logreg.cli.progress import show_progress  # noqa: E402
from jax_logreg.matrix import place  # noqa: E402

ROOT = Path(__file__).parents[1]
# features, examples, steps a timing, learning rate
SIZES = [
    (784, 60_000, 20, 0.1),
    (1_024, 100_000, 10, 0.1),
    (100, 100_000, 100, 0.1),
    (12_288, 209, 1_000, 0.0001),
]
QUICK = [(20, 100, 5, 0.1), (100, 20, 5, 0.1)]


def problem(n, m):
    """X (n, m) and Y (1, m), float32, seeded."""
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    w = rng.standard_normal((n, 1), np.float32) / np.float32(n**0.5)
    return X, (rng.random((1, m)) < 1 / (1 + np.exp(-2 * w.T @ X))).astype(np.float32)


def iteration(n, m, steps, learning_rate, rounds):
    """Milliseconds of an iteration on either side, and the costs they reached."""
    X, Y = problem(n, m)
    batch = Batch(place(X, "float32"), jnp.asarray(Y), jnp.ones((1, m)))
    start = Params(jnp.zeros((n, 1)), jnp.zeros((1, 1)))
    # One row of history more than updates: `solve` looks at where the last one led.
    scan = jax.jit(partial(solve, solver=GradientDescent(learning_rate), steps=steps - 1))
    began = time.perf_counter()
    compiled = scan.lower(start, batch).compile()
    compile_seconds = time.perf_counter() - began
    methods = {
        "numpy": lambda: rival_numpy.descend(X, Y, learning_rate, steps),
        "scan": lambda: float(compiled(start, batch).certificate.cost),
    }
    seconds, costs = alternate(methods, rounds)
    np.testing.assert_allclose(costs["scan"], costs["numpy"], rtol=1e-4)
    return {
        "features": n,
        "examples": m,
        "numpy_ms": seconds["numpy"] / steps * 1e3,
        "scan_ms": seconds["scan"] / steps * 1e3,
        "ratio": seconds["scan"] / seconds["numpy"],
        "numpy_cost": costs["numpy"],
        "scan_cost": costs["scan"],
        "compile_seconds": compile_seconds,
    }


def loop_overhead(rounds, steps):
    """Microseconds a step of `fit` on 2 x 50, history kept and the command line's bar shown."""
    X, Y = problem(2, 50)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    seconds = []
    for _ in range(rounds + 1):
        with show_progress(terminal, steps) as show:
            began = time.perf_counter()
            result = fit(
                X, Y, solver=GradientDescent(0.01), steps=steps, tolerance=0, callback=show
            )
            seconds.append(time.perf_counter() - began)
    assert len(result.history.cost) == steps
    assert f"step {steps}/{steps}" in terminal.file.getvalue()
    # The first compiles.
    return statistics.median(seconds[1:]) / steps * 1e6


def process_seconds(arguments, rounds):
    """Median wall-clock seconds of a whole process."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def import_seconds(rounds):
    """Median seconds of `import jax_logreg`, without the interpreter's own start."""
    code = "import time; t = time.perf_counter(); import jax_logreg; print(time.perf_counter() - t)"
    outputs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        for _ in range(rounds)
    ]
    return statistics.median(float(done.stdout) for done in outputs)


def cats_seconds(folder, rounds):
    """Median seconds of the whole of `jax-logreg run configs/cats.toml`."""
    with tempfile.TemporaryDirectory() as out:
        arguments = ["-m", "jax_logreg", "run", ROOT / "configs" / "cats.toml", "--force"]
        for part in ("train", "test"):
            arguments += ["--set", f"data.{part}={folder / f'{part}_catvnoncat.h5'}"]
        return process_seconds([*map(str, arguments), "--out", f"{out}/run"], rounds)


def saving(n, m, rounds):
    """Milliseconds of a save of L-BFGS's state, and seconds of a process that resumes it,
    from its first import to its first look at the steps.
    """
    X, Y = problem(n, m)
    with tempfile.TemporaryDirectory() as folder:
        timed = Timed(folder, steps=1)
        fit(X, Y, penalty=L2(1e-6), solver=LBFGS(), steps=20, tolerance=0, checkpoint=timed)
        arrays, saved = Path(folder) / "arrays.npz", Path(folder) / "saved"
        np.savez(arrays, X=X, Y=Y)
        going_on = [RESUME, str(arrays), str(saved)]
        # The first is stopped after a chunk, the others resume from there.
        process_seconds(["-c", *going_on], 1)
        return statistics.median(timed.seconds_taken) * 1e3, process_seconds(
            ["-c", *going_on], rounds
        )


class Timed(Checkpoint):
    """One that says how long each save took."""

    def __init__(self, folder, **settings):
        super().__init__(folder, **settings)
        self.seconds_taken = []

    def save(self, point):
        """As its own, timed."""
        began = time.perf_counter()
        super().save(point)
        self.seconds_taken.append(time.perf_counter() - began)


RESUME = """
import sys
import numpy as np
from jax_logreg import L2, LBFGS, fit
from jax_logreg.checkpoint import Checkpoint, Stopped
arrays, folder = sys.argv[1:]
data, checkpoint = np.load(arrays), Checkpoint(folder, steps=1)
try:
    fit(
        data["X"], data["Y"], penalty=L2(1e-6), solver=LBFGS(), steps=10**6, tolerance=0,
        checkpoint=checkpoint, callback=lambda progress: checkpoint.stop(15),
    )
except Stopped:
    pass
"""


def main():
    """Measure and write the table."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--cats", type=Path, help="folder of the course's two HDF5 files")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else 7
    sizes = [iteration(*size, rounds) for size in (QUICK if chosen.quick else SIZES)]
    rows = [
        [
            f"{size['features']:,} x {size['examples']:,}",
            f"{size['numpy_ms']:.2f}",
            f"{size['scan_ms']:.2f}",
            f"**{size['ratio']:.2f}**",
            f"{size['numpy_cost']:.6f}",
            f"{size['scan_cost']:.6f}",
            f"{size['compile_seconds']:.2f}",
        ]
        for size in sizes
    ]
    head = [
        "features x examples", "NumPy, ms", "scan, ms", "scan / NumPy",
        "cost, NumPy", "cost, scan", "compile, s",
    ]  # fmt: skip
    others = {
        "import_seconds": import_seconds(rounds),
        "loop_microseconds_a_step": loop_overhead(rounds, steps=1_000 if chosen.quick else 100_000),
    }
    size = QUICK[0] if chosen.quick else SIZES[0]
    others["save_milliseconds"], others["resume_seconds"] = saving(*size[:2], rounds)
    if chosen.cats:
        others["cats_run_seconds"] = cats_seconds(chosen.cats, rounds)
    lines = [
        ["`import jax_logreg`", f"{others['import_seconds']:.2f} s"],
        ["`fit` of 2 x 50, a step, bar shown", f"{others['loop_microseconds_a_step']:.1f} µs"],
    ]
    shape = f"{size[0]:,} x {size[1]:,}"
    lines += [
        [f"saving L-BFGS on {shape}, once a minute", f"{others['save_milliseconds']:.0f} ms"],
        [
            "resuming it: import, data, compilation, a chunk of steps",
            f"{others['resume_seconds']:.1f} s",
        ],
    ]
    if chosen.cats:
        lines.append(["the whole `cats.toml` run", f"{others['cats_run_seconds']:.1f} s"])
    source = origin()
    text = "\n\n".join([table(head, rows), table(["what", "takes"], lines), footer(source)])
    save(chosen.out, "speed", text, {"origin": source, "sizes": sizes, **others})


if __name__ == "__main__":
    main()
