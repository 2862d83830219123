"""The program of one of several hosts in a test, and the problems that it is given."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.sparse

from jax_logreg import L2, LBFGS, ElasticNet, GradientDescent, Newton, Optax, Proximal, fit
from jax_logreg.checkpoint import Checkpoint
from jax_logreg.cli.joining import join
from jax_logreg.errors import InputError
from jax_logreg.hosts import index
from jax_logreg.matrix import Standardised, Transposed, compress, from_scipy
from jax_logreg.sweep import fit_many

N, M = 4, 61
_RNG = np.random.default_rng(5)
X = _RNG.integers(0, 4, (N, M)).astype(float)
NOISY = X[0] + 2 * _RNG.random(M)
TWO = np.where(NOISY > 2.5, "yes", "no")
THREE = np.digitize(NOISY, [1.5, 3.0])
WEIGHTS = _RNG.integers(0, 3, M).astype(float)
ABOUT = np.full((N, 1), 1.5), np.full((N, 1), 1.25)


def standardised(X):
    return Standardised(from_scipy(scipy.sparse.csr_array(X), "float64"), *map(jnp.asarray, ABOUT))


def transposed(X):
    return Transposed(jnp.asarray(X.T))


def compressed(X):
    return compress(X, "uint8", "float64")


EXACT = {"dtype": "float64", "steps": 12, "tolerance": 0, "gradient_check": "off"}
RIDGE = {"penalty": L2(0.05), **EXACT}
# name: (matrix, labels, arguments of fit)
TABLE = {
    "descent": (standardised, TWO, {"solver": GradientDescent(0.3), **RIDGE}),
    "adam": (transposed, THREE, {"solver": Optax(optax.adam(0.1)), **RIDGE}),
    "lbfgs": (compressed, THREE, {"solver": LBFGS(), **RIDGE, "class_weight": "balanced"}),
    "proximal": (None, TWO, {**EXACT, "solver": Proximal(), "penalty": ElasticNet(0.02, 0.5)}),
    # Without a penalty and to its end, so that separation is looked for.
    "newton": (scipy.sparse.csr_array, TWO, {**EXACT, "solver": Newton(), "tolerance": 1e-9}),
}
# Those of every run; L-BFGS, whose Z lies in parts, is killed and taken up again in every run.
OFTEN = ("descent",)
# The computations of four hosts, of which one has no example.
FEW = {"few": (None, THREE, {"solver": GradientDescent(0.3), **RIDGE})}
# Arguments of host 1 that it, or all, refuse; and what all hosts say.
REFUSED = {
    "NaN": ({"X": X[:, :9] * np.nan}, r"host 1: X\[0, 0\] is nan"),
    "weights": ({"s": -np.ones(9)}, r"host 1: s\[0, 0\] is -1.0: expected finite weights"),
    "features": ({"X": X[:3, :9]}, "the number of features is 3 on host 1, but 4 on host 0"),
    "type": (
        {"X": scipy.sparse.csr_array(X[:, :9])},
        "the type of X is a sparse matrix on host 1, but an array on host 0",
    ),
    "labels": ({"Y": np.arange(9)}, "Y is text on one host and numbers on another"),
    "penalty": ({"penalty": L2(0.1)}, r"penalty is L2\(strength=0.1.* on host 1, but L2"),
    "steps": ({"steps": 13}, "steps is 13 on host 1, but 12 on host 0"),
    "rate": (
        {"solver": GradientDescent(0.5)},
        r"solver is GradientDescent\(learning_rate=0.5\) on host 1, but Grad.*=0.3\) on host 0",
    ),
    "checkpoint": (
        {"checkpoint": Checkpoint(tempfile.gettempdir())},
        "whether there is a checkpoint is True on host 1, but False on host 0",
    ),
}


def own_part(count):
    """Unequal runs of the examples; with more than two hosts the last but one has none."""
    ends = {2: [0, 40, M], 4: [0, 7, 40, 40, M]}[count]
    return slice(ends[index()], ends[index() + 1])


def compute(name, rows=slice(None), **settings):
    matrix, labels, arguments = (TABLE | FEW)[name]
    with jax.enable_x64(True):
        part = X[:, rows] if matrix is None else matrix(X[:, rows])
        return fit(part, labels[rows], s=WEIGHTS[rows], **arguments, **settings)


def numbers_of(name, result):
    """All that two answers are compared by."""
    found = {"w": result.params.w, "b": result.params.b, "cost": result.history.cost}
    found |= {"certificate": np.array(result.certificate), "steps": result.steps}
    texts = {"status": result.status.name, "classes": result.classes, "notes": result.notes}
    found |= {key: str(value) for key, value in texts.items()}
    return {f"{name} {key}": np.asarray(value) for key, value in found.items()}


def refuse():
    """Return the message of fit on each wrong argument of host 1."""
    said = {}
    for name, (wrong, _) in REFUSED.items():
        given = {"X": X[:, :9], "Y": TWO[:9], "s": None, "solver": GradientDescent(0.3), **RIDGE}
        given["devices"] = "hosts"
        try:
            fit(**{**given, **(wrong if index() == 1 else {})})
        except InputError as error:
            said[name] = str(error)
    try:
        fit_many(X, TWO, s=np.ones((2, M)), devices="hosts")
    except InputError as error:
        said["many"] = str(error)
    return said


def kill_at(step):
    """A callback that ends this process after that step, as nothing else does."""
    return lambda progress: progress.step >= step and os.kill(os.getpid(), signal.SIGKILL)


def long_run(rows, folder=None, callback=None, notice=None):
    """Several chunks of L-BFGS, whose Z lies in parts on the hosts."""
    checkpoint = None if folder is None else Checkpoint(folder, steps=1, notice=notice)
    settings = {**RIDGE, "steps": 250, "solver": LBFGS(), "devices": "hosts"}
    return fit(X[:, rows], TWO[rows], **settings, checkpoint=checkpoint, callback=callback)


def main(act, folder, count, address, host):
    folder, rest = Path(folder), (count, address, int(host))
    with join(*rest):
        rows, found = own_part(int(count)), {}
        if act in ("table", "often"):
            for name in TABLE if act == "table" else OFTEN:
                found |= numbers_of(name, compute(name, rows, devices="hosts"))
            found |= {f"refused {name}": np.asarray(line) for name, line in refuse().items()}
        if act == "few":
            found |= numbers_of("few", compute("few", rows, devices="hosts"))
        if act == "killed":
            found |= numbers_of("long", long_run(rows))
        if act == "resumed":
            lines = []
            found |= numbers_of("long", long_run(rows, folder / "saved", notice=lines.append))
            found["notice"] = np.asarray(lines)
        np.savez(folder / f"{act}{host}.npz", **found)
        if act == "killed":
            long_run(rows, folder / "saved", kill_at(120) if index() == 1 else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
