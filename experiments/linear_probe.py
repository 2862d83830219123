"""A linear probe: the strength of an L2 penalty by accuracy on held-out embeddings.

    python experiments/linear_probe.py [--data FILE] [--examples M] [--features N] [--classes K]
                                       [--penalties P] [--quick] [--out FOLDER]

The protocol of CLIP (Radford et al., 2021, A.3): penalties spaced evenly on a log scale over twelve
decades are fitted to nine tenths of the examples, the one that puts most of the last tenth into the
right class is fitted to all, and judged by examples never seen. FILE is .npz with X and Y, .parquet
with a column label, or .npy with its labels in FILE_labels.npy; without it embeddings are drawn, of
a power-law spectrum. scikit-learn fits the chosen penalty beside it, and one at either side. Then
the same is priced for ImageNet on one accelerator. Results: experiments/results/linear_probe.md.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from timing import footer, options, origin, save, table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from jax_logreg.cli import set_xla_flags  # noqa: E402

set_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from pydantic import TypeAdapter  # noqa: E402

from jax_logreg import L2, Batch, Params, Status, cost, fit, forward  # noqa: E402
from jax_logreg.data import DataConfig, prepare  # noqa: E402
from jax_logreg.logistic import MULTINOMIAL  # noqa: E402
from jax_logreg.sweep import path  # noqa: E402
from jax_logreg.sweep.folds import held_out  # noqa: E402

DECADES, HELD_OUT, TOLERANCE, STEPS = (-6, 6), 0.1, 1e-3, 1000
# ImageNet by embeddings of a ResNet-50, as the protocol has it; what an NVIDIA H200 is sold to do:
# float32 operations and bytes a second.
IMAGENET = {"m": 1_281_167, "n": 2_048, "k": 1_000, "penalties": 96}
FLOPS, BANDWIDTH = 67e12, 4.8e12
# Arrays of the size of Z that a step of L-BFGS reads or writes.
OF_Z = 12


def load(given):
    """Training and test part."""
    source = {"source": "file", "train": str(given.data)}
    if given.data is None:
        sizes = (400, 8, 4) if given.quick else (given.examples, given.features, given.classes)
        names = ("examples", "features", "classes")
        # A sixth more, which is the test part.
        m, n, k = sizes
        source = {"source": "embeddings", **dict(zip(names, (m * 6 // 5, n, k), strict=True))}
    config = {**source, "standardise": False, "test_fraction": 1 / 6}
    return prepare(TypeAdapter(DataConfig).validate_python(config), "float32")


def right(params, X, Y):
    """The share put into the right class."""
    A = forward(Params(*map(jnp.asarray, params)), X, MULTINOMIAL)
    return float(jnp.mean(jnp.argmax(A, axis=0) == jnp.argmax(Y, axis=0)))


def probe(data, penalties):
    """The sweep, the choice and the refit, with seconds of each; C in scikit-learn's meaning."""
    X, Y = data.X_train, data.Y_train
    (out,) = held_out(HELD_OUT, Y, None, 0)
    C = np.logspace(*DECADES, penalties)
    began = time.perf_counter()
    found = path(
        X,
        Y,
        strengths=1 / (C * (~out).sum()),
        penalty=L2,
        s=~out,
        steps=STEPS,
        tolerance=TOLERANCE,
    )
    swept = time.perf_counter() - began
    scores = [right(one, X[:, out], Y[:, out]) for one in zip(found.w, found.b, strict=True)]
    best = int(np.argmax(scores))
    began = time.perf_counter()
    chosen = fit(
        X, Y, penalty=L2(1 / (C[best] * Y.shape[1])), tolerance=TOLERANCE, gradient_check="off"
    )
    return {
        "C": C.tolist(),
        "accuracy": scores,
        "steps": found.steps.tolist(),
        "status": [one.name.lower() for one in found.status],
        "relative_gap": found.relative_gap.tolist(),
        "seconds": swept,
        "best": best,
        "refit_seconds": time.perf_counter() - began,
        "refit_steps": chosen.steps,
        "refit_status": Status(chosen.status).name.lower(),
        "test_accuracy": right(chosen.params, data.X_test, data.Y_test),
    }


def beside(data, C):
    """Seconds and suboptimality of one fit at this C, by either side, from the same rows."""
    from sklearn.linear_model import LogisticRegression

    rows, labels = np.ascontiguousarray(data.X_train.T), data.Y_train.argmax(axis=0)
    m, k = len(labels), len(data.classes)
    strength = 1 / (C * m)
    exact = fit(
        data.X_train,
        data.Y_train,
        penalty=L2(strength),
        dtype="float64",
        tolerance=1e-6,
        steps=5000,
        gradient_check="off",
    )
    batch = Batch(data.X_train, data.Y_train, np.ones((1, m), np.float32))
    found = {"C": float(C)}

    def judge(name, way):
        began = time.perf_counter()
        w, b, steps = way()
        seconds = time.perf_counter() - began
        with jax.enable_x64(True):
            w, b = (jnp.asarray(a, jnp.float64) for a in (w, b))
            whole = Batch(*(jnp.asarray(a, jnp.float64) for a in batch))
            J = cost(Params(w, b), whole, family=MULTINOMIAL) + strength / 2 * jnp.sum(w**2)
        excess = (float(J) - float(exact.certificate.cost)) / np.log(k)
        found[name] = {"seconds": seconds, "suboptimality": excess, "steps": int(steps)}

    def ours():
        result = fit(
            rows.T, data.Y_train, penalty=L2(strength), tolerance=TOLERANCE, gradient_check="off"
        )
        return (*map(np.asarray, result.params), result.steps)

    def theirs():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(C=C, max_iter=STEPS).fit(rows, labels)
        return model.coef_.T, model.intercept_[:, None], model.n_iter_[0]

    ours()
    judge("jax_logreg", ours)
    judge("scikit-learn", theirs)
    return found


def price(steps):
    """ImageNet on one accelerator at that many steps a penalty: operations, bytes, memory."""
    m, n, k, penalties = IMAGENET.values()
    flops = 2 * 2 * m * n * k
    of_X, of_Z = 4 * m * n, 4 * m * k
    bytes_moved = 2 * of_X + OF_Z * of_Z
    seconds = max(flops / FLOPS, bytes_moved / BANDWIDTH)
    return {
        "operations a step": f"{flops:.3g}",
        "bytes a step": f"{bytes_moved:.3g}",
        "memory: X, and what is of the size of Z": f"{of_X / 1e9:.1f} + {OF_Z * of_Z / 1e9:.1f} GB",
        f"a step at {FLOPS / 1e12:.0f} TFLOP/s and {BANDWIDTH / 1e12:.1f} TB/s": f"{seconds:.2g} s",
        f"all, {penalties} penalties of {steps:.0f} steps": f"{penalties * steps * seconds:.0f} s",
    }


def main():
    """Probe, compare, price, write."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="embeddings with labels; by default drawn")
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--penalties", type=int, default=25)
    given = parser.parse_args()
    data = load(given)
    found = probe(data, 5 if given.quick else given.penalties)
    best, C = found["best"], found["C"]
    # The chosen penalty, and one at either side, up to a hundred times weaker or stronger.
    step = max(len(C) // 6, 1)
    near = sorted({C[max(best - step, 0)], C[best], C[min(best + step, len(C) - 1)]})
    rows = [beside(data, one) for one in near]
    write(given.out, data, found, rows)


def write(folder, data, found, rows):
    """The tables and the figures behind them."""
    n, m = data.X_train.shape
    best, steps = found["best"], float(np.mean(found["steps"]))
    ends = ", ".join(f"{found['status'].count(s)} {s}" for s in sorted(set(found["status"])))
    text = (
        f"{data.source}: {m:,} examples x {n} features x {len(data.classes)} classes, "
        f"{len(found['C'])} penalties in {found['seconds']:.1f} s, compilation included: "
        f"{steps:.1f} steps each; {ends}. Chosen: C = {found['C'][best]:.3g}, "
        f"{found['accuracy'][best]:.2%} of the held-out tenth right; fitted to all in "
        f"{found['refit_seconds']:.1f} s, {found['test_accuracy']:.2%} of the test examples right."
    )
    head = ["one fit at C =", "this project, s", "suboptimality", "scikit-learn, s"]
    head += ["suboptimality", "this / theirs"]
    body = []
    for row in rows:
        mine, other = row["jax_logreg"], row["scikit-learn"]
        body.append(
            (
                f"{row['C']:.3g}",
                f"{mine['seconds']:.3g}",
                f"{mine['suboptimality']:.0e}",
                f"{other['seconds']:.3g}",
                f"{other['suboptimality']:.0e}",
                f"**{mine['seconds'] / other['seconds']:.2f}**",
            )
        )
    paper = price(steps)
    m, n, k, penalties = IMAGENET.values()
    what = f"on paper: {m:,} x {n:,} x {k:,} classes, {penalties} penalties"
    priced = table([what, "float32"], paper.items())
    source = origin()
    text = "\n\n".join([text, table(head, body), footer(source), priced])
    figures = {"origin": source, "sweep": found, "beside": rows, "on_paper": paper}
    save(folder, "linear_probe", text, figures)


if __name__ == "__main__":
    main()
