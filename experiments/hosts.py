"""The cost of a step on two processes, connected as hosts are, beside one with two devices.

    python experiments/hosts.py [--quick] [--out FOLDER]

Both share the examples over two CPU devices; the processes exchange their sums over the loopback
interface. A step's time is the difference of two runs' times over that of their steps, so that
what a run costs by itself drops out; the two kinds take turns. Results go to
experiments/results/hosts.md and .json.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import footer, options, origin, save, table

# features, examples, and the steps of the two runs
SIZE, QUICK = (784, 20_000, 50, 150), (20, 200, 5, 10)
ROUNDS = 3


def solvers():
    from jax_logreg import LBFGS, GradientDescent

    return {"gradient descent": GradientDescent(0.1), "L-BFGS": LBFGS()}


def problem(n, m):
    """X (n, m) and m labels, float32, seeded."""
    rng = np.random.default_rng([n, m])
    X = rng.standard_normal((n, m), np.float32)
    w = rng.standard_normal((1, n), np.float32) / np.float32(n**0.5)
    return X, (rng.random(m) < 1 / (1 + np.exp(-2 * w @ X)[0])).astype(int)


def measure(size, devices, rows):
    """Milliseconds of a step by each solver."""
    from jax_logreg import L2, fit

    n, m, few, many = size
    X, y = problem(n, m)

    def seconds(solver, steps):
        began = time.perf_counter()
        fit(
            X[:, rows],
            y[rows],
            penalty=L2(1e-3),
            solver=solver,
            steps=steps,
            tolerance=0,
            gradient_check="off",
            devices=devices,
        )
        return time.perf_counter() - began

    found = {}
    for name, solver in solvers().items():
        seconds(solver, few)
        long, short = seconds(solver, many), seconds(solver, few)
        found[name] = 1000 * (long - short) / (many - few)
    return found


def act(size, out, count, host, address):
    """One process: alone with two devices, or one of two hosts."""
    from jax_logreg.hosts import connect, disconnect

    devices, rows = "all", slice(None)
    if count == 2:
        connect(address, count, host)
        half = size[1] // 2
        devices, rows = "hosts", slice(host * half, (host + 1) * half)
    found = measure(size, devices, rows)
    if host == 0:
        Path(out).write_text(json.dumps(found))
    if count == 2:
        disconnect()


def launch(size, count):
    """Return the findings of `measure` in so many processes, two devices in all."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        address, out = f"127.0.0.1:{probe.getsockname()[1]}", Path(folder) / "found.json"
        probe.close()
        environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(2 // count)}
        task = json.dumps([size, str(out), count])
        hosts = [
            subprocess.Popen(
                [sys.executable, __file__, "--act", task, str(host), address],
                env=environment,
                stdout=subprocess.DEVNULL,
            )
            for host in range(count)
        ]
        if max(host.wait() for host in hosts) > 0:
            raise SystemExit("a process failed")
        return json.loads(out.read_text())


def main():
    if sys.argv[1:2] == ["--act"]:
        task, host, address = sys.argv[2:]
        return act(*json.loads(task), int(host), address)
    given = options(__doc__.splitlines()[0]).parse_args()
    size, rounds = (QUICK, 1) if given.quick else (SIZE, ROUNDS)
    found = {1: [], 2: []}
    for _ in range(rounds):
        for count, figures in found.items():
            figures.append(launch(size, count))
    rows, figures = [], {}
    for name in solvers():
        one, two = (statistics.median(round[name] for round in found[count]) for count in (1, 2))
        figures[name] = {"one process": one, "two processes": two}
        rows.append([name, f"{one:.2f}", f"{two:.2f}", f"{two - one:+.2f}"])
    source = origin()
    head = [f"a step on {size[0]} x {size[1]:,}, ms", "one process", "two processes", "difference"]
    text = f"{table(head, rows)}\n\n{footer(source)}"
    save(given.out, "hosts", text, {"milliseconds": figures, "rounds": found, "origin": source})


if __name__ == "__main__":
    main()
